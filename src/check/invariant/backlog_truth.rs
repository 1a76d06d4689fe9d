//! `backlog-truth`: every backlog shown was true within the last refresh, and none is missing that
//! a process could have read.
//!
//! Looked at for each process by itself. The maximum over the answering processes then is a value
//! that was true within the refresh too, and is there if any process could read the store.

use crate::check::invariant_name::InvariantName::BacklogTruth;
use crate::check::results::{CheckResults, ViolationDetail};
use crate::check::state::WorldState;
use crate::check::state::table::{IncarnationIndex, ScheduleIndex};
use crate::model::{Mode, ScheduleId, Timestamp};

/// How much longer a value may stay while the process's own clock is wrong: its drift is bounded by
/// one half.
const WRONG_CLOCK_FACTOR: u32 = 2;

/// One value that a process shows.
#[derive(Debug, Clone, Copy)]
struct Shown {
    schedule: ScheduleIndex,
    mode: Mode,
    images: u64,
}

/// Reads pages without allocating.
#[derive(Debug, Default)]
pub(crate) struct Pages {
    shown: Vec<Shown>,
    /// The page before this one: pages are sorted alike, so it says who comes next.
    previous: Vec<Shown>,
    strangers: Vec<String>,
    /// Marks schedules shown on the present page, by number.
    marks: Vec<u64>,
    page: u64,
}

impl Pages {
    /// Looks at what an incarnation shows now.
    pub fn scraped(
        &mut self,
        results: &mut CheckResults,
        state: &WorldState,
        incarnation: IncarnationIndex,
    ) {
        self.read(state, incarnation);
        let name = &state.incarnations.incarnations[incarnation].id;
        for stranger in self.strangers.drain(..) {
            let place = format!("scheduler_runner_backlog{{scheduleId=\"{stranger}\"}} of {name}");
            results.violate(
                BacklogTruth,
                ViolationDetail::new(place, "no such schedule ever was")
                    .expected("no series", "one"),
            );
        }
        for shown in &self.shown {
            judge(results, state, incarnation, *shown);
        }
        self.judge_missing(results, state, incarnation);
    }

    fn read(&mut self, state: &WorldState, incarnation: IncarnationIndex) {
        let Some(instruments) = &state.incarnations.incarnations[incarnation].instruments else {
            return;
        };
        self.page += 1;
        std::mem::swap(&mut self.shown, &mut self.previous);
        self.shown.clear();
        self.marks.resize(state.schedules.ids.len(), 0);
        instruments.backlog(&mut |mode, id, images| {
            let guess = self
                .previous
                .get(self.shown.len())
                .map(|shown| shown.schedule);
            match find(state, guess, id) {
                Some(schedule) => {
                    self.marks[usize::from(schedule)] = self.page;
                    self.shown.push(Shown {
                        schedule,
                        mode,
                        images,
                    });
                }
                None => self.strangers.push(id.to_owned()),
            }
        });
    }

    fn judge_missing(
        &self,
        results: &mut CheckResults,
        state: &WorldState,
        incarnation: IncarnationIndex,
    ) {
        let refresh = state.options.backlog_refresh;
        let settled_before = results.now().before(refresh * 2);
        let reads_since = state.incarnations.incarnations[incarnation].reads_store_since;
        if reads_since.is_none_or(|since| since > settled_before) {
            return;
        }
        let mut present = 0;
        for (index, schedule) in state.schedules.table.iter() {
            if !schedule.is_live() || schedule.created_at > settled_before {
                continue;
            }
            present += 1;
            if self.marks.get(usize::from(index)) != Some(&self.page) {
                let name = state.schedule_name(index);
                let place = format!(
                    "scheduler_runner_backlog{{scheduleId=\"{name}\"}} of {}",
                    state.incarnation_name(incarnation)
                );
                let what = "the series is missing, although the process could read the store all through the last two refreshes";
                results.violate(
                    BacklogTruth,
                    ViolationDetail::new(place, what).expected("a value", "none"),
                );
            }
        }
        results.held(BacklogTruth, present, 0);
    }
}

/// The number of a schedule by name, trying a guess first.
fn find(state: &WorldState, guess: Option<ScheduleIndex>, id: &str) -> Option<ScheduleIndex> {
    let is_named = |guess: &ScheduleIndex| state.schedules.ids[usize::from(*guess)].as_str() == id;
    guess
        .filter(is_named)
        .or_else(|| state.schedules.table.find(&ScheduleId::from(id)))
}

fn judge(
    results: &mut CheckResults,
    state: &WorldState,
    incarnation: IncarnationIndex,
    shown: Shown,
) {
    let now = results.now();
    let refresh = state.options.backlog_refresh;
    let wrong_clock = state
        .faults
        .clocks_wrong_since(now.before(refresh * WRONG_CLOCK_FACTOR));
    let from = now.before(if wrong_clock {
        refresh * WRONG_CLOCK_FACTOR
    } else {
        refresh
    });
    let schedule = &state.schedules[shown.schedule];
    let backlog = &schedule.backlog[shown.mode.index()];
    let existed = schedule.definition.is_some() && schedule.deleted_at.is_none_or(|at| at >= from);
    let holds = existed && backlog.held_within(shown.images, from, now);
    let has_changed = backlog.changed_since(from) && shown.images != 0;
    results.check(BacklogTruth, has_changed, holds, || {
        complaint(
            state,
            incarnation,
            shown,
            existed,
            backlog.range_since(from),
            from,
        )
    });
}

fn complaint(
    state: &WorldState,
    incarnation: IncarnationIndex,
    shown: Shown,
    existed: bool,
    (least, most): (u64, u64),
    from: Timestamp,
) -> ViolationDetail {
    let place = format!(
        "scheduler_runner_backlog{{mode=\"{}\",scheduleId=\"{}\"}} of {}",
        shown.mode.as_str(),
        state.schedule_name(shown.schedule),
        state.incarnation_name(incarnation)
    );
    if existed {
        let what = format!("it shows what was true at no instant since {from}");
        return ViolationDetail::new(place, what).expected(
            format_args!("a value held since then (between {least} and {most})"),
            shown.images,
        );
    }
    let what = "its schedule was deleted more than a refresh ago";
    ViolationDetail::new(place, what).expected("no series", shown.images)
}
