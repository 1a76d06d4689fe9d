//! Store with a planted fault.

use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use rehearsal::model::commit::{BacklogRow, Intent};
use rehearsal::model::{
    Baseline, Commit, CommitAnswer, Event, EventId, ImageDigest, IncarnationId, PermitGrant,
    PermitRequest, ProcessName, RunId, Schedule, ScheduleId, SegmentKey, SharedList, TenantId,
    Timestamp,
};
use rehearsal::sim::world::WorldPorts;
use rehearsal::worker::ports::{
    BacklogSnapshot, Export, HeartbeatAnswer, PortResult, Ports, RunDocument, ScheduleDocument,
    ScheduleEntry, SegmentDocument, StaleWork, Store, Timestamped, WaitingRun,
};

use crate::planted::{Memory, PlantedFault};

type SimulatedStore = <WorldPorts as Ports>::Store;

/// Simulated store that shows a planted fault.
#[derive(Clone)]
pub struct PlantedStore {
    pub store: SimulatedStore,
    pub planted: Option<PlantedFault>,
    pub memory: Rc<Memory>,
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
}

impl Store for PlantedStore {
    async fn schedules(&self) -> PortResult<Timestamped<SharedList<ScheduleEntry>>> {
        let mut listed = self.store.schedules().await?;
        let mut entries: Vec<ScheduleEntry> = listed.value.iter().cloned().collect();
        match self.planted {
            Some(PlantedFault::SchedulesReversed) => entries.reverse(),
            Some(PlantedFault::EntriesRebuilt) => {
                for entry in &mut entries {
                    entry.schedule = Arc::new(Schedule::clone(&entry.schedule));
                }
            }
            _ => return Ok(listed),
        }
        listed.value = entries.into_iter().collect();
        Ok(listed)
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
        let per_tenant = match self.has(PlantedFault::PerTenantIgnored) {
            true => usize::MAX,
            false => per_tenant,
        };
        let mut waiting = self.store.planning_runs(per_tenant).await?;
        for put_off in self.memory.put_off.borrow().iter() {
            if waiting.value.iter().all(|run| run.run != put_off.run) {
                waiting.value.push(put_off.clone());
            }
        }
        if self.has(PlantedFault::RanksLost) {
            let heads = waiting.value.iter_mut();
            heads.for_each(|run| run.tenant_served = 0);
        }
        Ok(waiting)
    }

    async fn begin_planning(&self, run: &RunId) -> PortResult<Timestamped<Option<RunDocument>>> {
        let mut begun = self.store.begin_planning(run).await?;
        if self.has(PlantedFault::PlannedVersionWrong)
            && let Some(document) = &mut begun.value
        {
            document.run.version += 1;
        }
        Ok(begun)
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
        if self.has(PlantedFault::ReadRaisesFence) {
            return self.store.begin_segment(key, 1_000).await;
        }
        let mut read = self.store.segment(key).await?;
        if self.has(PlantedFault::SegmentTruncated)
            && let Some(segment) = &mut read.value.segment
        {
            segment.digests = segment.digests.iter().take(500).copied().collect();
        }
        Ok(read)
    }

    async fn baselines(
        &self,
        tenant: &TenantId,
        images: &[ImageDigest],
    ) -> PortResult<Vec<Option<Baseline>>> {
        let mut images = images.to_vec();
        if self.has(PlantedFault::BaselinesSorted) {
            images.sort();
        }
        let own = self.store.baselines(tenant, &images).await?;
        if !self.has(PlantedFault::TenantIgnored) {
            return Ok(own);
        }
        let others = self.store.baselines(&"acme".into(), &images).await?;
        let either = own.into_iter().zip(others);
        Ok(either.map(|(own, other)| own.or(other)).collect())
    }

    async fn commit(&self, commit: &Arc<Commit>) -> PortResult<CommitAnswer> {
        self.commit_planted(commit).await
    }

