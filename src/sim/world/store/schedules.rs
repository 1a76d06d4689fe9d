//! Schedules: definitions, states, backlogs and permits.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::model::commit::{BacklogRow, DocumentVersion};
use crate::model::{
    Mode, PermitGrant, PermitRequest, Run, Schedule, ScheduleId, ScheduleState, SharedList,
    Timestamp,
};
use crate::worker::ports::{ScheduleDocument, ScheduleEntry, Versioned};

/// Schedule with its state and sums.
#[derive(Debug)]
pub(super) struct StoredSchedule {
    pub schedule: Arc<Schedule>,
    pub deleted: bool,
    pub state: ScheduleState,
    pub version: DocumentVersion,
    /// Images of open runs that still await a runner, by mode index.
    pub backlog: [u64; 2],
    /// Instant of the next permit at the earliest.
    next_permit_at: Timestamp,
}

/// All schedules, deleted ones included, because runs and segments still refer to them.
#[derive(Debug, Default)]
pub(super) struct ScheduleTable {
    records: BTreeMap<ScheduleId, StoredSchedule>,
    /// Cached list; `None` once it is out of date.
    listing: Option<SharedList<ScheduleEntry>>,
    /// Cached backlog; `None` once it is out of date.
    backlog: Option<SharedList<BacklogRow>>,
    /// Images of the schedules that are not deleted.
    backlog_images: u64,
    has_deleted: bool,
}

impl ScheduleTable {
    pub fn get(&self, id: &ScheduleId) -> Option<&StoredSchedule> {
        self.records.get(id)
    }

    pub fn live(&self) -> impl Iterator<Item = &StoredSchedule> {
        self.records.values().filter(|record| !record.deleted)
    }

    /// Adds a schedule, or replaces its definition; sets its cursor to `now`.
    pub fn define(&mut self, schedule: Arc<Schedule>, now: Timestamp) {
        let record = self
            .records
            .entry(schedule.id.clone())
            .or_insert_with(|| StoredSchedule {
                schedule: Arc::clone(&schedule),
                deleted: false,
                state: ScheduleState::default(),
                version: 0,
                backlog: [0; 2],
                next_permit_at: Timestamp::ZERO,
            });
        record.schedule = schedule;
        record.state.cursor = now;
        record.version += 1;
        self.outdate();
    }

    /// Replaces the definition and keeps the cursor.
    pub fn redefine(&mut self, schedule: Arc<Schedule>) {
        if let Some(record) = self.records.get_mut(&schedule.id) {
            record.schedule = schedule;
            record.version += 1;
            self.outdate();
        }
    }

    pub fn delete(&mut self, id: &ScheduleId) {
        if let Some(record) = self.records.get_mut(id) {
            if !record.deleted {
                self.backlog_images -= record.backlog.iter().sum::<u64>();
            }
            record.deleted = true;
            record.version += 1;
            self.has_deleted = true;
            self.outdate();
        }
    }

    pub fn write_state(&mut self, id: &ScheduleId, state: ScheduleState) {
        let Some(record) = self.records.get_mut(id) else {
            return;
        };
        let is_listed_otherwise =
            record.state.cursor != state.cursor || record.state.queued_fire != state.queued_fire;
        record.state = state;
        record.version += 1;
        if let Some(listing) = self.listing.as_mut().filter(|_| is_listed_otherwise) {
            let place = listing.partition_point(|entry| entry.schedule.id < *id);
            let entry = listing.get_mut(place);
            if let Some(entry) = entry.filter(|entry| entry.schedule.id == *id) {
                *entry = record.entry();
            }
        }
    }

    /// Updates the backlog for a change of a run.
    pub fn move_backlog(&mut self, before: Option<&Run>, after: &Run) {
        let Some(record) = self.records.get_mut(&after.schedule) else {
            return;
        };
        let (fallen, risen) = (before.map_or(0, Run::awaiting), after.awaiting());
        if let Some(before) = before {
            let part = &mut record.backlog[before.mode.index()];
            debug_assert!(*part >= fallen, "the backlog fell below zero");
            *part = part.saturating_sub(fallen);
        }
        let images = &mut record.backlog[after.mode.index()];
        *images += risen;
        if fallen == risen || record.deleted {
            return;
        }
        let images = *images;
        let is_kept = images > 0 || record.schedule.mode == after.mode;
        self.backlog_images = (self.backlog_images + risen).saturating_sub(fallen);
        self.show_backlog(&after.schedule, after.mode, images, is_kept);
    }

