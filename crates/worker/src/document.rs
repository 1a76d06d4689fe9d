//! What the store answers with.

use std::sync::Arc;
use std::time::Duration;

use crate::model::commit::{BacklogRow, Intent, RunWrite, ScheduleStateWrite, Version};
use crate::model::{
    IncarnationId, Run, RunId, Schedule, ScheduleState, Segment, TenantId, Timestamp, Trigger,
};

/// A value read from the store, with the store's time of the read.
#[derive(Debug, Clone, PartialEq)]
pub struct Timestamped<T> {
    /// When, on the store's clock.
    pub now: Timestamp,
    /// What.
    pub value: T,
}

/// A document and its version.
#[derive(Debug, Clone, PartialEq)]
pub struct Versioned<T> {
    /// Grows with each write.
    pub version: Version,
    /// The content.
    pub value: T,
}

/// A schedule as the store lists it. Cheap to clone.
#[derive(Debug, Clone, PartialEq)]
pub struct ScheduleEntry {
    /// The definition. A deleted schedule is not listed.
    pub schedule: Arc<Schedule>,
    /// Fires up to here are decided.
    pub cursor: Timestamp,
    /// Whether a fire waits under `queueOne`.
    pub has_queued_fire: bool,
}

/// A schedule with its state.
#[derive(Debug, Clone, PartialEq)]
pub struct ScheduleDocument {
    /// The definition.
    pub schedule: Arc<Schedule>,
    /// Soft-deleted.
    pub deleted: bool,
    /// Its state, guarded by the version. Editing, enabling, disabling and deleting the schedule
    /// change the version too.
    pub state: Versioned<ScheduleState>,
}

impl ScheduleDocument {
    /// Writes another state over this one.
    pub fn write(&self, state: ScheduleState) -> ScheduleStateWrite {
        ScheduleStateWrite {
            id: self.schedule.id.clone(),
            expected: self.state.version,
            state,
        }
    }
}

/// An advisory or VEX export.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Export {
    /// Numbers the exports from 1 without gaps.
    pub sequence: u64,
    /// Its identifier.
    pub id: Arc<str>,
    /// `Conselier` or `Excitor`, or `Policy`.
    pub trigger: Trigger,
    /// Only this tenant's schedules; none: all.
    pub tenant: Option<TenantId>,
    /// The products concerned.
    pub product_keys: Vec<Arc<str>>,
    /// Only images that use a product from their entrypoint.
    pub usage_only: bool,
}

/// A run that waits for a planner.
#[derive(Debug, Clone, PartialEq)]
pub struct WaitingRun {
    /// The run.
    pub run: RunId,
    /// Its owner.
    pub tenant: TenantId,
    /// When it was created.
    pub created_at: Timestamp,
    /// When planning last served its tenant, as a growing number; 0: never.
    pub tenant_served: u64,
}

/// A run with all that planning, dispatch or the end of a run needs to write.
#[derive(Debug, Clone, PartialEq)]
pub struct RunDocument {
    /// The run.
    pub run: Versioned<Run>,
    /// Its schedule.
    pub schedule: ScheduleDocument,
}

impl RunDocument {
    /// Writes the run as it is now over this one.
    pub fn write(&self, run: Run) -> RunWrite {
        RunWrite {
            run,
            expected: Some(self.run.version),
        }
    }
}

/// A segment with its run. `run` is none if there is no such run (it was purged).
#[derive(Debug, Clone, PartialEq)]
pub struct SegmentDocument {
    /// The run's document.
    pub run: Option<RunDocument>,
    /// The segment; none if the run is gone or was never cut.
    pub segment: Option<Segment>,
}

/// What repair has to look at.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct StaleWork {
    /// Released, uncommitted segments of running runs, released and last worked before the limit.
    pub segments: Vec<Segment>,
    /// Intents older than the limit.
    pub intents: Vec<Intent>,
    /// Planning or open runs created before the run limit.
    pub overdue: Vec<RunId>,
    /// Unfinished runs of deleted schedules.
    pub orphaned: Vec<RunId>,
}

/// The backlog as the store knows it.
#[derive(Debug, Clone, PartialEq)]
pub struct BacklogSnapshot {
    /// One row per schedule that is not deleted, 0 included, ascending by schedule. The same
    /// allocation as long as nothing has changed.
    pub rows: Arc<Vec<BacklogRow>>,
    /// By mode index: since when the least advanced open run has made no progress; none: no run is
    /// open.
    pub progress: [Option<Timestamp>; 2],
}

/// The answer to a heartbeat.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct HeartbeatAnswer {
    /// How much of this incarnation's balance others have taken over in all, by mode index.
    pub surrendered: [i64; 2],
    /// Incarnations without a heartbeat for two leases, or stopped, whose balance is not zero.
    pub orphaned: Vec<(IncarnationId, Version)>,
}

/// Consecutive permits of a schedule: request number `i` may be sent at `first + i * interval`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PermitGrant {
    /// The store's time of the grant.
    pub now: Timestamp,
    /// The instant of the first permit.
    pub first: Timestamp,
    /// From one to the next.
    pub interval: Duration,
    /// How many.
    pub count: u32,
}
