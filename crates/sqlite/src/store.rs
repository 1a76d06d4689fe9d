//! The store: one transaction for each call.
//!
//! ```text
//!   commit --> decide (the same as in the simulated store) --> apply --> token with its answer
//!                 runs, schedules, segments, intents, baselines, outbox, exports, active runs
//! ```
//!
//! Each table is written by one module. Columns beside a JSON document are what statements search
//! by; sums such as the backlog are kept with each commit.

mod active_runs;
mod administration;
mod apply;
mod baselines;
mod counters;
mod decision;
mod exports;
mod intents;
mod outbox;
mod permits;
mod registration;
mod runs;
mod schedule_cache;
mod schedules;
mod segments;
#[cfg(test)]
mod tests;
mod tokens;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use rehearsal_worker::model::commit::{BacklogRow, Intent};
use rehearsal_worker::model::{
    Baseline, Commit, CommitAnswer, Event, EventId, ImageDigest, IncarnationId, Mode, PermitGrant,
    PermitRequest, ProcessName, RunId, ScheduleId, SegmentKey, SharedList, TenantId, Timestamp,
};
use rehearsal_worker::ports::{
    BacklogSnapshot, Export, HeartbeatAnswer, PortResult, RunDocument, ScheduleDocument,
    ScheduleEntry, SegmentDocument, StaleWork, Store, Timestamped, WaitingRun,
};
use tokio_rusqlite::rusqlite::{self, Connection, Transaction};

pub use self::active_runs::IncarnationEntry;
pub use self::administration::{PurgeLimits, Purged};
use self::counters::StoreCounter;
use self::schedule_cache::ScheduleCache;
use crate::Database;

/// Tables of the store.
pub(crate) const SCHEMA: [&str; 12] = [
    counters::SCHEMA,
    schedules::SCHEMA,
    runs::SCHEMA,
    segments::SCHEMA,
    intents::SCHEMA,
    baselines::SCHEMA,
    outbox::SCHEMA,
    exports::SCHEMA,
    registration::SCHEMA,
    active_runs::SCHEMA,
    permits::SCHEMA,
    tokens::SCHEMA,
];

/// Store in a file. Clones share its connection.
#[derive(Debug, Clone)]
pub struct SqliteStore {
    database: Database,
    cache: Arc<Mutex<ScheduleCache>>,
}

impl SqliteStore {
    /// Creates the store of a process in a file.
    pub fn new(database: Database) -> Self {
        Self {
            database: database.of_port("store"),
            cache: Arc::default(),
        }
    }

    async fn read<T: Send + 'static>(
        &self,
        read: impl FnOnce(&Connection, &mut ScheduleCache) -> rusqlite::Result<T> + Send + 'static,
    ) -> PortResult<Timestamped<T>> {
        let cache = Arc::clone(&self.cache);
        let work = move |db: &Transaction<'_>, now| {
            let value = read(db, &mut locked(&cache))?;
            Ok(Timestamped { now, value })
        };
        self.database.read(work).await
    }

    async fn read_at<T: Send + 'static>(
        &self,
        read: impl FnOnce(&Connection, Timestamp) -> rusqlite::Result<T> + Send + 'static,
    ) -> PortResult<Timestamped<T>> {
        let work = move |db: &Transaction<'_>, now| {
            let value = read(db, now)?;
            Ok(Timestamped { now, value })
        };
        self.database.read(work).await
    }

    async fn write<T: Send + 'static>(
        &self,
        write: impl FnOnce(&Connection, Timestamp) -> rusqlite::Result<T> + Send + 'static,
    ) -> PortResult<T> {
        self.database.write(|db, now| write(db, now)).await
    }
}

/// Only the connection's thread uses the cache. A panic there leaves what was read before.
fn locked(cache: &Mutex<ScheduleCache>) -> MutexGuard<'_, ScheduleCache> {
    cache.lock().unwrap_or_else(PoisonError::into_inner)
}

fn run_document(
    db: &Connection,
    cache: &mut ScheduleCache,
    id: &RunId,
) -> rusqlite::Result<Option<RunDocument>> {
    let Some(run) = runs::read(db, id)? else {
        return Ok(None);
    };
    let schedule = schedules::document(db, cache, &run.value.schedule)?;
    Ok(schedule.map(|schedule| RunDocument { run, schedule }))
}

fn segment_document(
    db: &Connection,
    cache: &mut ScheduleCache,
    key: &SegmentKey,
) -> rusqlite::Result<SegmentDocument> {
    Ok(SegmentDocument {
        run: run_document(db, cache, &key.run)?,
        segment: segments::read(db, key)?,
    })
}

fn backlog(db: &Connection, cache: &mut ScheduleCache) -> rusqlite::Result<BacklogSnapshot> {
    let rows: SharedList<BacklogRow> = schedules::backlog(db, cache)?;
    let [analysis, refresh] = Mode::ALL.map(|mode| runs::oldest_progress(db, mode));
    Ok(BacklogSnapshot {
        rows,
        progress: [analysis?, refresh?],
        outbox_depth: StoreCounter::Outbox.get(db)?,
    })
}

fn stale_work(
    db: &Connection,
    stale_before: Timestamp,
    created_before: Timestamp,
) -> rusqlite::Result<StaleWork> {
    Ok(StaleWork {
        segments: segments::stale(db, stale_before)?,
        intents: intents::stale(db, stale_before)?,
        overdue: runs::overdue(db, created_before)?,
        orphaned: runs::orphaned(db)?,
    })
}

