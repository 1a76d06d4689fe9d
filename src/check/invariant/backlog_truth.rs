//! `backlog-truth`: every exposed backlog was true within the last refresh, and none is missing
//! that a process could have read.
//!
//! Each process is checked by itself. The maximum over the answering processes is then a value that
//! was true within the refresh too, and is there if any process could read the store.

use super::{CheckContext, EvaluationTime, Invariant, InvariantDefinition, InvariantName};
use crate::check::invariant::InvariantName::BacklogTruth;
use crate::check::invariant::results::ViolationDetail;
use crate::check::state::table::{IncarnationIndex, ScheduleIndex};
use crate::check::state::{ObservedIncarnation, WorldState};
use crate::model::{Mode, ScheduleId, Timestamp};

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
             refresh. The maximum over the answering processes then follows.",
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

/// Checks `backlog-truth`; its memory lets a scrape be read without allocating.
#[derive(Debug, Default)]
pub(crate) struct BacklogTruthCheck {
    shown: Vec<ExposedBacklog>,
    /// The exposition before this one. Expositions are sorted alike, so it predicts the next value.
    previous: Vec<ExposedBacklog>,
    unknown: Vec<String>,
    /// By schedule: number of the last exposition that had a value.
    marks: Vec<u64>,
    exposition: u64,
}

impl Invariant for BacklogTruthCheck {
    fn names(&self) -> &[InvariantName] {
        &[BacklogTruth]
    }

    fn scraped(&mut self, context: &mut CheckContext<'_>, incarnation: &ObservedIncarnation<'_>) {
        self.read(context.state, incarnation.index);
        for schedule in self.unknown.drain(..) {
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
        for shown in &self.shown {
            check_value(context, incarnation.index, *shown);
        }
        self.check_missing(context, incarnation.index);
    }
}

impl BacklogTruthCheck {
    fn read(&mut self, state: &WorldState, incarnation: IncarnationIndex) {
        let Some(instruments) = &state.incarnations[incarnation].instruments else {
            return;
        };
        self.exposition += 1;
        std::mem::swap(&mut self.shown, &mut self.previous);
        self.shown.clear();
        self.marks.resize(state.schedules.ids.len(), 0);
        instruments.backlog(&mut |mode, id, images| {
            let guess = self.previous.get(self.shown.len());
            let guess = guess.map(|shown| shown.schedule);
            match find(state, guess, id) {
                Some(schedule) => {
                    self.marks[usize::from(schedule)] = self.exposition;
                    self.shown.push(ExposedBacklog {
                        schedule,
                        mode,
                        images,
                    });
                }
                None => self.unknown.push(id.to_owned()),
            }
        });
    }

    fn check_missing(&self, context: &mut CheckContext<'_>, incarnation: IncarnationIndex) {
        let state = context.state;
        let settled_before = state.now.before(state.options.backlog_refresh * 2);
        let reads_since = state.incarnations[incarnation].reads_store_since;
        if reads_since.is_none_or(|since| since > settled_before) {
            return;
        }
        let mut present = 0;
        for (index, schedule) in state.schedules.table.iter() {
            if !schedule.is_live() || schedule.created_at > settled_before {
                continue;
            }
            present += 1;
            if self.marks.get(usize::from(index)) != Some(&self.exposition) {
                let name = state.schedule_name(index);
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
        }
        context.held(BacklogTruth, present, 0);
    }
}

/// Number of a schedule by name, trying a guess first.
fn find(state: &WorldState, guess: Option<ScheduleIndex>, id: &str) -> Option<ScheduleIndex> {
    let is_named = |guess: &ScheduleIndex| state.schedules.ids[usize::from(*guess)].as_str() == id;
    guess
        .filter(is_named)
        .or_else(|| state.schedules.table.find(&ScheduleId::from(id)))
}

fn check_value(
    context: &mut CheckContext<'_>,
    incarnation: IncarnationIndex,
    shown: ExposedBacklog,
) {
    let state = context.state;
    let (now, refresh) = (state.now, state.options.backlog_refresh);
    let longest = refresh * WRONG_CLOCK_FACTOR;
    let is_clock_wrong = state.faults.clocks_wrong_since(now.before(longest));
    let from = now.before(if is_clock_wrong { longest } else { refresh });
    let schedule = &state.schedules[shown.schedule];
    let backlog = &schedule.backlog[shown.mode.index()];
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
