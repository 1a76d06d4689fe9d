//! Store with a planted fault.

use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use rehearsal::model::commit::Intent;
use rehearsal::model::{
    Baseline, Commit, CommitAnswer, Event, EventId, ImageDigest, IncarnationId, RunId, ScheduleId,
    SegmentKey, SharedList, TenantId, Timestamp,
};
use rehearsal::sim::world::WorldPorts;
use rehearsal::worker::ports::{
    BacklogSnapshot, Export, HeartbeatAnswer, PermitGrant, PortResult, Ports, RunDocument,
    ScheduleDocument, ScheduleEntry, SegmentDocument, StaleWork, Store, Timestamped, WaitingRun,
};

use crate::planted::{Memory, PlantedFault};

type SimulatedStore = <WorldPorts as Ports>::Store;

/// Simulated store that shows a planted fault.
#[derive(Clone)]
pub struct PlantedStore {
    store: SimulatedStore,
    planted: Option<PlantedFault>,
    memory: Rc<Memory>,
}

impl PlantedStore {
    pub fn new(store: SimulatedStore, planted: Option<PlantedFault>, memory: Rc<Memory>) -> Self {
        Self {
            store,
            planted,
            memory,
        }
    }

    fn has(&self, fault: PlantedFault) -> bool {
        self.planted == Some(fault)
    }

    /// Returns the commit over the versions that are present now.
    async fn over_present_versions(&self, commit: &Commit) -> PortResult<Commit> {
        let mut commit = commit.clone();
        for write in &mut commit.runs {
            let present = self.store.run(&write.run.id).await?.value;
            write.expected = present.map(|document| document.run.version);
        }
        if let Some(write) = &mut commit.schedule {
            let present = self.store.schedule(&write.id).await?.value;
            write.expected = present.map_or(0, |document| document.state.version);
        }
        Ok(commit)
    }

    /// Returns the answer with the faults that concern it.
    fn spoiled(&self, commit: &Commit, answer: CommitAnswer, images_before: u64) -> CommitAnswer {
        let CommitAnswer::Applied(mut applied) = answer else {
            return answer;
        };
        if self.has(PlantedFault::StampsOutOfOrder) {
            let behind = Duration::from_secs(commit.token.sequence % 3);
            applied.at = applied.at.before(behind);
        }
        if self.has(PlantedFault::BacklogBeforeCommit)
            && let Some(row) = &mut applied.backlog
        {
            row.images = images_before;
        }
        CommitAnswer::Applied(applied)
    }

    /// Returns the images in the backlog of the commit's first run.
    async fn images(&self, commit: &Commit) -> PortResult<u64> {
        if !self.has(PlantedFault::BacklogBeforeCommit) {
            return Ok(0);
        }
        let rows = self.store.backlog().await?.value.rows;
        let schedule = commit.runs.first().map(|write| &write.run.schedule);
        let row = rows.iter().find(|row| Some(&row.schedule) == schedule);
        Ok(row.map_or(0, |row| row.images))
    }
}

impl Store for PlantedStore {
    async fn schedules(&self) -> PortResult<Timestamped<SharedList<ScheduleEntry>>> {
        self.store.schedules().await
    }

    async fn schedule(&self, id: &ScheduleId) -> PortResult<Timestamped<Option<ScheduleDocument>>> {
        self.store.schedule(id).await
    }

    async fn exports(&self, limit: usize) -> PortResult<Timestamped<(u64, Vec<Export>)>> {
        let mut read = self.store.exports(limit).await?;
        if self.has(PlantedFault::ExportGap) {
            read.value.1.retain(|export| export.sequence != 2);
        }
        Ok(read)
    }

    async fn planning_runs(&self, per_tenant: usize) -> PortResult<Timestamped<Vec<WaitingRun>>> {
        self.store.planning_runs(per_tenant).await
    }

    async fn begin_planning(&self, run: &RunId) -> PortResult<Timestamped<Option<RunDocument>>> {
        self.store.begin_planning(run).await
    }

