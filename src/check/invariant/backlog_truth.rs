//! `backlog-truth`: every exposed backlog was true within the last refresh, and none is missing
//! that a process could have read.
//!
//! Each process is checked by itself. The maximum over the answering processes is then a value that
//! was true within the refresh too, and is there if any process could read the store.

mod process_backlog;

use std::collections::BTreeSet;

use self::process_backlog::ProcessBacklog;
use super::{CheckContext, EvaluationTime, Invariant, InvariantDefinition, InvariantName};
use crate::check::instruments::InstrumentSource;
use crate::check::invariant::InvariantName::BacklogTruth;
use crate::check::invariant::results::ViolationDetail;
use crate::check::state::known_backlog::CommittedBacklog;
use crate::check::state::table::{IncarnationIndex, ScheduleIndex};
use crate::check::state::{MessageStep, ObservedIncarnation, PendingInstruments, WorldState};
use crate::model::observation::QueueStep;
use crate::model::{Mode, Timestamp};

/// Name and documentation of `backlog-truth`.
pub(crate) const BACKLOG_TRUTH: InvariantDefinition = InvariantDefinition {
    name: "backlog-truth",
    evaluated: EvaluationTime::Always,
    meaning: "Every exposed backlog was true within the last refresh, and none is missing without \
              cause.",
    method: "At every scrape each value must be one that the store's backlog had at some instant \
             within `backlogRefresh`, or within twice that while the clock of the process is \
             wrong. Each live schedule must have a value if the process could read the store all \
             through the last two refreshes, without a call to it that took a third of a lease or \
             longer than the client waits. The series of a deleted schedule may stay for one \
             refresh. The maximum over the answering processes then follows. In the step in which \
             a process learns that its commit was applied, its value for the schedule must be the \
             committed one, unless it has read a newer one. A holder whose delivery failed by \
             `persist_failed` or `RunMissing` must have read the backlog anew when it settles the \
             message. The depth of queues and outbox, the age of the oldest ready message and \
             the time since progress must likewise have been true within the last refresh, and \
             some process must expose each of them.",
    exercised_by: "nonzero values that have changed",
};

/// Factor by which a value may be older while the clock of the process is wrong: its drift is
/// bounded by one half.
const WRONG_CLOCK_FACTOR: u32 = 2;

/// One exposed value.
#[derive(Debug, Clone, Copy)]
struct ExposedBacklog {
    schedule: ScheduleIndex,
    mode: Mode,
    images: u64,
}

/// Checks `backlog-truth`; remembers what each process has exposed, so that a scrape costs as much
/// as has changed. A value is looked at if it has changed, if the true one has changed within the
/// window or since the scrape before, or if it was not the present one at the scrape before. Each
/// other one is still the present value.
#[derive(Debug, Default)]
pub(crate) struct BacklogTruthCheck {
    /// By number of the process.
    processes: Vec<ProcessBacklog>,
}

impl Invariant for BacklogTruthCheck {
    fn names(&self) -> &[InvariantName] {
        &[BacklogTruth]
    }

    fn message(&mut self, context: &mut CheckContext<'_>, step: &MessageStep) {
        let is_settled = matches!(
            step.step,
            QueueStep::Acknowledged | QueueStep::Released { .. }
        );
        if let (Some(incarnation), true) = (step.incarnation, is_settled) {
            check_reread(context, incarnation, step);
        }
    }

    fn instruments_due(&mut self, context: &mut CheckContext<'_>, due: &PendingInstruments) {
        let state = context.state;
        for row in &state.incarnations[due.incarnation].expected.backlog.due {
            check_committed(context, due.incarnation, row);
        }
    }

    fn scraped(&mut self, context: &mut CheckContext<'_>, incarnation: &ObservedIncarnation<'_>) {
        let state = context.state;
        let record = &state.incarnations[incarnation.index];
        let Some(instruments) = record.read(InstrumentSource::Recorded) else {
            return;
        };
        let process = usize::from(record.process);
        if self.processes.len() <= process {
            self.processes.resize_with(process + 1, Default::default);
        }
        let shown = &mut self.processes[process];
        shown.read(state, instruments);
        for schedule in &shown.unknown {
            let id = incarnation.id;
            context.violate(
                BacklogTruth,
                ViolationDetail::of(format_args!(
                    "scheduler_runner_backlog{{scheduleId=\"{schedule}\"}} of {id}"
                ))
                .is("exposed")
                .expected("absent")
                .because("there never was such a schedule"),
            );
        }
        check_values(context, incarnation.index, shown);
        check_missing(context, incarnation.index, &shown.unshown);
    }
}

/// Checks the values that may be untrue.
fn check_values(
    context: &mut CheckContext<'_>,
    incarnation: IncarnationIndex,
    shown: &mut ProcessBacklog,
) {
    let mut others = shown.count as u64;
    for schedule in shown.take_suspects() {
        let mut is_settled = context.state.schedules[schedule].is_live();
        for mode in Mode::ALL {
            let Some(images) = shown.images(schedule, mode) else {
                continue;
            };
            let value = ExposedBacklog {
                schedule,
                mode,
                images,
            };
            is_settled &= check_value(context, incarnation, value);
            others -= 1;
        }
        if !is_settled && shown.is_shown(schedule) {
            shown.unsettled.push(schedule);
        }
    }
    context.held(BacklogTruth, others, 0);
}

