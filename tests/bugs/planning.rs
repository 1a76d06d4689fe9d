//! Defects in the decisions of triggers and planners.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::num::NonZeroU32;
use std::sync::Arc;

use async_trait::async_trait;
use jiff::tz::TimeZone;
use rehearsal::model::commit::FireOutcome;
use rehearsal::model::{
    Calendar, Commit, CommitAnswer, CommitStep, Limits, RunId, Schedule, ScheduleId, Severity,
    SharedList, Timestamp, Trigger,
};
use rehearsal::worker::ports::{
    PortResult, Ports, RunDocument, ScheduleDocument, ScheduleEntry, StaleWork, Store, WaitingRun,
};

use crate::plant::{Defect, Incarnation};

/// Rounds the time of a report down to the full hour.
pub struct AgeInHours;

impl Defect for AgeInHours {
    fn bend_last_reports(&self, _: Timestamp, last: &mut [Option<Timestamp>]) {
        const HOUR_NANOS: u64 = 3_600_000_000_000;
        for at in last.iter_mut().flatten() {
            *at = Timestamp::from_nanos(at.nanos() / HOUR_NANOS * HOUR_NANOS);
        }
    }
}

/// Selects the images with the newest reports when `maxJobs` limits a run.
pub struct NewestFirst;

impl Defect for NewestFirst {
    fn bend_last_reports(&self, _: Timestamp, last: &mut [Option<Timestamp>]) {
        // The same times in reverse order.
        let mut times = last.to_vec();
        times.sort_unstable();
        let mirrored: BTreeMap<_, _> = times.iter().zip(times.iter().rev()).collect();
        for at in last.iter_mut() {
            *at = *mirrored[at];
        }
    }
}

/// Does not remember which tenant was served last.
pub struct TurnsForgotten;

impl Defect for TurnsForgotten {
    fn bend_waiting(&self, waiting: &mut Vec<WaitingRun>) {
        for head in waiting {
            head.tenant_served = 0;
        }
    }
}

/// Plans the newest run of a tenant first.
pub struct NewestRunFirst;

impl Defect for NewestRunFirst {
    fn bend_waiting(&self, waiting: &mut Vec<WaitingRun>) {
        const NEVER: Timestamp = Timestamp::from_seconds(1 << 33);
        for head in waiting {
            head.created_at = Timestamp::ZERO.after(NEVER.since(head.created_at));
        }
    }
}

/// Decides fires since the last decision, also after an edit or a pause of the schedule.
#[derive(Default)]
pub struct CursorOfItsOwn(RefCell<BTreeMap<ScheduleId, Timestamp>>);

#[async_trait(?Send)]
impl Defect for CursorOfItsOwn {
    fn bend_schedule(&self, _: Timestamp, document: &mut ScheduleDocument) {
        if let Some(own) = self.0.borrow().get(&document.schedule.id) {
            let state = &mut document.state.value;
            state.cursor = state.cursor.min(*own);
        }
    }

    async fn commit(
        &self,
        incarnation: &Incarnation,
        commit: &Arc<Commit>,
    ) -> PortResult<CommitAnswer> {
        let answer = incarnation.world.store().commit(commit).await;
        if let (CommitStep::Fire { .. }, Some(write), Ok(CommitAnswer::Applied(_))) =
            (&commit.step, &commit.schedule, &answer)
        {
            let mut own = self.0.borrow_mut();
            own.insert(write.id.clone(), write.state.cursor);
        }
        answer
    }
}

/// Starts the first of several due fires instead of the last.
pub struct CoalescesIntoTheFirst;

#[async_trait(?Send)]
impl Defect for CoalescesIntoTheFirst {
    async fn commit(
        &self,
        incarnation: &Incarnation,
        commit: &Arc<Commit>,
    ) -> PortResult<CommitAnswer> {
        let store = incarnation.world.store();
        let CommitStep::Fire {
            schedule,
            coalesced: 1..,
            ..
        } = &commit.step
        else {
            return store.commit(commit).await;
        };
        let read = store.schedule(schedule).await?.value;
        let first = read.and_then(|document| {
            let cron = document.schedule.when_cron.as_deref()?;
            let calendar = Calendar::new(cron, &document.schedule.time_zone).ok()?;
            calendar.next_after(document.state.value.cursor)
        });
        let mut bent = Commit::clone(commit);
        if let (Some(first), Some(write)) = (first, bent.runs.first_mut()) {
            let run = &mut write.run;
            run.id = RunId::of(&run.tenant, &run.schedule, Trigger::Cron, first);
        }
        store.commit(&Arc::new(bent)).await
    }
}

/// Drops the queued fire of a schedule.
pub struct QueuedFireLost;

