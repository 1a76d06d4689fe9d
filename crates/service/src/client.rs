//! HTTP clients of a process: the Scanner, and the receiver of events.
//!
//! Each client sends to one configured URL and nowhere else: it follows no redirect, and so its
//! token reaches no other host. It connects to no address that the
//! [`AddressPolicy`] refuses; the resolver that the connection uses checks them, so that a name
//! that changes between a check and the connection gains nothing.

mod address_policy;
mod http_client;
mod notify;
mod resolver;
mod retry_after;
mod scanner;
mod target_url;
#[cfg(test)]
mod tests;
mod tls;

pub use address_policy::{AddressPolicy, RefusedAddress};
pub use http_client::{HttpAnswer, HttpClient, HttpError};
pub use notify::{EventLog, EventWebhook, NotifyClient};
pub use scanner::{HttpScanner, InvalidToken, ScannerClient, ScannerOptions};
pub use target_url::{TargetUrl, UrlError};
pub use tls::{TlsError, TrustedRoots};
