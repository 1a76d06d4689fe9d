//! Signed webhooks: those that the service receives, and the signatures of those that it sends.

mod address_limit;
mod export_document;
mod rate_limit;
mod receiver;
mod refusal;
mod signature;
#[cfg(test)]
mod tests;

pub use export_document::ExportInbox;
pub use receiver::WebhookReceiver;
pub use signature::{SigningKeys, VerifiedSignature};
