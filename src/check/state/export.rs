//! Published exports, and the number up to which they are handled.

use std::sync::Arc;

use crate::model::{TenantId, Timestamp, Trigger};
use rehearsal_convert::Index;

/// One export.
#[derive(Debug, Clone)]
pub(crate) struct ExportRecord {
    /// Only this tenant's schedules; none: all.
    pub tenant: Option<TenantId>,
    pub trigger: Trigger,
    pub id: Arc<str>,
    pub product_keys: Vec<Arc<str>>,
    pub usage_only: bool,
    pub published_at: Timestamp,
}

/// All exports, numbered from 1 without gaps.
#[derive(Debug, Default)]
pub(crate) struct Exports {
    published: Vec<ExportRecord>,
    /// All up to this number are handled.
    pub handled: u64,
}

impl Exports {
    /// An export is published.
    pub fn publish(&mut self, export: ExportRecord) {
        self.published.push(export);
    }

    /// Those with a number above `after` and up to `until`.
    pub fn between(&self, after: u64, until: u64) -> &[ExportRecord] {
        let until = until.to_index().min(self.published.len());
        self.published
            .get(after.to_index()..until)
            .unwrap_or_default()
    }

    /// Whether every export is handled.
    pub fn is_settled(&self) -> bool {
        self.handled >= self.published.len() as u64
    }
}