impl Store for SqliteStore {
    async fn schedules(&self) -> PortResult<Timestamped<SharedList<ScheduleEntry>>> {
        self.read(schedules::list).await
    }

    async fn schedule(&self, id: &ScheduleId) -> PortResult<Timestamped<Option<ScheduleDocument>>> {
        let id = id.clone();
        self.read(move |db, cache| schedules::document(db, cache, &id))
            .await
    }

    async fn exports(&self, limit: usize) -> PortResult<Timestamped<(u64, Vec<Export>)>> {
        self.read_at(move |db, _| exports::after_cursor(db, limit))
            .await
    }

    async fn planning_runs(&self, per_tenant: usize) -> PortResult<Timestamped<Vec<WaitingRun>>> {
        self.read_at(move |db, now| runs::planning(db, per_tenant, now))
            .await
    }

    async fn begin_planning(&self, run: &RunId) -> PortResult<Timestamped<Option<RunDocument>>> {
        self.run(run).await
    }

    async fn run(&self, run: &RunId) -> PortResult<Timestamped<Option<RunDocument>>> {
        let id = run.clone();
        self.read(move |db, cache| run_document(db, cache, &id))
            .await
    }

    async fn last_reports(
        &self,
        tenant: &TenantId,
        images: &[ImageDigest],
    ) -> PortResult<Timestamped<Vec<Option<Timestamp>>>> {
        let (tenant, images) = (tenant.clone(), images.to_vec());
        // A plan rests on all reports up to the time of this read.
        let read = self.database.read_exact(move |db, now| {
            let times = images.iter();
            let times = times.map(|image| baselines::committed_at(db, &tenant, image));
            Ok(Timestamped {
                now,
                value: times.collect::<rusqlite::Result<_>>()?,
            })
        });
        read.await
    }

    async fn begin_segment(
        &self,
        key: &SegmentKey,
        delivery: u64,
    ) -> PortResult<Timestamped<SegmentDocument>> {
        let (key, cache) = (key.clone(), Arc::clone(&self.cache));
        self.write(move |db, now| {
            segments::begin(db, &key, delivery, now)?;
            let value = segment_document(db, &mut locked(&cache), &key)?;
            Ok(Timestamped { now, value })
        })
        .await
    }

    async fn segment(&self, key: &SegmentKey) -> PortResult<Timestamped<SegmentDocument>> {
        let key = key.clone();
        self.read(move |db, cache| segment_document(db, cache, &key))
            .await
    }

    async fn baselines(
        &self,
        tenant: &TenantId,
        images: &[ImageDigest],
    ) -> PortResult<Vec<Option<Baseline>>> {
        let (tenant, images) = (tenant.clone(), images.to_vec());
        let read = self.read_at(move |db, _| {
            let baselines = images.iter();
            baselines
                .map(|image| baselines::read(db, &tenant, image))
                .collect()
        });
        Ok(read.await?.value)
    }

    async fn commit(&self, commit: &Arc<Commit>) -> PortResult<CommitAnswer> {
        let commit = Arc::clone(commit);
        self.write(move |db, now| apply::commit(db, &commit, now))
            .await
    }

    async fn intents(&self, limit: usize) -> PortResult<Vec<Intent>> {
        let read = self.read_at(move |db, _| intents::waiting(db, limit));
        Ok(read.await?.value)
    }

    async fn intents_enqueued(&self, runs: &[RunId]) -> PortResult<()> {
        let runs = runs.to_vec();
        self.write(move |db, _| {
            runs.iter()
                .try_for_each(|run| intents::mark_enqueued(db, run))
        })
        .await
    }

    async fn outbox(&self, limit: usize) -> PortResult<Vec<Arc<Event>>> {
        let read = self.read_at(move |db, _| outbox::oldest(db, limit));
        Ok(read.await?.value)
    }

    async fn forget_events(&self, events: &[EventId]) -> PortResult<()> {
        let events = events.to_vec();
        self.write(move |db, _| events.iter().try_for_each(|id| outbox::forget(db, *id)))
            .await
    }

    async fn reserve_permits(
        &self,
        schedule: &ScheduleId,
        request: PermitRequest,
    ) -> PortResult<PermitGrant> {
        let id = schedule.clone();
        self.write(move |db, now| permits::reserve(db, &id, request, now))
            .await
    }

    async fn backlog(&self) -> PortResult<Timestamped<BacklogSnapshot>> {
        self.read(backlog).await
    }

    async fn heartbeat(
        &self,
        incarnation: &IncarnationId,
        abandoned_after: Duration,
        stopping: bool,
    ) -> PortResult<HeartbeatAnswer> {
        let id = incarnation.clone();
        self.write(move |db, now| active_runs::heartbeat(db, &id, abandoned_after, stopping, now))
            .await
    }

    async fn register(&self, process: &ProcessName) -> PortResult<IncarnationId> {
        let process = process.clone();
        self.write(move |db, _| registration::register(db, &process))
            .await
    }

    async fn stale_work(
        &self,
        stale_after: Duration,
        run_timeout: Duration,
    ) -> PortResult<Timestamped<StaleWork>> {
        self.read_at(move |db, now| {
            stale_work(db, now.before(stale_after), now.before(run_timeout))
        })
        .await
    }
}
