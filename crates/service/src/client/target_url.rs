//! URL of a service, checked before anything is sent there.

use std::fmt;
use std::net::IpAddr;

use hyper::Uri;

use super::address_policy::{AddressPolicy, RefusedAddress};

/// URL to which a client sends.
#[derive(Clone, PartialEq, Eq)]
pub struct TargetUrl {
    uri: Uri,
    policy: AddressPolicy,
}

/// Reason why no client sends to a URL. The messages do not quote it: it may hold a password.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum UrlError {
    /// The text is no absolute URL.
    #[error("it is no absolute URL; write for instance `https://scanner.example/api/v1/reports`")]
    Malformed,
    /// The scheme is another one.
    #[error("its scheme is not `https`; only loopback addresses may be reached without TLS")]
    Scheme,
    /// The URL has user or password.
    #[error("it has a user or a password; put the secret into a file")]
    UserInfo,
    /// The host is an address that is refused.
    #[error(transparent)]
    Address(#[from] RefusedAddress),
}

impl TargetUrl {
    /// Checks a URL. `http` is for hosts on this machine only, and these need `allow_loopback`.
    ///
    /// # Errors
    /// See [`UrlError`].
    pub fn new(text: &str, allow_loopback: bool) -> Result<Self, UrlError> {
        let uri: Uri = text.parse().map_err(|_| UrlError::Malformed)?;
        let authority = uri.authority().ok_or(UrlError::Malformed)?;
        if authority.as_str().contains('@') {
            return Err(UrlError::UserInfo);
        }
        let host = authority.host().trim_matches(['[', ']']);
        if host.is_empty() {
            return Err(UrlError::Malformed);
        }
        let literal = host.parse::<IpAddr>().ok();
        let is_local = host == "localhost" || literal.is_some_and(|address| address.is_loopback());
        let is_encrypted = match uri.scheme_str() {
            Some("https") => true,
            Some("http") if is_local => false,
            _ => return Err(UrlError::Scheme),
        };
        let policy = AddressPolicy {
            allows_loopback: allow_loopback,
            allows_remote: is_encrypted,
        };
        // The connector does not resolve an address, so it is checked here.
        if let Some(address) = literal {
            policy.check(address)?;
        }
        Ok(Self { uri, policy })
    }

    /// Returns the URL.
    pub fn uri(&self) -> &Uri {
        &self.uri
    }

    /// Returns the addresses to which its client may connect.
    pub fn policy(&self) -> AddressPolicy {
        self.policy
    }
}

/// Scheme and host only: path and query may hold a secret.
impl fmt::Display for TargetUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let scheme = self.uri.scheme_str().unwrap_or_default();
        let authority = self
            .uri
            .authority()
            .map_or("", |authority| authority.as_str());
        write!(f, "{scheme}://{authority}")
    }
}

impl fmt::Debug for TargetUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tls_is_left_out_for_loopback_only() {
        assert!(TargetUrl::new("https://scanner.example/reports", false).is_ok());
        assert!(TargetUrl::new("https://10.1.2.3:8443/", false).is_ok());
        assert_eq!(
            TargetUrl::new("http://scanner.example/", true).unwrap_err(),
            UrlError::Scheme
        );
        assert_eq!(
            TargetUrl::new("http://10.1.2.3/", true).unwrap_err(),
            UrlError::Scheme
        );
        for local in [
            "http://127.0.0.1:80/",
            "http://[::1]/",
            "https://127.0.0.1/",
        ] {
            assert!(TargetUrl::new(local, true).is_ok(), "{local} was refused");
            let error = TargetUrl::new(local, false).unwrap_err();
            assert!(matches!(error, UrlError::Address(_)), "{local}: {error}");
        }
        // Whether the name is on this machine is known when it is resolved.
        let named = TargetUrl::new("http://localhost:80/", true).unwrap();
        assert!(!named.policy().allows_remote);
    }

    #[test]
    fn urls_with_refused_addresses_users_or_no_host_are_refused() {
        for text in [
            "https://169.254.169.254/latest",
            "https://[fe80::1]/",
            "https://user:hunter2@scanner.example/",
            "https:///reports",
            "/reports",
            "ftp://scanner.example/",
            "",
        ] {
            let error = TargetUrl::new(text, true).unwrap_err();
            assert!(!error.to_string().contains("hunter2"), "{error}");
        }
    }

    #[test]
    fn only_scheme_and_host_are_printed() {
        let url = TargetUrl::new("https://scanner.example/a-token?key=secret", false).unwrap();
        assert_eq!(
            format!("{url} {url:?}"),
            "https://scanner.example https://scanner.example"
        );
    }
}
