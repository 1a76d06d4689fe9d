//! Schedules as their owners wrote them, with fires, backlog and segments in work.

use std::sync::Arc;
use std::time::Duration;

use super::recent_changes::RecentChanges;
use super::recent_values::RecentValues;
use super::table::{InternedTable, RunIndex, ScheduleIndex};
use crate::model::observation::ScheduleChange;
use crate::model::{Schedule, ScheduleId, Timestamp};

/// An owner's request for a manual run.
#[derive(Debug)]
pub(crate) struct RunRequest {
    /// Name of the run among the schedule's manual runs.
    pub occurrence: String,
    /// The run that it repeats.
    pub retried: Option<RunIndex>,
    pub asked_at: Timestamp,
}

/// One schedule.
#[derive(Debug)]
pub(crate) struct ScheduleRecord {
    /// The definition; none if the schedule was not announced.
    pub definition: Option<Arc<Schedule>>,
    /// Earlier definitions, each with the time of the change that replaced it.
    earlier: Vec<(Timestamp, Arc<Schedule>)>,
    /// When its definition last changed.
    pub changed_at: Timestamp,
    /// When it was created.
    pub created_at: Timestamp,
    /// When it was deleted.
    pub deleted_at: Option<Timestamp>,
    /// Requests for manual runs of it.
    pub requests: Vec<RunRequest>,
    /// Its cron runs that are planning or open.
    pub cron_runs: u32,
    /// Its backlog, by mode index.
    pub backlog: [TrueBacklog; 2],
    /// Uncommitted segments of its running runs under a live lease.
    pub worked: u32,
    /// Uncommitted segments of its running runs that are released.
    pub released: u32,
    /// Part of `released` that was released before its definition last changed.
    pub released_before: u32,
}

impl ScheduleRecord {
    fn new(now: Timestamp) -> Self {
        Self {
            definition: None,
            earlier: Vec::new(),
            changed_at: now,
            created_at: now,
            deleted_at: None,
            requests: Vec::new(),
            cron_runs: 0,
            backlog: [TrueBacklog::default(), TrueBacklog::default()],
            worked: 0,
            released: 0,
            released_before: 0,
        }
    }

    /// The definitions that were in force at some instant since then, the current one first.
    pub fn definitions_since(&self, since: Timestamp) -> impl Iterator<Item = &Arc<Schedule>> {
        let earlier = self.earlier.iter().rev();
        let recent = earlier.take_while(move |(until, _)| *until >= since);
        let recent = recent.map(|(_, schedule)| schedule);
        self.definition.iter().chain(recent)
    }

    /// Whether it exists and is not deleted.
    pub fn is_live(&self) -> bool {
        self.definition.is_some() && self.deleted_at.is_none()
    }

    /// Whether it fires and takes exports.
    pub fn is_enabled(&self) -> bool {
        self.is_live()
            && self
                .definition
                .as_ref()
                .is_some_and(|schedule| schedule.enabled)
    }

    /// The most segments worked at once. What was released before an edit may be finished.
    pub fn parallelism(&self) -> Option<u32> {
        let limit = self.definition.as_ref()?.limits.parallelism?.get();
        Some(limit.max(self.released_before))
    }

    /// Subtracts released segments that are committed, or whose run has ended.
    pub fn finish_released(&mut self, segments: u32) {
        self.released = self.released.saturating_sub(segments);
        self.released_before = self.released_before.min(self.released);
    }
}

/// The true backlog of a (mode, schedule).
#[derive(Debug, Default)]
pub(crate) struct TrueBacklog {
    /// Images that await a runner.
    pub images: RecentValues,
    /// When it last fell, or became positive.
    pub fell_at: Timestamp,
}

impl TrueBacklog {
    /// The value changes at `now`. What was over longer than `kept` ago is forgotten.
    pub fn set(&mut self, images: u64, now: Timestamp, kept: Duration) {
        if images < self.images.current || self.images.current == 0 {
            self.fell_at = now;
        }
        self.images.set(images, now, kept);
    }
}

/// All schedules.
#[derive(Debug, Default)]
pub(crate) struct Schedules {
    pub table: InternedTable<ScheduleId, ScheduleIndex, ScheduleRecord>,
    /// Their names, by number.
    pub ids: Vec<ScheduleId>,
    /// Number of schedules that exist and are not deleted.
    pub live: usize,
    /// Schedules of which the backlog has changed, and those that came or went.
    pub changes: RecentChanges<ScheduleIndex>,
    /// When schedules were created.
    creations: Vec<(Timestamp, ScheduleIndex)>,
    /// When schedules were deleted.
    deletions: Vec<Timestamp>,
}

impl Schedules {
    /// Records a new definition.
    pub fn edit(
        &mut self,
        index: ScheduleIndex,
        schedule: &Arc<Schedule>,
        change: ScheduleChange,
        now: Timestamp,
        kept: Duration,
    ) {
        self.changes.push(index, now, kept);
        let record = &mut self.table[index];
        let was_live = record.is_live();
        record.released_before = record.released;
        let earlier = record.definition.replace(schedule.clone());
        record.earlier.extend(earlier.map(|earlier| (now, earlier)));
        record.changed_at = now;
        match change {
            ScheduleChange::Created => {
                record.created_at = now;
                self.creations.push((now, index));
            }
            ScheduleChange::Deleted => {
                record.deleted_at = Some(now);
                self.deletions.push(now);
            }
            _ => {}
        }
        self.live += usize::from(record.is_live());
        self.live -= usize::from(was_live);
    }

    /// Number of the schedules created after that time that are not deleted.
    pub fn live_created_after(&self, time: Timestamp) -> usize {
        let recent = self.creations.iter().rev();
        let recent = recent.take_while(|(at, _)| *at > time);
        recent.filter(|(_, index)| self[*index].is_live()).count()
    }

    /// Number of the schedules deleted at that time or later.
    pub fn deleted_since(&self, time: Timestamp) -> usize {
        let recent = self.deletions.iter().rev();
        recent.take_while(|at| **at >= time).count()
    }

    /// The number of a schedule, if it is known.
    pub fn find(&self, id: &ScheduleId) -> Option<ScheduleIndex> {
        self.table.find(id)
    }

    /// The number of a schedule. One that was not announced counts as created now.
    pub fn number(&mut self, id: &ScheduleId, now: Timestamp) -> ScheduleIndex {
        let schedule = self.table.number(id, || ScheduleRecord::new(now));
        if self.ids.len() <= usize::from(schedule) {
            self.ids.push(id.clone());
        }
        schedule
    }
}

impl std::ops::Index<ScheduleIndex> for Schedules {
    type Output = ScheduleRecord;

    fn index(&self, index: ScheduleIndex) -> &ScheduleRecord {
        &self.table[index]
    }
}

impl std::ops::IndexMut<ScheduleIndex> for Schedules {
    fn index_mut(&mut self, index: ScheduleIndex) -> &mut ScheduleRecord {
        &mut self.table[index]
    }
}