    /// Writes a row of the cached backlog. A row that comes or goes outdates the cache.
    fn show_backlog(&mut self, id: &ScheduleId, mode: Mode, images: u64, is_kept: bool) {
        let Some(rows) = &mut self.backlog else {
            return;
        };
        let place = rows.partition_point(|row| (&row.schedule, row.mode) < (id, mode));
        let row = rows.get_mut(place);
        match row.filter(|row| row.schedule == *id && row.mode == mode) {
            Some(row) if is_kept => row.images = images,
            _ => self.backlog = None,
        }
    }

    fn outdate(&mut self) {
        self.listing = None;
        self.backlog = None;
    }

    /// Returns the schedules that are not deleted. *O*(1) unless one was edited.
    pub fn listing(&mut self) -> SharedList<ScheduleEntry> {
        if self.listing.is_none() {
            self.listing = Some(self.live().map(StoredSchedule::entry).collect());
        }
        self.listing.clone().unwrap_or_default()
    }

    /// Returns the backlog of schedules that are not deleted. *O*(1) unless one was edited.
    pub fn backlog(&mut self) -> SharedList<BacklogRow> {
        if self.backlog.is_none() {
            let rows = self.live().flat_map(StoredSchedule::backlog_rows).collect();
            self.backlog = Some(rows);
        }
        self.backlog.clone().unwrap_or_default()
    }

    /// Returns the images in all rows of [`ScheduleTable::backlog`].
    pub fn backlog_images(&self) -> u64 {
        self.backlog_images
    }

    /// Returns whether a schedule was ever deleted.
    pub fn has_deleted(&self) -> bool {
        self.has_deleted
    }

    /// Reserves permits of a schedule.
    pub fn reserve_permits(
        &mut self,
        id: &ScheduleId,
        request: PermitRequest,
        now: Timestamp,
    ) -> PermitGrant {
        let record = self.records.get_mut(id);
        let next = record
            .as_ref()
            .map_or(Timestamp::ZERO, |record| record.next_permit_at);
        let grant = request.grant(next, now);
        if let Some(record) = record {
            debug_assert!(grant.end() >= record.next_permit_at);
            record.next_permit_at = grant.end();
        }
        grant
    }
}

impl StoredSchedule {
    fn entry(&self) -> ScheduleEntry {
        ScheduleEntry {
            schedule: Arc::clone(&self.schedule),
            cursor: self.state.cursor,
            has_queued_fire: self.state.queued_fire.is_some(),
        }
    }

    pub fn document(&self) -> ScheduleDocument {
        ScheduleDocument {
            schedule: Arc::clone(&self.schedule),
            deleted: self.deleted,
            state: Versioned {
                version: self.version,
                value: self.state.clone(),
            },
        }
    }

    /// Returns the row of the schedule's mode, even if it is 0, and those of other modes that have
    /// open runs from before an edit.
    fn backlog_rows(&self) -> impl Iterator<Item = BacklogRow> {
        Mode::ALL.into_iter().filter_map(|mode| {
            let images = self.backlog[mode.index()];
            (images > 0 || mode == self.schedule.mode).then(|| BacklogRow {
                schedule: self.schedule.id.clone(),
                mode,
                images,
            })
        })
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn permits_are_one_interval_apart_and_not_saved_up() {
        let mut schedules = ScheduleTable::default();
        let now = Timestamp::from_seconds(100);
        schedules.define(
            Arc::new(crate::sim::world::testing::schedule("nightly")),
            now,
        );
        let id = ScheduleId::from("nightly");
        let lead = Duration::from_millis(10);
        let trail = Duration::from_millis(100);
        let request = |count, trail| PermitRequest {
            rate_per_second: 3.0,
            count,
            lead,
            trail,
        };
        let first = schedules.reserve_permits(&id, request(6, trail), now);
        assert_eq!(first.first, now.after(lead));
        assert_eq!(first.interval, Duration::from_nanos(333_333_334));
        let second = schedules.reserve_permits(&id, request(1, Duration::ZERO), now);
        assert_eq!(second.first, first.first.after(first.interval * 6 + trail));
        let later = now.after(Duration::from_secs(60));
        let third = schedules.reserve_permits(&id, request(1, Duration::ZERO), later);
        assert_eq!(
            third.first,
            later.after(lead),
            "unused permits are not saved up"
        );
    }
}
