//! Signed webhooks: those that the service receives, and the signatures of those that it sends.

mod export_document;
mod export_webhooks;
mod rate_limit;
mod signature;

pub use export_document::ExportInbox;
pub use export_webhooks::ExportWebhooks;
pub use signature::SigningKeys;
