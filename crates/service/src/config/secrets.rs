//! Secrets of a process, from files or from the environment.

use std::path::{Path, PathBuf};

use rehearsal_files::{ByteLimit, read_text};
use secrecy::SecretString;
use zeroize::Zeroizing;

use super::sections::ServiceConfig;
use crate::webhook::SigningKeys;

/// Variables of the environment that hold secrets, in the order of the fields of [`Secrets`].
pub const SECRET_VARIABLES: [&str; 3] = [
    "REHEARSAL_SCANNER_TOKEN",
    "REHEARSAL_NOTIFY_KEY",
    "REHEARSAL_EVENTS_KEY",
];

/// Minimum number of bytes of a key for signatures.
const KEY_BYTES_MIN: usize = 16;

/// Secrets of a process. They are never printed.
#[derive(Debug, Clone)]
pub struct Secrets {
    /// Token for the Scanner.
    pub scanner_token: Option<SecretString>,
    /// Keys that sign events; none if they are not signed.
    pub notify_keys: SigningKeys,
    /// Keys that are valid for signatures of webhooks.
    pub event_keys: SigningKeys,
}

/// Error of a secret. It is not quoted.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SecretError {
    /// The file can't be read.
    #[error("{key}: {path}: {reason}")]
    Unreadable {
        /// Key that names the file.
        key: &'static str,
        /// File.
        path: PathBuf,
        /// Reason of the operating system.
        reason: String,
    },
    /// There is nothing in it.
    #[error("{key}: the secret is empty; write it into the file, without a line end")]
    Empty {
        /// Key or variable.
        key: &'static str,
    },
    /// The key can be guessed.
    #[error(
        "{key}: the key has fewer than {KEY_BYTES_MIN} bytes; make one with `openssl rand -hex 32`"
    )]
    Short {
        /// Key or variable.
        key: &'static str,
    },
    /// Webhooks without keys would refuse everything.
    #[error("events.keyFiles: webhooks need a key; name a file, or set REHEARSAL_EVENTS_KEY")]
    Missing,
}

impl Secrets {
    /// Reads the secrets that a configuration names. A file has precedence over the environment.
    ///
    /// # Errors
    /// A file can't be read, or a secret is empty or short.
    pub fn read(
        config: &ServiceConfig,
        variable: impl Fn(&str) -> Option<String>,
    ) -> Result<Self, SecretError> {
        let [token, notify, events] = SECRET_VARIABLES;
        let from_variable = |name: &'static str| {
            let text = variable(name).map(Zeroizing::new);
            text.map(|text| trimmed(name, &text)).transpose()
        };
        let scanner_token = match &config.scanner.token_file {
            Some(path) => Some(from_file("scanner.tokenFile", path)?),
            None => from_variable(token)?,
        };
        let notify_key = match &config.notify.key_file {
            Some(path) => Some(from_file("notify.keyFile", path)?),
            None => from_variable(notify)?,
        };
        let mut event_keys = Vec::new();
        for path in &config.events.key_files {
            event_keys.push(from_file("events.keyFiles", path)?);
        }
        if event_keys.is_empty() {
            event_keys.extend(from_variable(events)?);
        }
        if config.events.listen.is_some() && event_keys.is_empty() {
            return Err(SecretError::Missing);
        }
        Ok(Self {
            scanner_token: scanner_token.map(|token| SecretString::from(token.as_str())),
            notify_keys: signing_keys("notify.keyFile", notify_key)?,
            event_keys: signing_keys("events.keyFiles", event_keys)?,
        })
    }
}

fn signing_keys(
    key: &'static str,
    texts: impl IntoIterator<Item = Zeroizing<String>>,
) -> Result<SigningKeys, SecretError> {
    let texts: Vec<_> = texts.into_iter().collect();
    match texts.iter().any(|text| text.len() < KEY_BYTES_MIN) {
        true => Err(SecretError::Short { key }),
        false => Ok(SigningKeys::new(
            texts.iter().map(|text| text.as_bytes().to_vec()),
        )),
    }
}

fn from_file(key: &'static str, path: &Path) -> Result<Zeroizing<String>, SecretError> {
    let text = read_text(path, ByteLimit::SECRET).map_err(|error| SecretError::Unreadable {
        key,
        path: path.to_owned(),
        reason: error.reason(),
    })?;
    trimmed(key, &Zeroizing::new(text))
}

/// Returns a secret without the line end that an editor added.
fn trimmed(key: &'static str, text: &str) -> Result<Zeroizing<String>, SecretError> {
    match text.trim() {
        "" => Err(SecretError::Empty { key }),
        text => Ok(Zeroizing::new(text.to_owned())),
    }
}
