//! `cron-once`: by an independent calendar, each due fire has exactly one fate, and the right one.

use rustc_hash::FxHashMap;

use super::{CheckContext, EvaluationTime, Invariant, InvariantDefinition, InvariantName};
use crate::check::calendar::WalkCalendar;
use crate::check::contract;
use crate::check::invariant::InvariantName::CronOnce;
use crate::check::invariant::results::ViolationDetail;
use crate::check::state::table::ScheduleIndex;
use crate::check::state::{AcceptedCommit, RunEnd, ScheduleEdit};
use crate::model::commit::FireOutcome;
use crate::model::observation::ScheduleChange;
use crate::model::{CommitStep, OverlapPolicy, Timestamp, Trigger};

/// Name and documentation of `cron-once`.
pub(crate) const CRON_ONCE: InvariantDefinition = InvariantDefinition {
    name: "cron-once",
    evaluated: EvaluationTime::Quiescence,
    meaning: "By an independent calendar, each due fire is exactly one of run, coalesced, skipped, \
              queued.",
    method: "A second calendar walks over real time minute by minute and reads the expression with \
             a parser of its own; it is tested against the worker's on both changes of the hour \
             in eight zones. Each decision must settle exactly the fires since the last one, with \
             the fate that the overlap policy gives and the run of that instant. A queued fire \
             must stay until it is decided again, and its run must be that of its instant. \
             Without faults, every due fire must be decided within two minutes.",
    exercised_by: "decided fires",
};

/// Fires of one schedule.
#[derive(Debug)]
struct FireRecord {
    /// Walks over the fires; none if there are none, or the expression can't be read.
    calendar: Option<WalkCalendar>,
    /// Fires up to here are decided.
    cursor: Timestamp,
    /// Fire that waits for an earlier run, if one is known to.
    queued: Option<Timestamp>,
}

/// One decision on the fires of a schedule.
struct AcceptedDecision {
    index: ScheduleIndex,
    cursor: Timestamp,
    latest: Option<Timestamp>,
    coalesced: u32,
    fate: FireOutcome,
}

/// Checks `cron-once`; remembers the fires of each schedule.
#[derive(Debug, Default)]
pub(crate) struct CronOnceCheck {
    schedules: FxHashMap<ScheduleIndex, FireRecord>,
}

impl Invariant for CronOnceCheck {
    fn names(&self) -> &[InvariantName] {
        &[CronOnce]
    }

    fn schedule_changed(&mut self, context: &mut CheckContext<'_>, edit: &ScheduleEdit<'_>) {
        let now = context.state.now;
        self.check_undecided(context, edit.index, now);
        let schedule = edit.schedule;
        let calendar = schedule.when_cron.as_deref();
        let record = self.record(edit.index, now);
        record.queued = None;
        if !matches!(
            edit.change,
            ScheduleChange::Disabled | ScheduleChange::Deleted
        ) {
            record.cursor = now;
        }
        record.calendar =
            calendar.and_then(|cron| WalkCalendar::new(cron, &schedule.time_zone, now).ok());
    }

    fn commit_accepted(&mut self, context: &mut CheckContext<'_>, accepted: &AcceptedCommit<'_>) {
        if let Some(decision) = self.decision(context, accepted) {
            self.check_fires(context, &decision);
            check_fate(context, accepted, &decision);
            self.check_run(context, accepted, &decision);
            self.record(decision.index, context.state.now).cursor = decision.cursor;
        }
        self.check_queued(context, accepted);
    }

    fn finished(&mut self, context: &mut CheckContext<'_>, _: &RunEnd<'_>) {
        for index in context.state.schedules.table.indices() {
            self.check_undecided(context, index, context.state.now);
        }
    }
}

impl CronOnceCheck {
    fn record(&mut self, index: ScheduleIndex, now: Timestamp) -> &mut FireRecord {
        self.schedules.entry(index).or_insert(FireRecord {
            calendar: None,
            cursor: now,
            queued: None,
        })
    }

    fn decision(
        &mut self,
        context: &CheckContext<'_>,
        accepted: &AcceptedCommit<'_>,
    ) -> Option<AcceptedDecision> {
        let CommitStep::Fire {
            latest,
            coalesced,
            fate,
            ..
        } = accepted.commit.step
        else {
            return None;
        };
        let index = accepted.fired?;
        let write = accepted.commit.schedule.as_ref();
        let cursor = write.map(|write| write.state.cursor).or(latest);
        let known = self.record(index, context.state.now).cursor;
        Some(AcceptedDecision {
            index,
            cursor: cursor.unwrap_or(known),
            latest,
            coalesced,
            fate,
        })
    }

    /// Checks that the fires since the old cursor are those that the commit decides.
    fn check_fires(&mut self, context: &mut CheckContext<'_>, decision: &AcceptedDecision) {
        let state = context.state;
        let record = self.record(decision.index, state.now);
        let from = record.cursor;
        let Some(calendar) = &mut record.calendar else {
            return;
        };
        let (mut count, mut last) = (0_u32, None);
        calendar.fires_until(decision.cursor, |fire| {
            (count, last) = (count + 1, Some(fire));
        });
        let latest = decision.latest;
        let decided = latest.map_or(0, |_| decision.coalesced + 1);
        let holds = (count, last) == (decided, latest);
        context.check(CronOnce, count > 0, holds, || {
            ViolationDetail::of(format_args!(
                "the decision of schedule {} on the fires after {from}",
                state.schedule_name(decision.index)
            ))
            .is(fires(decided, latest))
            .expected(fires(count, last))
            .because("the calendar has these fires due")
        });
        let is_due = latest.is_none_or(|latest| latest <= state.now);
        context.check(CronOnce, false, is_due, || {
            ViolationDetail::of(format_args!(
                "the decided fire of schedule {}",
                state.schedule_name(decision.index)
            ))
            .is(latest.unwrap_or_default())
            .expected(format_args!("at most {}", state.now))
            .because("a fire is decided when it is due, not before")
        });
    }