#[async_trait(?Send)]
impl Defect for QueuedFireLost {
    async fn commit(
        &self,
        incarnation: &Incarnation,
        commit: &Arc<Commit>,
    ) -> PortResult<CommitAnswer> {
        let mut bent = Commit::clone(commit);
        if let Some(write) = &mut bent.schedule {
            write.state.queued_fire = None;
        }
        incarnation.world.store().commit(&Arc::new(bent)).await
    }
}

/// Fires although the previous run is still open.
pub struct OverlapIgnored;

impl Defect for OverlapIgnored {
    fn bend_schedule(&self, _: Timestamp, document: &mut ScheduleDocument) {
        document.state.value.cron_runs.clear();
    }
}

/// Applies the limits of a schedule at its first read, ignoring edits.
#[derive(Default)]
pub struct LimitsOfOld(RefCell<BTreeMap<ScheduleId, Option<NonZeroU32>>>);

impl Defect for LimitsOfOld {
    fn bend_run(&self, document: &mut RunDocument) {
        let schedule = &mut document.schedule.schedule;
        let now = schedule.limits.parallelism;
        let mut first = self.0.borrow_mut();
        let parallelism = *first.entry(schedule.id.clone()).or_insert(now);
        if parallelism != now {
            let limits = schedule.limits;
            Arc::make_mut(schedule).limits = Limits {
                parallelism,
                ..limits
            };
        }
    }
}

/// Publishes every delta, ignoring the schedule's filter.
pub struct FilterIgnored;

impl Defect for FilterIgnored {
    fn bend_run(&self, document: &mut RunDocument) {
        let schedule = &mut document.schedule.schedule;
        if schedule.notify.minimum_severity != Severity::Low {
            Arc::make_mut(schedule).notify.minimum_severity = Severity::Low;
        }
    }
}

/// Does not cancel the runs of a deleted schedule.
pub struct OrphansForgotten;

impl Defect for OrphansForgotten {
    fn bend_stale_work(&self, work: &mut StaleWork) {
        work.orphaned.clear();
    }
}

/// Counts a queued fire as skipped.
pub struct QueuedIsSkipped;

#[async_trait(?Send)]
impl Defect for QueuedIsSkipped {
    async fn commit(
        &self,
        incarnation: &Incarnation,
        commit: &Arc<Commit>,
    ) -> PortResult<CommitAnswer> {
        let mut bent = Commit::clone(commit);
        if let CommitStep::Fire { fate, .. } = &mut bent.step
            && *fate == FireOutcome::Queued
        {
            *fate = FireOutcome::Skipped;
        }
        incarnation.world.store().commit(&Arc::new(bent)).await
    }
}

/// Schedule, offset of its time zone in hours, and the schedule in a zone of that constant offset.
type Shifted = (Arc<Schedule>, i8, Arc<Schedule>);

/// Computes all fires with the current offset of the time zone.
#[derive(Default)]
pub struct OffsetOfTheMoment(RefCell<BTreeMap<ScheduleId, Shifted>>);

impl OffsetOfTheMoment {
    fn shift(&self, schedule: &mut Arc<Schedule>, now: Timestamp) {
        let Ok(zone) = TimeZone::get(&schedule.time_zone) else {
            return;
        };
        let hours = zone.to_offset(now.to_jiff()).seconds() / 3_600;
        let hours = i8::try_from(hours).expect("an offset of hours");
        let mut known = self.0.borrow_mut();
        let is_known =
            |(plain, offset, _): &Shifted| *offset == hours && Arc::ptr_eq(plain, schedule);
        let shifted = known.get(&schedule.id).filter(|known| is_known(known));
        let shifted = shifted.map(|(.., shifted)| shifted.clone());
        let shifted = shifted.unwrap_or_else(|| {
            // `Etc/GMT` zones have the inverted sign.
            let time_zone = format!("Etc/GMT{:+}", -hours);
            Arc::new(Schedule {
                time_zone,
                ..Schedule::clone(schedule)
            })
        });
        let entry = (schedule.clone(), hours, shifted.clone());
        known.insert(schedule.id.clone(), entry);
        *schedule = shifted;
    }
}

impl Defect for OffsetOfTheMoment {
    fn bend_schedules(&self, now: Timestamp, entries: &mut SharedList<ScheduleEntry>) {
        let shifted = entries.iter().cloned().map(|mut entry| {
            self.shift(&mut entry.schedule, now);
            entry
        });
        *entries = shifted.collect();
    }

    fn bend_schedule(&self, now: Timestamp, document: &mut ScheduleDocument) {
        self.shift(&mut document.schedule, now);
    }
}
