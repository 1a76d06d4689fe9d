//! Signatures of webhooks: HMAC-SHA-256 with a key that both sides have.
//!
//! ```text
//!   upstream's form      X-Scheduler-Signature: sha256=<hex>    of  <body>
//!   Standard Webhooks    webhook-signature: v1,<base64>         of  <id>.<timestamp>.<body>
//! ```
//!
//! The second form is protected against replay: its timestamp may differ from the receiver's clock
//! by five minutes at most. A request with the headers of both forms is verified as the second.

use std::time::{SystemTime, UNIX_EPOCH};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, Mac};
use hyper::HeaderMap;
use secrecy::{ExposeSecret, SecretSlice};
use sha2::Sha256;

/// Header of upstream's form.
pub const BODY_SIGNATURE: &str = "x-scheduler-signature";
/// Headers of the form of Standard Webhooks.
pub const MESSAGE_ID: &str = "webhook-id";
/// Time of sending, in seconds since the Unix epoch.
pub const MESSAGE_TIMESTAMP: &str = "webhook-timestamp";
/// One or several signatures, with spaces between them.
pub const MESSAGE_SIGNATURE: &str = "webhook-signature";
/// Maximum difference between a timestamp and the receiver's clock, in seconds.
const TOLERANCE_SECONDS: u64 = 5 * 60;
/// Maximum number of signatures in one header: a sender has one for each of its keys.
const SIGNATURES_MAX: usize = 8;

/// Result of a verification.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct VerifiedSignature<'a> {
    /// Index of the key that signed.
    pub key: usize,
    /// Identifier of the message; none in upstream's form, which is not protected against replay.
    pub message: Option<&'a str>,
}

/// Keys that are valid at the same time, so that senders can change theirs one after the other.
#[derive(Debug, Clone)]
pub struct SigningKeys(Vec<SecretSlice<u8>>);

impl SigningKeys {
    /// Creates the list; the first key signs what is sent.
    pub fn new(keys: impl IntoIterator<Item = Vec<u8>>) -> Self {
        Self(keys.into_iter().map(SecretSlice::from).collect())
    }

    /// Returns the number of keys.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Returns whether there is no key, so that no signature is valid.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Verifies the signature of a request. None if no key signed it, or the timestamp is too far
    /// from now. The time of a comparison does not depend on the signature.
    pub fn verify<'a>(&self, headers: &'a HeaderMap, body: &[u8]) -> Option<VerifiedSignature<'a>> {
        let only = |name: &str| {
            let mut values = headers.get_all(name).iter();
            let value = values.next().filter(|_| values.next().is_none())?;
            value.to_str().ok()
        };
        if headers.contains_key(MESSAGE_SIGNATURE) {
            let (id, time) = (only(MESSAGE_ID)?, only(MESSAGE_TIMESTAMP)?);
            let sent_at: u64 = time.parse().ok()?;
            if unix_seconds().abs_diff(sent_at) > TOLERANCE_SECONDS {
                return None;
            }
            let signatures = only(MESSAGE_SIGNATURE)?.split(' ').take(SIGNATURES_MAX);
            let signatures = signatures.filter_map(|text| text.strip_prefix("v1,"));
            let signatures: Vec<_> = signatures
                .filter_map(|text| STANDARD.decode(text).ok())
                .collect();
            let parts = [id.as_bytes(), b".", time.as_bytes(), b".", body];
            let message = Some(id);
            return (self.find(&signatures, &parts)).map(|key| VerifiedSignature { key, message });
        }
        let signature = decode_hex(only(BODY_SIGNATURE)?.strip_prefix("sha256=")?)?;
        let message = None;
        (self.find(&[signature], &[body])).map(|key| VerifiedSignature { key, message })
    }

    /// Returns the index of the key with one of these signatures.
    fn find(&self, signatures: &[Vec<u8>], parts: &[&[u8]]) -> Option<usize> {
        self.0.iter().position(|key| {
            let mac = authenticate(key, parts);
            signatures
                .iter()
                .any(|signature| mac.clone().verify_slice(signature).is_ok())
        })
    }

    /// Returns the headers of Standard Webhooks for a message that is sent now; none without a key.
    pub fn sign(&self, id: &str, body: &[u8]) -> Option<[(&'static str, String); 3]> {
        let time = unix_seconds().to_string();
        let parts = [id.as_bytes(), b".", time.as_bytes(), b".", body];
        let mac = authenticate(self.0.first()?, &parts)
            .finalize()
            .into_bytes();
        let signature = format!("v1,{}", STANDARD.encode(mac));
        Some([
            (MESSAGE_ID, id.to_owned()),
            (MESSAGE_TIMESTAMP, time),
            (MESSAGE_SIGNATURE, signature),
        ])
    }
}

/// Computes the authentication code of these parts, one after the other.
fn authenticate(key: &SecretSlice<u8>, parts: &[&[u8]]) -> Hmac<Sha256> {
    let mut mac = Hmac::<Sha256>::new_from_slice(key.expose_secret()).expect("any length will do");
    for part in parts {
        mac.update(part);
    }
    mac
}

fn unix_seconds() -> u64 {
    let elapsed = SystemTime::now().duration_since(UNIX_EPOCH);
    elapsed.unwrap_or_default().as_secs()
}

fn decode_hex(text: &str) -> Option<Vec<u8>> {
    let digits: Option<Vec<u8>> = text
        .chars()
        .map(|digit| {
            digit
                .to_digit(16)
                .and_then(|digit| u8::try_from(digit).ok())
        })
        .collect();
    let digits = digits?;
    let pairs = digits.chunks_exact(2);
    pairs
        .remainder()
        .is_empty()
        .then(|| pairs.map(|pair| pair[0] << 4 | pair[1]).collect())
}

