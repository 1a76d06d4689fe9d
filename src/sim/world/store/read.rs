//! Reads, and the small writes that are no commits.

use std::sync::Arc;
use std::time::Duration;

use super::SimStore;
use super::runs::StoredRun;
use crate::model::commit::Intent;
use crate::model::{
    Baseline, Event, EventId, ImageDigest, IncarnationId, Mode, PermitGrant, PermitRequest, RunId,
    RunState, ScheduleId, SegmentKey, SharedList, TenantId, Timestamp,
};
use crate::worker::ports::{
    BacklogSnapshot, Export, HeartbeatAnswer, RunDocument, ScheduleDocument, ScheduleEntry,
    SegmentDocument, StaleWork, Versioned, WaitingRun,
};
use rehearsal_convert::Index;

impl SimStore {
    /// Lists the schedules that are not deleted, in ascending order.
    pub fn schedules(&mut self) -> SharedList<ScheduleEntry> {
        self.schedules.listing()
    }

    /// Reads a schedule; none if it never existed.
    pub fn schedule(&self, id: &ScheduleId) -> Option<ScheduleDocument> {
        Some(self.schedules.get(id)?.document())
    }

    /// Returns the export cursor and the exports after it, `limit` at most.
    pub fn exports(&self, limit: usize) -> (u64, Vec<Export>) {
        // Sequence numbers start at 1 and have no gaps.
        let waiting = self.exports.iter().skip(self.export_cursor.to_index());
        (self.export_cursor, waiting.take(limit).cloned().collect())
    }

    /// Returns the `per_tenant` oldest runs of each tenant that are in `Planning` and may be
    /// planned.
    pub fn planning_runs(&self, per_tenant: usize, now: Timestamp) -> Vec<WaitingRun> {
        let mut heads: Vec<WaitingRun> = Vec::new();
        let mut of_tenant = 0;
        for record in self.runs.planning() {
            let run = &record.run;
            if run.not_before.is_some_and(|instant| instant > now) {
                continue;
            }
            let is_first = heads.last().is_none_or(|head| head.tenant != run.tenant);
            of_tenant = if is_first { 1 } else { of_tenant + 1 };
            if of_tenant <= per_tenant {
                heads.push(WaitingRun {
                    run: run.id.clone(),
                    tenant: run.tenant.clone(),
                    created_at: run.created_at,
                    tenant_served: self.served.get(&run.tenant).copied().unwrap_or(0),
                });
            }
        }
        heads
    }

    /// Reads a run with its schedule; none if there is no such run.
    pub fn run(&self, id: &RunId) -> Option<RunDocument> {
        self.run_document(self.runs.get(id)?)
    }

    fn run_document(&self, record: &StoredRun) -> Option<RunDocument> {
        Some(RunDocument {
            run: Versioned {
                version: record.version,
                value: record.run.clone(),
            },
            schedule: self.schedules.get(&record.run.schedule)?.document(),
        })
    }

    /// Reads a segment with its run.
    pub fn segment(&self, key: &SegmentKey) -> SegmentDocument {
        let record = self.runs.get(&key.run);
        SegmentDocument {
            run: record.and_then(|record| self.run_document(record)),
            segment: record.and_then(|record| record.segment(key.index)).cloned(),
        }
    }

    /// Reads the times at which a report of each image was last committed.
    pub fn last_reports(
        &self,
        tenant: &TenantId,
        images: &[ImageDigest],
    ) -> Vec<Option<Timestamp>> {
        let baseline = self.baselines.of(tenant);
        let committed_at = |image| Some(baseline(image)?.committed_at);
        images.iter().map(committed_at).collect()
    }

    /// Reads the last committed reports of images.
    pub fn baselines(&self, tenant: &TenantId, images: &[ImageDigest]) -> Vec<Option<Baseline>> {
        let baseline = self.baselines.of(tenant);
        images
            .iter()
            .map(|image| baseline(image).cloned())
            .collect()
    }

    /// Returns intents that are not enqueued yet, oldest first, `limit` at most.
    pub fn intents(&self, limit: usize) -> Vec<Intent> {
        let waiting = self.runs.intents().filter(|intent| !intent.enqueued);
        waiting.take(limit).cloned().collect()
    }

    /// Returns the oldest events, `limit` at most.
    pub fn outbox(&self, limit: usize) -> Vec<Arc<Event>> {
        self.outbox.oldest(limit)
    }

    /// Removes an event from the outbox; returns false if it is gone already.
    pub fn forget_event(&mut self, id: EventId) -> bool {
        self.outbox.forget(id)
    }

    /// Reserves permits of a schedule.
    pub fn reserve_permits(
        &mut self,
        schedule: &ScheduleId,
        request: PermitRequest,
        now: Timestamp,
    ) -> PermitGrant {
        self.schedules.reserve_permits(schedule, request, now)
    }

    /// Returns the backlog, and by mode the oldest instant of progress among open runs.
    pub fn backlog(&mut self) -> BacklogSnapshot {
        BacklogSnapshot {
            rows: self.schedules.backlog(),
            progress: Mode::ALL.map(|mode| self.runs.oldest_progress(mode)),
            outbox_depth: self.outbox.depth(),
        }
    }

    /// Returns the images in all rows of the backlog.
    pub fn backlog_images(&self) -> u64 {
        self.schedules.backlog_images()
    }

    /// Records a heartbeat and returns the counts that may be adopted.
    pub fn heartbeat(
        &mut self,
        incarnation: &IncarnationId,
        abandoned_after: Duration,
        is_stopping: bool,
        now: Timestamp,
    ) -> HeartbeatAnswer {
        self.balances
            .heartbeat(incarnation, abandoned_after, is_stopping, now)
    }

    /// Returns stale segments and intents, and overdue and orphaned runs, for repair.
    /// *O*(what it returns), and *O*(unfinished runs) once a schedule was deleted.
    pub fn stale_work(
        &self,
        stale_after: Duration,
        run_timeout: Duration,
        now: Timestamp,
    ) -> StaleWork {
        let limit = now.before(stale_after);
        let run_limit = now.before(run_timeout);
        let is_stale = |at: Option<Timestamp>| at.is_none_or(|at| at < limit);
        let is_running = |run: &RunId| {
            self.runs
                .get(run)
                .is_some_and(|record| record.run.state == RunState::Running)
        };
        let id = |record: &StoredRun| record.run.id.clone();
        let is_overdue = |record: &&StoredRun| record.run.created_at < run_limit;
        let is_orphaned = |record: &&StoredRun| {
            let schedule = self.schedules.get(&record.run.schedule);
            schedule.is_some_and(|schedule| schedule.deleted)
        };
        let maybe_orphaned = self.schedules.has_deleted().then(|| self.runs.unfinished());
        StaleWork {
            segments: self
                .runs
                .released()
                .take_while(|segment| is_stale(segment.released_at))
                .filter(|segment| is_stale(segment.worked_at) && is_running(&segment.key.run))
                .cloned()
                .collect(),
            intents: self
                .runs
                .intents()
                .take_while(|intent| intent.since < limit)
                .cloned()
                .collect(),
            overdue: self
                .runs
                .unfinished()
                .take_while(is_overdue)
                .map(id)
                .collect(),
            orphaned: maybe_orphaned
                .into_iter()
                .flatten()
                .filter(is_orphaned)
                .map(id)
                .collect(),
        }
    }
}
