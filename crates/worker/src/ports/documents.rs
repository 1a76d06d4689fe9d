//! Documents and answers of the store.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::model::commit::{BacklogRow, DocumentVersion, Intent, RunWrite, ScheduleStateWrite};
use crate::model::{
    IncarnationId, Run, RunId, Schedule, ScheduleState, Segment, SharedList, TenantId, Timestamp,
    Trigger,
};

/// A value with the store's time of the read.
#[derive(Debug, Clone, PartialEq)]
pub struct Timestamped<T> {
    /// Time of the read, on the store's clock.
    pub now: Timestamp,
    /// Value at that time.
    pub value: T,
}

/// A document and the version to expect in a write.
#[derive(Debug, Clone, PartialEq)]
pub struct Versioned<T> {
    /// Version, which grows with each write.
    pub version: DocumentVersion,
    /// Content of that version.
    pub value: T,
}

/// A schedule in the store's list. Cheap to clone.
#[derive(Debug, Clone, PartialEq)]
pub struct ScheduleEntry {
    /// Definition. Deleted schedules are not listed.
    pub schedule: Arc<Schedule>,
    /// Time up to which all fires are decided.
    pub cursor: Timestamp,
    /// Whether a fire is queued under `queueOne`.
    pub has_queued_fire: bool,
}

impl ScheduleEntry {
    /// Returns whether nothing that decides the fires has changed. Equal definitions of two edits
    /// differ.
    pub fn is_same(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.schedule, &other.schedule)
            && (self.cursor, self.has_queued_fire) == (other.cursor, other.has_queued_fire)
    }
}

/// A schedule with its definition and state.
#[derive(Debug, Clone, PartialEq)]
pub struct ScheduleDocument {
    /// Definition as the owner wrote it.
    pub schedule: Arc<Schedule>,
    /// Whether the schedule is soft-deleted.
    pub deleted: bool,
    /// State, guarded by its version. An edit, enabling, disabling or deletion of the schedule also
    /// changes the version.
    pub state: Versioned<ScheduleState>,
}

impl ScheduleDocument {
    /// Returns a write that replaces this version of the state.
    pub fn write(&self, state: ScheduleState) -> ScheduleStateWrite {
        ScheduleStateWrite {
            id: self.schedule.id.clone(),
            expected: self.state.version,
            state,
        }
    }
}

/// An advisory, VEX or policy export that schedules subscribe to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Export {
    /// Number of the export, from 1 without gaps.
    pub sequence: u64,
    /// Identifier, which becomes part of the runs' identifiers.
    pub id: Arc<str>,
    /// `Conselier`, `Excitor` or `Policy`.
    pub trigger: Trigger,
    /// Tenant whose schedules are concerned; none for all tenants.
    pub tenant: Option<TenantId>,
    /// Product keys of the export.
    pub product_keys: Vec<Arc<str>>,
    /// Whether only images count that use a product from their entrypoint.
    pub usage_only: bool,
}

/// A run in `Planning` that waits for a planner.
#[derive(Debug, Clone, PartialEq)]
pub struct WaitingRun {
    /// Identifier of the run.
    pub run: RunId,
    /// Tenant that owns the run.
    pub tenant: TenantId,
    /// Time of creation, on the store's clock.
    pub created_at: Timestamp,
    /// Rank of the last planning that served the tenant; 0 for never. Later planning has a higher
    /// rank.
    pub tenant_served: u64,
}

/// A run with its schedule: what planning, dispatch and the end of a run read and write.
#[derive(Debug, Clone, PartialEq)]
pub struct RunDocument {
    /// Run and its version.
    pub run: Versioned<Run>,
    /// Schedule of the run.
    pub schedule: ScheduleDocument,
}

impl RunDocument {
    /// Returns a write that replaces this version of the run.
    pub fn write(&self, run: Run) -> RunWrite {
        RunWrite {
            run,
            expected: Some(self.run.version),
        }
    }
}

/// A segment with its run.
#[derive(Debug, Clone, PartialEq)]
pub struct SegmentDocument {
    /// Run; none if it was purged.
    pub run: Option<RunDocument>,
    /// Segment; none if the run was purged or never cut.
    pub segment: Option<Segment>,
}

/// Candidates for repair.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct StaleWork {
    /// Released, uncommitted segments of running runs, released and last worked before the limit.
    pub segments: Vec<Segment>,
    /// Intents that are older than the limit.
    pub intents: Vec<Intent>,
    /// Planning or open runs that are older than the run timeout.
    pub overdue: Vec<RunId>,
    /// Unfinished runs whose schedule is deleted.
    pub orphaned: Vec<RunId>,
}

/// The backlog of all schedules, and the depth of the outbox, at one time.
#[derive(Debug, Clone, PartialEq)]
pub struct BacklogSnapshot {
    /// Rows in ascending order, one for each schedule that is not deleted, zeros included. The
    /// store returns the same version until a row changes.
    pub rows: SharedList<BacklogRow>,
    /// Time of the last progress of the open run that has waited longest, by mode index; none if no
    /// run is open.
    pub progress: [Option<Timestamp>; 2],
    /// Number of events that await publication.
    pub outbox_depth: u64,
}

/// Answer to a heartbeat.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct HeartbeatAnswer {
    /// Active runs of this incarnation that others have adopted so far, by mode index.
    pub surrendered: [i64; 2],
    /// Incarnations whose active-run count is not zero and which have stopped, or sent no heartbeat
    /// for two leases. The version is that of the count.
    pub orphaned: Vec<(IncarnationId, DocumentVersion)>,
}