/// Checks that no schedule without a value should have one.
fn check_missing(
    context: &mut CheckContext<'_>,
    incarnation: IncarnationIndex,
    unshown: &BTreeSet<ScheduleIndex>,
) {
    let state = context.state;
    let settled_before = state.now.before(state.options.worker.backlog_refresh * 2);
    let reads_since = state.incarnations[incarnation].reads_store_since;
    if reads_since.is_none_or(|since| since > settled_before) {
        return;
    }
    let is_old = |index: &&ScheduleIndex| state.schedules[**index].created_at <= settled_before;
    for index in unshown.iter().filter(is_old) {
        let name = state.schedule_name(*index);
        let process = state.incarnation_name(incarnation);
        context.violate(
            BacklogTruth,
            ViolationDetail::of(format_args!(
                "scheduler_runner_backlog{{scheduleId=\"{name}\"}} of {process}"
            ))
            .is("absent")
            .expected("a value")
            .because("the process could read the store all through the last two refreshes"),
        );
    }
    let young = state.schedules.live_created_after(settled_before);
    let present = state.schedules.live.saturating_sub(young);
    context.held(BacklogTruth, present as u64, 0);
}

/// Checks that a process shows what its commit has made of the backlog, in the step in which it
/// learns of it. A commit that was sent long ago tells an old value, which is withheld.
fn check_committed(
    context: &mut CheckContext<'_>,
    incarnation: IncarnationIndex,
    row: &CommittedBacklog,
) {
    let state = context.state;
    let Some(instruments) = state.incarnations[incarnation].read(InstrumentSource::Exposed) else {
        return;
    };
    let refresh = state.options.worker.backlog_refresh;
    let is_old = state.now.since(row.sent_at) * WRONG_CLOCK_FACTOR > refresh;
    let schedule = state.schedule_name(row.schedule);
    let shown = instruments.backlog_of(row.mode, &schedule);
    let holds = shown == Some(row.images) || (shown.is_none() && is_old);
    context.check(BacklogTruth, row.images != 0, holds, || {
        let (mode, process) = (row.mode.as_str(), state.incarnation_name(incarnation));
        ViolationDetail::of(format_args!(
            "scheduler_runner_backlog{{mode=\"{mode}\",scheduleId=\"{schedule}\"}} of {process}"
        ))
        .is(shown.map_or("absent".to_owned(), |images| images.to_string()))
        .expected(row.images)
        .because(format_args!(
            "the answer to its commit of {} says so and is newer than every read",
            row.as_of
        ))
    });
}

/// Checks that a holder whose delivery failed without a commit has read the backlog anew before it
/// settles the message, if it could.
fn check_reread(context: &mut CheckContext<'_>, holder: IncarnationIndex, step: &MessageStep) {
    let state = context.state;
    let incarnation = &state.incarnations[holder];
    let Some(failed_at) = incarnation.expected.backlog.missed_at(step.delivery) else {
        return;
    };
    let could_read = incarnation
        .reads_store_since
        .is_some_and(|since| since <= failed_at);
    context.check(BacklogTruth, true, !could_read, || {
        ViolationDetail::of(format_args!(
            "the last read of the backlog by {}",
            incarnation.id
        ))
        .is("before its delivery failed")
        .expected(format_args!("after {failed_at}"))
        .because(format_args!(
            "delivery {} ended without a commit that tells the backlog",
            step.delivery
        ))
    });
}

/// Instant to which the oldest value belongs that a process still shows.
pub(super) fn oldest_instant(state: &WorldState) -> Timestamp {
    let (now, refresh) = (state.now, state.options.worker.backlog_refresh);
    let longest = refresh * WRONG_CLOCK_FACTOR;
    let is_clock_wrong = state.faults.clocks_wrong_since(now.before(longest));
    now.before(if is_clock_wrong { longest } else { refresh })
}

/// Checks a value, and returns whether it is the present one.
fn check_value(
    context: &mut CheckContext<'_>,
    incarnation: IncarnationIndex,
    shown: ExposedBacklog,
) -> bool {
    let state = context.state;
    let (now, from) = (state.now, oldest_instant(state));
    let schedule = &state.schedules[shown.schedule];
    let backlog = &schedule.backlog[shown.mode.index()].images;
    let existed = schedule.definition.is_some() && schedule.deleted_at.is_none_or(|at| at >= from);
    let holds = existed && backlog.held_within(shown.images, from, now);
    let has_changed = backlog.changed_since(from) && shown.images != 0;
    context.check(BacklogTruth, has_changed, holds, || {
        let series = format!(
            "scheduler_runner_backlog{{mode=\"{}\",scheduleId=\"{}\"}} of {}",
            shown.mode.as_str(),
            state.schedule_name(shown.schedule),
            state.incarnation_name(incarnation)
        );
        if existed {
            stale_value(series, shown.images, backlog.range_since(from), from)
        } else {
            ViolationDetail::of(series)
                .is(shown.images)
                .expected("absent")
                .because("its schedule was deleted more than a refresh ago")
        }
    });
    backlog.current == shown.images
}

fn stale_value(
    series: String,
    images: u64,
    (least, most): (u64, u64),
    from: Timestamp,
) -> ViolationDetail {
    ViolationDetail::of(series)
        .is(images)
        .expected(format_args!("a value between {least} and {most}"))
        .because(format_args!("the backlog had no other value since {from}"))
}
