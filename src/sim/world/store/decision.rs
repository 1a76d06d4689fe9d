//! Reads by which commits are decided.

use std::borrow::Cow;
use std::convert::Infallible;

use super::SimStore;
use crate::model::commit::{AdoptOrphanedCount, DocumentVersion};
use crate::model::{
    Applied, CommitToken, ImageDigest, Run, RunId, ScheduleId, SegmentKey, TenantId,
};
use crate::worker::ports::{SegmentFence, StoredDocuments, Versioned};

impl StoredDocuments for SimStore {
    type Error = Infallible;

    fn applied(&self, token: &CommitToken) -> Result<Option<Applied>, Infallible> {
        Ok(self.tokens.get(token).cloned())
    }

    fn run(&self, id: &RunId) -> Result<Option<Versioned<Cow<'_, Run>>>, Infallible> {
        let record = self.runs.get(id);
        Ok(record.map(|record| Versioned {
            version: record.version,
            value: Cow::Borrowed(&record.run),
        }))
    }

    fn segment_fence(&self, key: &SegmentKey) -> Result<Option<SegmentFence>, Infallible> {
        let segment = self.runs.segment(key);
        Ok(segment.map(|segment| SegmentFence {
            delivery: segment.delivery,
            is_committed: segment.committed_by.is_some(),
        }))
    }

    fn schedule_version(&self, id: &ScheduleId) -> Result<Option<DocumentVersion>, Infallible> {
        Ok(self.schedules.get(id).map(|record| record.version))
    }

    fn awaiting(&self, id: &ScheduleId) -> Result<Option<[u64; 2]>, Infallible> {
        let record = self.schedules.get(id).filter(|record| !record.deleted);
        Ok(record.map(|record| record.backlog))
    }

    fn export_cursor(&self) -> Result<u64, Infallible> {
        Ok(self.export_cursor)
    }

    fn revisions<'a>(
        &'a self,
        tenant: &'a TenantId,
    ) -> impl FnMut(&ImageDigest) -> Result<Option<u64>, Infallible> + 'a {
        let baseline = self.baselines.of(tenant);
        move |image| Ok(baseline(image).map(|baseline| baseline.revision))
    }

    fn adoptable(&self, adoption: &AdoptOrphanedCount) -> Result<Option<[i64; 2]>, Infallible> {
        Ok(self.balances.to_take(adoption))
    }
}
