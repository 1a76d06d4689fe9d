//! Identifiers of tenants, schedules, runs, processes and images.
//!
//! Text identifiers are shared strings, so that a clone costs no allocation.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

macro_rules! text_id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(Arc<str>);

        impl $name {
            /// Creates the identifier with this text.
            pub fn new(text: impl Into<Arc<str>>) -> Self {
                Self(text.into())
            }

            /// Returns the text of the identifier.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.pad(&self.0)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.pad(&self.0)
            }
        }

        impl From<&str> for $name {
            fn from(text: &str) -> Self {
                Self::new(text)
            }
        }
    };
}

text_id! {
    /// Identifier of a tenant. No tenant ever sees data of another.
    TenantId
}
text_id! {
    /// Identifier of a schedule, unique over all tenants.
    ScheduleId
}
text_id! {
    /// Identifier of a run: `run:{tenant}:{schedule}:{trigger}:{fire instant or export id}`. One
    /// occurrence of a trigger that is handled twice is therefore one run.
    RunId
}
text_id! {
    /// Name of a process, which it keeps over restarts (the scrape label `instance`).
    ProcessName
}

impl RunId {
    /// Returns the deterministic identifier of the run for one occurrence of a trigger.
    pub fn of(
        tenant: &TenantId,
        schedule: &ScheduleId,
        trigger: super::Trigger,
        occurrence: impl fmt::Display,
    ) -> Self {
        Self::new(format!(
            "run:{tenant}:{schedule}:{}:{occurrence}",
            trigger.as_str()
        ))
    }
}

/// One incarnation of a process: from its start to its stop or crash. A restart is a new
/// incarnation with a new metrics registry and an active-run count of zero. Displayed as
/// `name#number`.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
pub struct IncarnationId {
    /// Process that the incarnation belongs to.
    pub process: ProcessName,
    /// Number of the incarnation of that process, from 1.
    pub number: u32,
}

impl IncarnationId {
    /// Returns the identifier of an incarnation; `number` is 1 for the first of its process.
    pub fn new(process: ProcessName, number: u32) -> Self {
        Self { process, number }
    }
}

impl fmt::Display for IncarnationId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}#{}", self.process, self.number)
    }
}

/// The SHA-256 digest that names an image's content; displayed as `sha256:` and 64 hex digits.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ImageDigest([u8; 32]);

const PREFIX: &str = "sha256:";

/// Length of the text of a digest.
const TEXT_LEN: usize = PREFIX.len() + 64;

impl ImageDigest {
    /// Creates the digest with these bytes.
    pub const fn new(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// Returns the bytes of the digest.
    pub const fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }

    /// Shows the text of the digest, which is on the stack.
    fn with_text<R>(&self, show: impl FnOnce(&str) -> R) -> R {
        let mut text = [0; TEXT_LEN];
        let (prefix, digits) = text.split_at_mut(PREFIX.len());
        prefix.copy_from_slice(PREFIX.as_bytes());
        for (pair, byte) in digits.chunks_exact_mut(2).zip(self.0) {
            let digit = |half: u8| b"0123456789abcdef"[usize::from(half)];
            pair.copy_from_slice(&[digit(byte >> 4), digit(byte & 15)]);
        }
        show(str::from_utf8(&text).unwrap_or_default())
    }
}

impl fmt::Display for ImageDigest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.with_text(|text| f.write_str(text))
    }
}

impl fmt::Debug for ImageDigest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// A text that is not `sha256:` and 64 hex digits.
#[derive(Debug, thiserror::Error)]
#[error("`{0}` is no image digest; write `sha256:` and 64 hex digits")]
pub struct ImageDigestError(String);

impl FromStr for ImageDigest {
    type Err = ImageDigestError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let error = || ImageDigestError(text.to_owned());
        let hex = text.strip_prefix(PREFIX).ok_or_else(error)?.as_bytes();
        if hex.len() != 64 {
            return Err(error());
        }
        let mut bytes = [0; 32];
        for (byte, pair) in bytes.iter_mut().zip(hex.chunks_exact(2)) {
            let digit = |c: u8| match c {
                b'0'..=b'9' => Ok(c - b'0'),
                b'a'..=b'f' => Ok(c - b'a' + 10),
                b'A'..=b'F' => Ok(c - b'A' + 10),
                _ => Err(error()),
            };
            *byte = digit(pair[0])? << 4 | digit(pair[1])?;
        }
        Ok(Self(bytes))
    }
}

impl Serialize for ImageDigest {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.with_text(|text| serializer.serialize_str(text))
    }
}

impl<'de> Deserialize<'de> for ImageDigest {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = std::borrow::Cow::<'de, str>::deserialize(deserializer)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn digest_text_round_trips() {
        let digest = ImageDigest::new(*b"0123456789abcdef\x00\xff\x80\x7f0123456789ab");
        assert_eq!(digest.to_string().parse::<ImageDigest>().unwrap(), digest);
        for bad in [
            "",
            "sha256:12",
            "md5:00",
            &format!("sha256:{}", "g".repeat(64)),
        ] {
            assert!(bad.parse::<ImageDigest>().is_err(), "{bad} was taken");
        }
    }
}
