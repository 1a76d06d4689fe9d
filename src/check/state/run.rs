//! The runs as the store has them.

use std::collections::BTreeMap;
use std::sync::Arc;

use rehearsal_convert::Index;

use super::table::{IncarnationIndex, InternedTable, RunIndex, ScheduleIndex, TenantIndex};
use super::transition::MessageTransition;
use crate::check::contract;
use crate::model::{ImageDigest, Mode, RunId, RunState, RunStats, TenantId, Timestamp, Trigger};

/// One segment of a running run.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct SegmentRecord {
    /// Its images are `start..start + length` of its run's.
    pub start: u32,
    /// See `start`.
    pub length: u32,
    /// Incarnation that committed it.
    pub committed_by: Option<IncarnationIndex>,
    /// When it was committed; the start of time if it was not.
    pub committed_at: Timestamp,
    /// Released for work.
    pub is_released: bool,
    /// When it was last released; the start of time if it was not.
    pub released_at: Timestamp,
    /// The newest delivery that began work on it.
    pub delivery: u64,
    /// Live leases on copies of its message.
    pub leases: u16,
    /// Copies of its message that are ready or leased.
    pub copies: u16,
    /// Its message came onto the queue.
    pub was_enqueued: bool,
    /// Last transition of a copy of its message.
    pub transition: Option<MessageTransition>,
}

/// Work of a run, kept until the run is terminal.
#[derive(Debug, Default)]
pub(crate) struct RunWork {
    /// Its planned images, in the order of its segments.
    pub digests: Option<Arc<[ImageDigest]>>,
    /// The same as slots (see [`super::image::Images`]).
    pub slots: Vec<u32>,
    /// Its segments by index.
    pub segments: Vec<SegmentRecord>,
    /// Number of committed segments.
    pub committed: u32,
    /// The segments of which runs its commits have released: the one that cut it (none), or that of
    /// which of its segments.
    pub releases: BTreeMap<Option<u32>, Vec<(RunIndex, u32)>>,
    /// Incarnation that last enqueued its planner message, and when.
    pub relayed: Option<(IncarnationIndex, Timestamp)>,
    /// Last transition of a copy of its planner message.
    pub transition: Option<MessageTransition>,
    /// Copies of its planner message that are ready or leased.
    pub planner_copies: u16,
    /// Failed planning attempts, and no attempt before.
    pub planning: (u32, Option<Timestamp>),
}

/// One run.
#[derive(Debug)]
pub(crate) struct RunRecord {
    pub id: RunId,
    pub tenant: TenantIndex,
    pub schedule: ScheduleIndex,
    pub mode: Mode,
    pub trigger: Trigger,
    pub product_keys: Vec<Arc<str>>,
    pub usage_only: bool,
    /// None: it is only known by name yet.
    pub state: Option<RunState>,
    pub stats: RunStats,
    pub created_at: Timestamp,
    pub planned_at: Option<Timestamp>,
    pub started_at: Option<Timestamp>,
    pub completed_at: Option<Timestamp>,
    /// When a commit last changed its state or statistics.
    pub progress_at: Timestamp,
    /// Whether an owner asked for its end.
    pub cancel_asked: bool,
    /// Retention has removed it.
    pub is_purged: bool,
    /// Until it is terminal.
    pub work: Option<Box<RunWork>>,
    /// Indices of the segments that were committed when it ended otherwise than Completed.
    pub committed: Box<[u32]>,
}

impl RunRecord {
    /// Whether a segment is committed.
    pub fn is_committed(&self, index: u32) -> bool {
        match &self.work {
            Some(work) => work.is_committed(index),
            None if self.state == Some(RunState::Completed) => true,
            None => self.committed.contains(&index),
        }
    }
}

impl RunWork {
    fn is_committed(&self, index: u32) -> bool {
        let segment = self.segments.get(index.to_index());
        segment.is_some_and(|segment| segment.committed_by.is_some())
    }

    /// Indices of the committed segments.
    fn committed(&self) -> Box<[u32]> {
        let indices = 0..self.segments.len().index_u32();
        indices.filter(|index| self.is_committed(*index)).collect()
    }
}

/// Number of runs by state.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct RunStateCounts {
    /// Number of runs in Planning.
    pub planning: u64,
    /// Queued or Running, by mode index.
    pub open: [u64; 2],
}

/// All runs.
#[derive(Debug, Default)]
pub(crate) struct Runs {
    pub table: InternedTable<RunId, RunIndex, RunRecord>,
    pub tenants: InternedTable<TenantId, TenantIndex, TenantId>,
    pub counts: RunStateCounts,
    /// Unfinished runs in the order of their creation.
    pub unfinished: Vec<RunIndex>,
    /// Runs whose enqueue intent stands, each since then. They may be over.
    pub intents: BTreeMap<RunIndex, Timestamp>,
}

impl Runs {
    /// The number of a run; a name alone makes an empty record.
    pub fn number(&mut self, id: &RunId) -> RunIndex {
        self.table.number(id, || RunRecord {
            id: id.clone(),
            tenant: TenantIndex(0),
            schedule: ScheduleIndex(0),
            mode: Mode::AnalysisOnly,
            trigger: Trigger::Manual,
            product_keys: Vec::new(),
            usage_only: false,
            state: None,
            stats: RunStats::default(),
            created_at: Timestamp::ZERO,
            planned_at: None,
            started_at: None,
            completed_at: None,
            progress_at: Timestamp::ZERO,
            cancel_asked: false,
            is_purged: false,
            work: None,
            committed: Box::default(),
        })
    }

    /// The number of a tenant.
    pub fn tenant(&mut self, id: &TenantId) -> TenantIndex {
        self.tenants.number(id, || id.clone())
    }

    /// Moves a run to a state, and counts.
    pub fn enter(&mut self, run: RunIndex, state: RunState) {
        let record = &mut self.table[run];
        let before = record.state.replace(state);
        self.counts.planning -= u64::from(before == Some(RunState::Planning));
        self.counts.planning += u64::from(state == RunState::Planning);
        let open = &mut self.counts.open[record.mode.index()];
        *open -= u64::from(before.is_some_and(contract::is_open));
        *open += u64::from(contract::is_open(state));
        if before.is_none() && !contract::is_terminal(state) {
            record.work = Some(Box::default());
            self.unfinished.push(run);
        } else if contract::is_terminal(state) {
            let work = record.work.take();
            if let Some(work) = work.filter(|_| state != RunState::Completed) {
                record.committed = work.committed();
            }
            self.unfinished.retain(|unfinished| *unfinished != run);
        }
    }
}

impl std::ops::Index<RunIndex> for Runs {
    type Output = RunRecord;

    fn index(&self, index: RunIndex) -> &RunRecord {
        &self.table[index]
    }
}

impl std::ops::IndexMut<RunIndex> for Runs {
    fn index_mut(&mut self, index: RunIndex) -> &mut RunRecord {
        &mut self.table[index]
    }
}
