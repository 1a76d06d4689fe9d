//! Time slices: short parts of a long scenario, so that a seed is quick and all seeds together
//! visit the whole scenario.

use std::fmt;

use jiff::SignedDuration;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use serde::{Deserialize, Serialize};

use super::{FaultProfile, SkippedExpectation, draw_log_uniform};
use crate::model::Timestamp;
use crate::scenario::{AdvisoryTrace, Gates, OperationKind, OperationSpec, Scenario, Timing};
use crate::sim::kernel::RandomStream;
use crate::worker::duration::Duration;
use rehearsal_convert::Saturating;

/// Range of the lengths of slices.
const LENGTH_MINUTES: (f64, f64) = (20.0, 120.0);

/// Part of a scenario's time that a seed rehearses.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct TimeSlice {
    /// Time from the scenario's start to the start of the slice.
    pub from: Duration,
    /// Time for which triggers, operations and faults go on.
    pub length: Duration,
}

impl TimeSlice {
    /// Draws a slice in whole minutes for `swarm`; `None` for other profiles, and for a scenario
    /// that is shorter than the slice. Short slices are as likely as long ones.
    pub(super) fn draw(profile: FaultProfile, scenario: &Scenario, seed: u64) -> Option<Self> {
        if profile != FaultProfile::Swarm {
            return None;
        }
        let stream = &mut RandomStream::new(seed, "profile.window");
        let (shortest, longest) = LENGTH_MINUTES;
        let minutes = draw_log_uniform(stream, shortest, longest).saturating_u64();
        let length = Duration::from_minutes(minutes);
        let rest_ns = scenario
            .duration
            .as_nanos()
            .checked_sub(length.as_nanos())?;
        let starts = rest_ns / Duration::from_minutes(1).as_nanos() + 1;
        let from = Duration::from_minutes(stream.below(starts));
        Some(Self { from, length })
    }

    /// Returns the part of the scenario that lies within the slice, and the expectations that it
    /// can't decide.
    ///
    /// Repetitions start anew with the part, and so does the world: no image has a report yet. An
    /// expectation that must hold `eventually` may hold elsewhere, so it becomes a `sometimes`. The
    /// gates count the whole scenario, so the part has none.
    pub(super) fn cut(self, mut scenario: Scenario) -> (Scenario, Vec<SkippedExpectation>) {
        let whole_start = scenario.start;
        scenario.start = scenario.start.after(self.from.std());
        scenario.duration = self.length;
        let skipped = self.split_expectations(&mut scenario);
        scenario
            .faults
            .retain_mut(|fault| self.clip_timing(&mut fault.timing));
        scenario
            .operations
            .retain_mut(|operation| self.clip_operation(operation));
        scenario.gates = Gates::default();
        let advisories = scenario.advisories.as_mut();
        if let Some(trace) = advisories.and_then(|advisories| advisories.trace.as_mut()) {
            skip_rows(trace, date(whole_start), date(scenario.start));
        }
        (scenario, skipped)
    }

    /// Shifts a timing to the start of the slice. Returns whether the slice contains any of it.
    pub(super) fn clip_timing(self, timing: &mut Timing) -> bool {
        match &mut timing.at {
            Some(at) => match self.within(*at) {
                Some(shifted) => {
                    *at = shifted;
                    true
                }
                None => false,
            },
            None => self.clip(&mut timing.from, &mut timing.until),
        }
    }

    /// Shifts an operation. A schedule that is created before the slice exists from its start.
    fn clip_operation(self, operation: &mut OperationSpec) -> bool {
        let timing = &mut operation.timing;
        if matches!(operation.kind, OperationKind::Create { .. }) {
            timing.at = timing.at.max(Some(self.from));
        }
        self.clip_timing(timing)
    }

    /// Shifts a window to the start of the slice. Returns whether the slice contains any of it.
    pub(super) fn clip(self, from: &mut Option<Duration>, until: &mut Option<Duration>) -> bool {
        let end_ns = self.from.as_nanos() + self.length.as_nanos();
        let is_over = until.is_some_and(|until| until <= self.from);
        let is_later = from.is_some_and(|from| from.as_nanos() >= end_ns);
        *from = from.and_then(|from| self.within(from));
        *until = until.and_then(|until| self.within(until));
        !is_over && !is_later
    }

    /// Returns an instant counted from the start of the slice; `None` if it lies outside.
    fn within(self, at: Duration) -> Option<Duration> {
        let offset_ns = at.as_nanos().checked_sub(self.from.as_nanos())?;
        (offset_ns < self.length.as_nanos()).then(|| Duration::from_nanos(offset_ns))
    }
}

impl fmt::Display for TimeSlice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the {} from {} on", self.length, self.from)
    }
}

/// Drops the rows of a trace before the start of the slice, in whole days of the trace.
fn skip_rows(trace: &mut AdvisoryTrace, whole_start: Date, start: Date) {
    let days = start.duration_since(whole_start).as_secs_f64() / 86_400.0;
    let days = i64::try_from(libm::round(days * trace.speed).saturating_u64()).unwrap_or(i64::MAX);
    let first = trace.from.unwrap_or(whole_start);
    let first = first.saturating_add(SignedDuration::from_hours(days.saturating_mul(24)));
    trace.from = Some(first);
    trace.rows.retain(|row| row.date >= first);
}