    async fn intents(&self, limit: usize) -> PortResult<Vec<Intent>> {
        let mut intents = self.store.intents(limit).await?;
        if self.has(PlantedFault::IntentsReversed) {
            intents.reverse();
        }
        Ok(intents)
    }

    async fn intents_enqueued(&self, runs: &[RunId]) -> PortResult<()> {
        match self.has(PlantedFault::IntentNotMarked) {
            true => self.store.intents_enqueued(&[]).await,
            false => self.store.intents_enqueued(runs).await,
        }
    }

    async fn outbox(&self, limit: usize) -> PortResult<Vec<Arc<Event>>> {
        let mut events = self.store.outbox(limit).await?;
        if self.has(PlantedFault::EventsReversed) {
            events.reverse();
        }
        Ok(events)
    }

    async fn forget_events(&self, events: &[EventId]) -> PortResult<()> {
        match self.has(PlantedFault::EventsKept) {
            true => self.store.forget_events(&[]).await,
            false => self.store.forget_events(events).await,
        }
    }

    async fn reserve_permits(
        &self,
        schedule: &ScheduleId,
        request: PermitRequest,
    ) -> PortResult<PermitGrant> {
        let shared = ScheduleId::from("a");
        let schedule = match self.has(PlantedFault::PermitsShared) {
            true => &shared,
            false => schedule,
        };
        let store = &self.store;
        let trail = match self.has(PlantedFault::TrailIgnored) {
            true => Duration::ZERO,
            false => request.trail,
        };
        let request = PermitRequest { trail, ..request };
        let granted = store.reserve_permits(schedule, request).await?;
        let before = self.memory.grant.replace(Some(granted));
        let before = before.filter(|_| self.has(PlantedFault::PermitsInOneSlot));
        Ok(before.map_or(granted, |before| PermitGrant {
            count: request.count,
            ..before
        }))
    }

    async fn backlog(&self) -> PortResult<Timestamped<BacklogSnapshot>> {
        let mut read = self.store.backlog().await?;
        let rows: Vec<BacklogRow> = read.value.rows.iter().cloned().collect();
        match self.planted {
            Some(PlantedFault::EmptyRowsLeftOut) => {
                read.value.rows = rows.into_iter().filter(|row| row.images > 0).collect();
            }
            Some(PlantedFault::RowsRebuilt) => read.value.rows = rows.into_iter().collect(),
            Some(PlantedFault::ReadsBehind) => read.now = read.now.before(Duration::from_secs(1)),
            _ => {}
        }
        Ok(read)
    }

    async fn heartbeat(
        &self,
        incarnation: &IncarnationId,
        abandoned_after: Duration,
        stopping: bool,
    ) -> PortResult<HeartbeatAnswer> {
        let stopping = stopping && !self.has(PlantedFault::StopIgnored);
        let abandoned_after = match self.has(PlantedFault::SilenceHalved) {
            true => abandoned_after / 2,
            false => abandoned_after,
        };
        let beat = self.store.heartbeat(incarnation, abandoned_after, stopping);
        let mut answer = beat.await?;
        if self.has(PlantedFault::SurrenderedLost) {
            answer.surrendered = [0; 2];
        }
        Ok(answer)
    }

    async fn register(&self, process: &ProcessName) -> PortResult<IncarnationId> {
        let mut registered = self.store.register(process).await?;
        match self.planted {
            Some(PlantedFault::IncarnationReused) => registered.number = 1,
            Some(PlantedFault::IncarnationsStartOver) => {
                registered.number = self.memory.incarnation_since_restart(registered.number);
            }
            _ => {}
        }
        Ok(registered)
    }

    async fn stale_work(
        &self,
        stale_after: Duration,
        run_timeout: Duration,
    ) -> PortResult<Timestamped<StaleWork>> {
        let mut read = self.store.stale_work(stale_after, run_timeout).await?;
        match self.planted {
            Some(PlantedFault::OverdueLeftOut) => read.value.overdue.clear(),
            Some(PlantedFault::OrphanedLeftOut) => read.value.orphaned.clear(),
            _ => {}
        }
        Ok(read)
    }
}
