//! Heartbeats of a client, and active-run counts that it adopts.

use std::time::Duration;

use rehearsal_worker::model::commit::{ActiveRunsDelta, AdoptOrphanedCount, DocumentVersion};
use rehearsal_worker::model::{Commit, CommitStep, IncarnationId, Mode};
use rehearsal_worker::ports::{HeartbeatAnswer, Ports, Store};

use crate::client::TestClient;
use crate::{ContractResult, ContractViolation};

/// Orphaned count: its incarnation, and the version that an adoption must name.
pub(crate) type OrphanedCount = (IncarnationId, DocumentVersion);

impl<P: Ports> TestClient<P> {
    /// Changes the active-run count of this incarnation.
    pub async fn count_runs(&self, mode: Mode, change: i64) -> ContractResult {
        let mut commit = self.commit(CommitStep::Requeue, 0);
        commit.active_runs_delta = Some(ActiveRunsDelta { mode, change });
        self.apply(commit).await.map(drop)
    }

    pub async fn beat(
        &self,
        abandoned_after: Duration,
        stopping: bool,
    ) -> ContractResult<HeartbeatAnswer> {
        let store = self.store();
        let answer = store.heartbeat(&self.incarnation, abandoned_after, stopping);
        Ok(answer.await?)
    }

    /// Returns the count of another incarnation if a heartbeat is answered that it is orphaned.
    pub async fn find_orphaned_count_of(
        &self,
        dead: &Self,
        abandoned_after: Duration,
    ) -> ContractResult<Option<OrphanedCount>> {
        let answer = self.beat(abandoned_after, false).await?;
        let mut orphaned = answer.orphaned.into_iter();
        Ok(orphaned.find(|(id, _)| *id == dead.incarnation))
    }

    /// Returns the count of another incarnation, and requires that it is orphaned.
    pub async fn orphaned_count_of(
        &self,
        dead: &Self,
        abandoned_after: Duration,
        because: &str,
    ) -> ContractResult<OrphanedCount> {
        let found = self.find_orphaned_count_of(dead, abandoned_after).await?;
        let violation = || ContractViolation::new("the count", "not orphaned", "orphaned", because);
        found.ok_or_else(violation)
    }

    /// Returns the commit that adopts an orphaned count.
    pub fn adoption(&self, (from, expected): &OrphanedCount) -> Commit {
        let mut commit = self.commit(CommitStep::AdoptOrphanedCount, 0);
        commit.adoption = Some(AdoptOrphanedCount {
            from: from.clone(),
            expected: *expected,
        });
        commit
    }
}
