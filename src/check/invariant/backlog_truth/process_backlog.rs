//! The backlog that a process has exposed at its last scrape.

use std::collections::BTreeSet;

use crate::check::instruments::{BacklogChange, InstrumentReader};
use crate::check::invariant::backlog_truth::oldest_instant;
use crate::check::state::WorldState;
use crate::check::state::table::ScheduleIndex;
use crate::model::{Mode, ScheduleId};

/// The backlog of one process, over all of its incarnations.
#[derive(Debug, Default)]
pub(super) struct ProcessBacklog {
    /// By schedule, then by mode index.
    images: Vec<[Option<u64>; 2]>,
    /// Number of values.
    pub count: usize,
    /// Schedules by number of the recorded series; none for one that never was.
    rows: Vec<Option<ScheduleIndex>>,
    /// Schedules that never were, and have a value.
    pub unknown: Vec<String>,
    /// Schedules that exist and have no value.
    pub unshown: BTreeSet<ScheduleIndex>,
    /// Schedules with a value that was not the present one at the last scrape.
    pub unsettled: Vec<ScheduleIndex>,
    /// Schedules of which a value may be untrue.
    suspects: Vec<ScheduleIndex>,
    /// By schedule: number of the last scrape at which it was a suspect.
    marks: Vec<u64>,
    scrape: u64,
    /// Number of true changes that were seen.
    changes_seen: u64,
}

impl ProcessBacklog {
    /// Reads what the last scrape has changed, and finds the suspects.
    pub fn read(&mut self, state: &WorldState, instruments: &dyn InstrumentReader) {
        self.scrape += 1;
        self.images.resize(state.schedules.ids.len(), [None; 2]);
        self.marks.resize(state.schedules.ids.len(), 0);
        for schedule in std::mem::take(&mut self.unsettled) {
            self.suspect(schedule);
        }
        let is_partial = self.unknown.is_empty()
            && instruments.take_backlog_changes(&mut |change| self.take(state, &change));
        if !is_partial || !self.unknown.is_empty() {
            self.read_all(state, instruments);
        }
        self.suspect_changed(state, is_partial);
        debug_assert!(self.is_as_shown(state, instruments), "a change was missed");
        for schedule in &self.suspects {
            let is_live = state.schedules[*schedule].is_live();
            match is_live && self.images[usize::from(*schedule)] == [None; 2] {
                true => self.unshown.insert(*schedule),
                false => self.unshown.remove(schedule),
            };
        }
    }

    /// The suspects in the order of their numbers.
    pub fn take_suspects(&mut self) -> Vec<ScheduleIndex> {
        let mut suspects = std::mem::take(&mut self.suspects);
        suspects.sort_unstable();
        suspects
    }

    /// The value of a (schedule, mode).
    pub fn images(&self, schedule: ScheduleIndex, mode: Mode) -> Option<u64> {
        self.images[usize::from(schedule)][mode.index()]
    }

    /// Whether a schedule has a value.
    pub fn is_shown(&self, schedule: ScheduleIndex) -> bool {
        self.images[usize::from(schedule)] != [None; 2]
    }

    /// Takes over a changed row.
    fn take(&mut self, state: &WorldState, change: &BacklogChange<'_>) {
        if self.rows.len() <= change.row {
            self.rows.resize(change.row + 1, None);
        }
        let known = self.rows[change.row];
        let schedule = known.or_else(|| {
            let id = ScheduleId::from(change.schedule);
            state.schedules.table.find(&id)
        });
        self.rows[change.row] = schedule;
        match schedule {
            Some(schedule) => self.set(schedule, change.mode, change.images),
            None => self.unknown.push(change.schedule.to_owned()),
        }
    }

    fn read_all(&mut self, state: &WorldState, instruments: &dyn InstrumentReader) {
        self.unknown.clear();
        self.images.fill([None; 2]);
        self.count = 0;
        instruments.backlog(&mut |mode, id, images| match state
            .schedules
            .table
            .find(&ScheduleId::from(id))
        {
            Some(schedule) => self.set(schedule, mode, Some(images)),
            None => self.unknown.push(id.to_owned()),
        });
        for schedule in state.schedules.table.indices() {
            self.suspect(schedule);
        }
    }

    fn set(&mut self, schedule: ScheduleIndex, mode: Mode, images: Option<u64>) {
        let value = &mut self.images[usize::from(schedule)][mode.index()];
        let before = std::mem::replace(value, images);
        self.count += usize::from(images.is_some());
        self.count -= usize::from(before.is_some());
        self.suspect(schedule);
    }

    fn suspect(&mut self, schedule: ScheduleIndex) {
        let mark = &mut self.marks[usize::from(schedule)];
        if std::mem::replace(mark, self.scrape) != self.scrape {
            self.suspects.push(schedule);
        }
    }

    /// Adds the schedules that have changed in truth; all, if that is not known any more.
    fn suspect_changed(&mut self, state: &WorldState, is_partial: bool) {
        let changes = &state.schedules.changes;
        let from = oldest_instant(state);
        match changes.since(self.changes_seen, from) {
            Some(changed) if is_partial => changed.for_each(|schedule| self.suspect(schedule)),
            _ => state
                .schedules
                .table
                .indices()
                .for_each(|schedule| self.suspect(schedule)),
        }
        self.changes_seen = changes.count();
    }

    /// Whether the values are those that the instruments show.
    fn is_as_shown(&self, state: &WorldState, instruments: &dyn InstrumentReader) -> bool {
        let (mut shown, mut agreeing) = (0, 0);
        instruments.backlog(&mut |mode, id, images| {
            let known = state.schedules.table.find(&ScheduleId::from(id));
            let taken = known.and_then(|schedule| self.images(schedule, mode));
            shown += usize::from(known.is_some());
            agreeing += usize::from(taken == Some(images));
        });
        (shown, agreeing) == (self.count, self.count)
    }
}