#[cfg(test)]
pub(super) mod tests {
    use hyper::header::{HeaderName, HeaderValue};

    use super::*;

    /// Headers with upstream's signature of a body.
    pub fn signed(key: &[u8], body: &[u8]) -> HeaderMap {
        let mac = authenticate(&SecretSlice::from(key.to_vec()), &[body]);
        let hex: String = mac
            .finalize()
            .into_bytes()
            .iter()
            .map(|b| format!("{b:02x}"))
            .collect();
        headers(&[(BODY_SIGNATURE, format!("sha256={hex}"))])
    }

    /// Headers of Standard Webhooks for a message that is `age` seconds old.
    pub fn signed_at(key: &[u8], id: &str, age: i64, body: &[u8]) -> HeaderMap {
        let time = (unix_seconds().cast_signed() - age).to_string();
        let parts = [id.as_bytes(), b".", time.as_bytes(), b".", body];
        let mac = authenticate(&SecretSlice::from(key.to_vec()), &parts);
        let signature = STANDARD.encode(mac.finalize().into_bytes());
        headers(&[
            (MESSAGE_ID, id.to_owned()),
            (MESSAGE_TIMESTAMP, time),
            (MESSAGE_SIGNATURE, format!("v1,{signature}")),
        ])
    }

    fn headers(fields: &[(&'static str, String)]) -> HeaderMap {
        let fields = fields.iter().map(|(name, value)| {
            (
                HeaderName::from_static(name),
                HeaderValue::from_str(value).unwrap(),
            )
        });
        fields.collect()
    }

    /// The key of a valid signature.
    fn verified(keys: &SigningKeys, headers: &HeaderMap, body: &[u8]) -> Option<usize> {
        keys.verify(headers, body).map(|signature| signature.key)
    }

    fn keys() -> SigningKeys {
        SigningKeys::new([b"old key".to_vec(), b"new key".to_vec()])
    }

    #[test]
    fn signature_over_the_body_is_that_of_rfc_4231() {
        // Test case 2 of RFC 4231.
        let keys = SigningKeys::new([b"Jefe".to_vec()]);
        let hex = "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843";
        let headers = headers(&[(BODY_SIGNATURE, format!("sha256={hex}"))]);
        let body = b"what do ya want for nothing?";
        assert_eq!(verified(&keys, &headers, body), Some(0));
    }

    #[test]
    fn each_valid_key_verifies_and_no_other() {
        let keys = keys();
        assert_eq!(
            verified(&keys, &signed(b"old key", b"body"), b"body"),
            Some(0)
        );
        assert_eq!(
            verified(&keys, &signed(b"new key", b"body"), b"body"),
            Some(1)
        );
        assert_eq!(verified(&keys, &signed(b"no key", b"body"), b"body"), None);
        assert_eq!(verified(&keys, &signed(b"old key", b"body"), b"Body"), None);
        let message = signed_at(b"new key", "msg-1", 0, b"body");
        let signature = VerifiedSignature {
            key: 1,
            message: Some("msg-1"),
        };
        assert_eq!(keys.verify(&message, b"body"), Some(signature));
        assert_eq!(keys.verify(&message, b"Body"), None);
    }

    #[test]
    fn malformed_signatures_are_refused() {
        let keys = keys();
        let hex = "0".repeat(64);
        for value in [
            "",
            "sha256=",
            "sha256=0",
            "sha256=zz",
            "sha1=00",
            &hex,
            "sha256=é",
        ] {
            let Ok(value) = HeaderValue::from_bytes(value.as_bytes()) else {
                continue;
            };
            let mut headers = HeaderMap::new();
            headers.insert(BODY_SIGNATURE, value.clone());
            assert_eq!(keys.verify(&headers, b""), None, "{value:?}");
        }
        assert_eq!(keys.verify(&HeaderMap::new(), b""), None);
        // Two signatures leave open which one counts.
        let mut twice = signed(b"old key", b"body");
        twice.append(BODY_SIGNATURE, "sha256=00".parse().unwrap());
        assert_eq!(keys.verify(&twice, b"body"), None);
    }

    #[test]
    fn messages_older_or_newer_than_five_minutes_are_refused() {
        let keys = keys();
        for (age, is_valid) in [(290, true), (-290, true), (310, false), (-310, false)] {
            let message = signed_at(b"old key", "msg-1", age, b"body");
            assert_eq!(
                keys.verify(&message, b"body").is_some(),
                is_valid,
                "{age} s"
            );
        }
    }

    #[test]
    fn identifier_and_timestamp_are_signed() {
        let keys = keys();
        for (name, value) in [(MESSAGE_ID, "msg-2"), (MESSAGE_TIMESTAMP, "0")] {
            let mut message = signed_at(b"old key", "msg-1", 0, b"body");
            message.insert(name, value.parse().unwrap());
            assert_eq!(keys.verify(&message, b"body"), None, "{name}");
        }
        // The plain form does not save a replay.
        let mut replay = signed(b"old key", b"body");
        replay.extend(signed_at(b"old key", "msg-1", 4_000, b"body"));
        assert_eq!(keys.verify(&replay, b"body"), None);
    }

    #[test]
    fn what_is_signed_verifies() {
        let keys = keys();
        let fields = keys.sign("msg-1", b"body").unwrap();
        assert_eq!(verified(&keys, &headers(&fields), b"body"), Some(0));
        assert!(SigningKeys::new([]).sign("msg-1", b"body").is_none());
    }

    #[test]
    fn keys_are_not_printed() {
        let text = format!("{:?}", keys());
        assert!(!text.contains("key") && !text.contains("111"), "{text}");
    }
}