    async fn run(&self, run: &RunId) -> PortResult<Timestamped<Option<RunDocument>>> {
        self.store.run(run).await
    }

    async fn last_reports(
        &self,
        tenant: &TenantId,
        images: &[ImageDigest],
    ) -> PortResult<Timestamped<Vec<Option<Timestamp>>>> {
        self.store.last_reports(tenant, images).await
    }

    async fn begin_segment(
        &self,
        key: &SegmentKey,
        delivery: u64,
    ) -> PortResult<Timestamped<SegmentDocument>> {
        match self.has(PlantedFault::FenceNotRaised) {
            true => self.store.segment(key).await,
            false => self.store.begin_segment(key, delivery).await,
        }
    }

    async fn segment(&self, key: &SegmentKey) -> PortResult<Timestamped<SegmentDocument>> {
        self.store.segment(key).await
    }

    async fn baselines(
        &self,
        tenant: &TenantId,
        images: &[ImageDigest],
    ) -> PortResult<Vec<Option<Baseline>>> {
        let own = self.store.baselines(tenant, images).await?;
        if !self.has(PlantedFault::TenantIgnored) {
            return Ok(own);
        }
        let others = self.store.baselines(&"acme".into(), images).await?;
        let either = own.into_iter().zip(others);
        Ok(either.map(|(own, other)| own.or(other)).collect())
    }

    async fn commit(&self, commit: &Arc<Commit>) -> PortResult<CommitAnswer> {
        let mut sent = Arc::clone(commit);
        if self.has(PlantedFault::CommitWithoutVersionCheck) {
            sent = Arc::new(self.over_present_versions(commit).await?);
        }
        if self.has(PlantedFault::RepeatAppliedAgain) {
            let unique = 1_000 + self.memory.next_unique();
            Arc::make_mut(&mut sent).token.sequence = unique;
        }
        let images_before = self.images(commit).await?;
        let answer = self.store.commit(&sent).await?;
        Ok(self.spoiled(commit, answer, images_before))
    }

    async fn intents(&self, limit: usize) -> PortResult<Vec<Intent>> {
        self.store.intents(limit).await
    }

    async fn intents_enqueued(&self, runs: &[RunId]) -> PortResult<()> {
        match self.has(PlantedFault::IntentNotMarked) {
            true => self.store.intents_enqueued(&[]).await,
            false => self.store.intents_enqueued(runs).await,
        }
    }

    async fn outbox(&self, limit: usize) -> PortResult<Vec<Arc<Event>>> {
        self.store.outbox(limit).await
    }

    async fn forget_events(&self, events: &[EventId]) -> PortResult<()> {
        self.store.forget_events(events).await
    }

    async fn reserve_permits(
        &self,
        schedule: &ScheduleId,
        rate_per_second: f64,
        count: u32,
        lead: Duration,
    ) -> PortResult<PermitGrant> {
        let store = &self.store;
        let granted = store
            .reserve_permits(schedule, rate_per_second, count, lead)
            .await?;
        let before = self.memory.grant.replace(Some(granted));
        let before = before.filter(|_| self.has(PlantedFault::PermitsInOneSlot));
        Ok(before.map_or(granted, |before| PermitGrant { count, ..before }))
    }

    async fn backlog(&self) -> PortResult<Timestamped<BacklogSnapshot>> {
        self.store.backlog().await
    }

    async fn heartbeat(
        &self,
        incarnation: &IncarnationId,
        abandoned_after: Duration,
        stopping: bool,
    ) -> PortResult<HeartbeatAnswer> {
        let stopping = stopping && !self.has(PlantedFault::StopIgnored);
        let store = &self.store;
        store
            .heartbeat(incarnation, abandoned_after, stopping)
            .await
    }

    async fn stale_work(
        &self,
        stale_after: Duration,
        run_timeout: Duration,
    ) -> PortResult<Timestamped<StaleWork>> {
        self.store.stale_work(stale_after, run_timeout).await
    }
}