    /// Checks that a fire that starts a run makes exactly the run of its instant, and any other
    /// none.
    fn check_run(
        &mut self,
        context: &mut CheckContext<'_>,
        accepted: &AcceptedCommit<'_>,
        decision: &AcceptedDecision,
    ) {
        let state = context.state;
        let Some(definition) = &state.schedules[decision.index].definition else {
            return;
        };
        let made = accepted.changes.iter();
        let made: Vec<_> = made.map(|change| change.after.id.clone()).collect();
        // The run of a queued fire carries that fire's instant.
        let queued = self.record(decision.index, state.now).queued;
        let fire = decision.latest.or(queued);
        let named = fire
            .map(|fire| contract::run_id(&definition.tenant, &definition.id, Trigger::Cron, fire));
        let is_run = decision.fate == FireOutcome::Run;
        let holds = match (is_run, &named) {
            (true, Some(named)) => made == [named.clone()],
            (true, None) => made.len() == 1,
            (false, _) => made.is_empty(),
        };
        context.check(CronOnce, is_run, holds, || {
            let due = match (is_run, named) {
                (true, Some(named)) => named.to_string(),
                (true, None) => "one run".to_owned(),
                (false, _) => "no run".to_owned(),
            };
            let made: Vec<_> = made.iter().map(ToString::to_string).collect();
            let made = if made.is_empty() {
                "no run".to_owned()
            } else {
                made.join(", ")
            };
            ViolationDetail::of(format_args!(
                "the result of a fire of schedule {}",
                definition.id
            ))
            .is(made)
            .expected(due)
            .because(format_args!("its fate is {}", decision.fate.as_str()))
        });
    }

    /// Checks that a queued fire stays until it is decided again.
    fn check_queued(&mut self, context: &mut CheckContext<'_>, accepted: &AcceptedCommit<'_>) {
        let (Some(write), Some(index)) = (&accepted.commit.schedule, accepted.written) else {
            return;
        };
        let record = self.record(index, context.state.now);
        let found = write.state.queued_fire;
        let due = match &accepted.commit.step {
            CommitStep::Fire {
                latest,
                fate: FireOutcome::Queued,
                ..
            } => *latest,
            CommitStep::Fire { .. } => None,
            _ => record.queued,
        };
        record.queued = found;
        let Some(due) = due else {
            return;
        };
        context.check(CronOnce, true, found == Some(due), || {
            let found = found.map_or("none".to_owned(), |found| found.to_string());
            ViolationDetail::of(format_args!("the queued fire of schedule {}", write.id))
                .is(found)
                .expected(due)
                .because(format_args!(
                    "the {} commit does not decide it",
                    accepted.commit.step.name()
                ))
        });
    }

    /// Checks that no fire that was due until `until` was left undecided, although there was time
    /// and no fault.
    fn check_undecided(
        &mut self,
        context: &mut CheckContext<'_>,
        index: ScheduleIndex,
        until: Timestamp,
    ) {
        let state = context.state;
        let allowed = state.options.fire_patience;
        if !state.schedules[index].is_enabled() {
            return;
        }
        let Some(calendar) = &mut self.record(index, state.now).calendar else {
            return;
        };
        let mut first = None;
        calendar.fires_until(until, |fire| {
            first.get_or_insert(fire);
        });
        let is_late =
            |fire: &Timestamp| until.since(*fire) > allowed && !state.faults.trouble_since(*fire);
        let forgotten = first.filter(is_late);
        context.check(CronOnce, false, forgotten.is_none(), || {
            ViolationDetail::of(format_args!(
                "the fire at {} of schedule {}",
                forgotten.unwrap_or_default(),
                state.schedule_name(index)
            ))
            .is("undecided")
            .expected(format_args!("decided within {} s", allowed.as_secs()))
            .because("it was due and no fault is on record")
        });
    }
}

fn fires(count: u32, last: Option<Timestamp>) -> String {
    match last {
        Some(last) => format!("{count} up to {last}"),
        None => "none".to_owned(),
    }
}

/// Checks that the fate is the one that the overlap policy gives.
fn check_fate(
    context: &mut CheckContext<'_>,
    accepted: &AcceptedCommit<'_>,
    decision: &AcceptedDecision,
) {
    let record = &context.state.schedules[decision.index];
    let Some(definition) = &record.definition else {
        return;
    };
    let due = match (record.cron_runs > 0, definition.overlap) {
        (false, _) | (_, OverlapPolicy::Allow) => FireOutcome::Run,
        (true, OverlapPolicy::Skip) => FireOutcome::Skipped,
        (true, OverlapPolicy::QueueOne) => FireOutcome::Queued,
    };
    let is_exercised = record.cron_runs > 0 && decision.latest.is_some();
    context.check(CronOnce, is_exercised, decision.fate == due, || {
        ViolationDetail::of(format_args!(
            "the fate of a fire of schedule {}, decided by {}",
            definition.id, accepted.commit.token.incarnation
        ))
        .is(decision.fate.as_str())
        .expected(due.as_str())
        .because(format_args!(
            "{} cron runs are unfinished and overlap is {:?}",
            record.cron_runs, definition.overlap
        ))
    });
}
