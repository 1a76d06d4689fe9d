//! Changes by schedule owners, advisories and retention, which bypass the worker.

use std::sync::Arc;
use std::time::Duration;

use super::SimStore;
use crate::model::observation::QueueName;
use crate::model::{DeliveryEpoch, Run, RunId, Schedule, ScheduleId, Timestamp};
use crate::worker::ports::Export;

impl SimStore {
    /// Creates a schedule, or replaces its definition; sets its cursor to `now`.
    pub fn define_schedule(&mut self, schedule: Arc<Schedule>, now: Timestamp) {
        self.schedules.define(schedule, now);
    }

    /// Replaces a schedule's definition and keeps its cursor.
    pub fn redefine_schedule(&mut self, schedule: Arc<Schedule>) {
        self.schedules.redefine(schedule);
    }

    /// Marks a schedule as deleted.
    pub fn delete_schedule(&mut self, id: &ScheduleId) {
        self.schedules.delete(id);
    }

    /// Returns the definition of a schedule that is not deleted.
    pub fn definition(&self, id: &ScheduleId) -> Option<Arc<Schedule>> {
        let record = self.schedules.get(id).filter(|record| !record.deleted)?;
        Some(Arc::clone(&record.schedule))
    }

    /// Returns the definitions of all schedules that are not deleted.
    pub fn definitions(&self) -> Vec<Arc<Schedule>> {
        let live = self.schedules.live();
        live.map(|record| Arc::clone(&record.schedule)).collect()
    }

    /// Appends an export, and returns its sequence number.
    pub fn publish_export(&mut self, mut export: Export) -> u64 {
        export.sequence = self.exports.len() as u64 + 1;
        let sequence = export.sequence;
        self.exports.push(export);
        sequence
    }

    /// Returns the epoch of a queue that is created anew, higher than all before.
    pub fn next_delivery_epoch(&mut self, queue: QueueName) -> DeliveryEpoch {
        let epoch = &mut self.delivery_epochs[queue as usize];
        *epoch = epoch.next();
        *epoch
    }

    /// Purges terminal runs that ended at least `older_than` ago, with their segments and intents;
    /// returns their identifiers. Tokens stay, so that a repeat gets its first answer.
    pub fn purge(
        &mut self,
        schedule: Option<&ScheduleId>,
        older_than: Duration,
        now: Timestamp,
    ) -> Vec<RunId> {
        let purged: Vec<RunId> = self
            .runs
            .finished()
            .map(|record| &record.run)
            .take_while(|run| now.since(run.completed_at.unwrap_or_default()) >= older_than)
            .filter(|run| schedule.is_none_or(|schedule| run.schedule == *schedule))
            .map(|run| run.id.clone())
            .collect();
        for id in &purged {
            self.runs.remove(id);
        }
        purged
    }

    /// Returns planning and open runs, oldest first.
    pub fn unfinished(&self) -> impl Iterator<Item = &Run> {
        self.runs.unfinished().map(|record| &record.run)
    }

    /// Returns the terminal run of a schedule that ended last; an unfinished one if none has ended.
    pub fn last_run(&self, schedule: &ScheduleId) -> Option<&Run> {
        let finished = self.runs.finished().rev();
        let records = finished.chain(self.runs.unfinished());
        let mut runs = records.map(|record| &record.run);
        runs.find(|run| run.schedule == *schedule)
    }
}
