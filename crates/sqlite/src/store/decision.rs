//! Reads by which commits are decided.

use std::borrow::Cow;

use rehearsal_worker::model::commit::{AdoptOrphanedCount, DocumentVersion};
use rehearsal_worker::model::{
    Applied, CommitToken, ImageDigest, Run, RunId, ScheduleId, SegmentKey, TenantId,
};
use rehearsal_worker::ports::{SegmentFence, StoredDocuments, Versioned};
use tokio_rusqlite::rusqlite::{self, Connection};

use super::counters::StoreCounter;
use super::{active_runs, baselines, runs, schedules, segments, tokens};

/// Documents as a transaction sees them.
pub(super) struct TransactionDocuments<'a>(pub &'a Connection);

impl StoredDocuments for TransactionDocuments<'_> {
    type Error = rusqlite::Error;

    fn applied(&self, token: &CommitToken) -> rusqlite::Result<Option<Applied>> {
        tokens::answer(self.0, token)
    }

    fn run(&self, id: &RunId) -> rusqlite::Result<Option<Versioned<Cow<'_, Run>>>> {
        let run = runs::read(self.0, id)?;
        Ok(run.map(|Versioned { version, value }| Versioned {
            version,
            value: Cow::Owned(value),
        }))
    }

    fn segment_fence(&self, key: &SegmentKey) -> rusqlite::Result<Option<SegmentFence>> {
        segments::fence(self.0, key)
    }

    fn schedule_version(&self, id: &ScheduleId) -> rusqlite::Result<Option<DocumentVersion>> {
        schedules::version(self.0, id)
    }

    fn awaiting(&self, id: &ScheduleId) -> rusqlite::Result<Option<[u64; 2]>> {
        schedules::awaiting(self.0, id)
    }

    fn export_cursor(&self) -> rusqlite::Result<u64> {
        StoreCounter::ExportCursor.get(self.0)
    }

    fn revisions<'a>(
        &'a self,
        tenant: &'a TenantId,
    ) -> impl FnMut(&ImageDigest) -> rusqlite::Result<Option<u64>> + 'a {
        |image| baselines::revision(self.0, tenant, image)
    }

    fn adoptable(&self, adoption: &AdoptOrphanedCount) -> rusqlite::Result<Option<[i64; 2]>> {
        active_runs::adoptable(self.0, adoption)
    }
}