fn date(instant: Timestamp) -> Date {
    TimeZone::UTC.to_datetime(instant.to_jiff()).date()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scenario::Loader;

    fn scenario(more: &str) -> Scenario {
        let text = format!(
            "name = \"part\"\nstart = 2024-05-06T00:00:00Z\nduration = \"1d\"\n{more}\n\
             [[schedule]]\nid = \"nightly\"\nwhenCron = \"0 2 * * *\"\n[gates]\nruns = 1\n"
        );
        let scenario = Loader::default().parse("part.toml", &text, None);
        scenario.unwrap_or_else(|problems| panic!("{problems}"))
    }

    fn hour_from_two(more: &str) -> Scenario {
        let slice = TimeSlice {
            from: Duration::from_hours(2),
            length: Duration::from_hours(1),
        };
        slice.cut(scenario(more)).0
    }

    #[test]
    fn slices_lie_within_the_scenario_and_visit_all_of_it() {
        let whole = scenario("");
        let mut hours = [0; 24];
        for seed in 0..500 {
            let slice = TimeSlice::draw(FaultProfile::Swarm, &whole, seed).unwrap();
            let end_ns = slice.from.as_nanos() + slice.length.as_nanos();
            assert!(end_ns <= whole.duration.as_nanos());
            let minutes = slice.length.as_secs_f64() / 60.0;
            assert!((20.0..=120.0).contains(&minutes), "{slice}");
            hours[usize::try_from(slice.from.as_nanos() / 3_600_000_000_000).unwrap()] += 1;
        }
        assert!(hours.iter().all(|seeds| *seeds > 0), "{hours:?}");
        assert_eq!(TimeSlice::draw(FaultProfile::Heavy, &whole, 1), None);
        let short = Scenario {
            duration: Duration::from_minutes(19),
            ..whole
        };
        assert_eq!(TimeSlice::draw(FaultProfile::Swarm, &short, 1), None);
    }

    #[test]
    fn cut_drops_times_outside_and_shifts_those_inside() {
        let faults = ["1h59m", "2h", "2h59m", "3h"]
            .map(|at| format!("[[fault]]\nkind = \"process-crash\"\nat = \"{at}\"\n"))
            .concat();
        let part = hour_from_two(&format!(
            "{faults}[[fault]]\nkind = \"purge\"\nevery = \"5m\"\nfrom = \"1h\"\n\
             until = \"2h30m\"\n\
             [[operation]]\nkind = \"run\"\nschedule = \"nightly\"\nat = \"23h\"\n\
             [[operation]]\nkind = \"run\"\nschedule = \"nightly\"\nevery = \"5m\"\nfrom = \"3h\"\n\
             [[operation]]\nkind = \"create\"\nat = \"1h\"\ndefinition = {{ id = \"new\" }}\n"
        ));
        assert_eq!(part.start.to_string(), "2024-05-06T02:00:00Z");
        assert_eq!(part.duration, Duration::from_hours(1));
        let times: Vec<_> = part.faults.iter().map(|fault| fault.timing.at).collect();
        let at = |minutes| Some(Duration::from_minutes(minutes));
        assert_eq!(times, [at(0), at(59), None]);
        let every = &part.faults[2].timing;
        assert_eq!((every.from, every.until), (None, at(30)));
        let [create] = &part.operations[..] else {
            panic!(
                "a schedule created before the slice exists: {:?}",
                part.operations
            );
        };
        assert_eq!(create.timing.at, at(0));
        assert_eq!(part.gates, Gates::default());
    }

    #[test]
    fn cut_drops_the_rows_of_a_trace_before_the_slice() {
        let directory = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("scenarios");
        let text = "name = \"part\"\nstart = 2024-01-01T00:00:00Z\nduration = \"300d\"\n\
                    [[schedule]]\nid = \"nightly\"\n[advisories.trace]\n\
                    file = \"traces/kev.csv\"\nuntil = \"2025-01-01\"\n";
        let loader = Loader::default();
        let whole = loader.parse("part.toml", text, Some(&directory));
        let whole = whole.unwrap_or_else(|problems| panic!("{problems}"));
        let rows = |scenario: &Scenario| {
            let advisories = scenario.advisories.as_ref().unwrap();
            advisories.trace.as_ref().unwrap().rows.len()
        };
        let rows_before = rows(&whole);
        let slice = TimeSlice {
            from: Duration::from_hours(24 * 100 + 5),
            length: Duration::from_hours(24),
        };
        let (part, _) = slice.cut(whole);
        let rows_after = rows(&part);
        assert!(
            (1..rows_before).contains(&rows_after),
            "{rows_after} of {rows_before}"
        );
        let trace = part.advisories.unwrap().trace.unwrap();
        let first = "2024-04-10".parse().unwrap();
        assert_eq!(trace.from, Some(first));
        assert!(trace.rows.iter().all(|row| row.date >= first));
    }
}
