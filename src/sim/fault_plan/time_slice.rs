//! The part of a scenario's time that is rehearsed, so that seeds are short and visit all of it.

use std::fmt;

use jiff::SignedDuration;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use serde::{Deserialize, Serialize};

use super::FaultProfile;
use crate::model::Timestamp;
use crate::model::duration::Duration;
use crate::scenario::{
    AdvisoryTrace, ExpectationSpec, Gates, OperationKind, OperationSpec, Scenario,
    TemporalOperator, Timing,
};
use crate::sim::kernel::RandomStream;

/// The shortest and the longest part that is drawn.
const LENGTH_MINUTES: (f64, f64) = (20.0, 120.0);

/// A part of a scenario's time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct TimeSlice {
    /// It begins so long after the scenario's start.
    pub from: Duration,
    /// Triggers, operations and faults go on for so long.
    pub length: Duration,
}

impl TimeSlice {
    /// Draws a part in whole minutes; none but for `swarm`, and none of a scenario that is shorter.
    /// The short parts are as likely as the long.
    pub(super) fn draw(profile: FaultProfile, scenario: &Scenario, seed: u64) -> Option<Self> {
        if profile != FaultProfile::Swarm {
            return None;
        }
        let stream = &mut RandomStream::new(seed, "profile.window");
        let (shortest, longest) = LENGTH_MINUTES;
        let magnitudes = libm::log(longest / shortest) * stream.uniform();
        let minutes = (shortest * libm::exp(magnitudes)) as u64;
        let length = Duration::from_minutes(minutes);
        let rest_ns = scenario
            .duration
            .as_nanos()
            .checked_sub(length.as_nanos())?;
        let starts = rest_ns / Duration::from_minutes(1).as_nanos() + 1;
        let from = Duration::from_minutes(stream.below(starts));
        Some(Self { from, length })
    }

    /// Leaves of the scenario what concerns this part.
    ///
    /// Repetitions begin anew with the part, and so does the world: no image has a report yet. What
    /// must happen `eventually` may happen elsewhere, so it becomes a `sometimes`; and the gates
    /// are meant for the whole.
    pub fn apply(self, scenario: &mut Scenario) {
        let whole_start = scenario.start;
        scenario.start = scenario.start.after(self.from.std());
        scenario.duration = self.length;
        scenario
            .faults
            .retain_mut(|fault| self.clip_timing(&mut fault.timing));
        scenario
            .operations
            .retain_mut(|operation| self.clip_operation(operation));
        scenario
            .expectations
            .retain_mut(|expectation| self.clip_expectation(expectation));
        scenario.gates = Gates::default();
        let advisories = scenario.advisories.as_mut();
        if let Some(trace) = advisories.and_then(|advisories| advisories.trace.as_mut()) {
            skip_rows(trace, date(whole_start), date(scenario.start));
        }
    }

    /// Counts from the start of the part. Returns whether anything is left.
    fn clip_timing(self, timing: &mut Timing) -> bool {
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

    /// A schedule that was created before the part exists from its start.
    fn clip_operation(self, operation: &mut OperationSpec) -> bool {
        let timing = &mut operation.timing;
        if matches!(operation.kind, OperationKind::Create { .. }) {
            timing.at = timing.at.max(Some(self.from));
        }
        self.clip_timing(timing)
    }

    fn clip_expectation(self, expectation: &mut ExpectationSpec) -> bool {
        match expectation.when {
            // Of an end only the end matters.
            TemporalOperator::AtEnd
                if expectation
                    .until
                    .is_some_and(|at| self.within(at).is_none()) =>
            {
                return false;
            }
            TemporalOperator::Eventually => expectation.when = TemporalOperator::Sometimes,
            _ => {}
        }
        self.clip(&mut expectation.from, &mut expectation.until)
    }

    fn clip(self, from: &mut Option<Duration>, until: &mut Option<Duration>) -> bool {
        let end_ns = self.from.as_nanos() + self.length.as_nanos();
        let is_over = until.is_some_and(|until| until <= self.from);
        let is_later = from.is_some_and(|from| from.as_nanos() >= end_ns);
        *from = from.and_then(|from| self.within(from));
        *until = until.and_then(|until| self.within(until));
        !is_over && !is_later
    }

    /// An instant counted from the start of the part; none if it lies outside.
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

/// Begins later with a trace, in whole days of it.
fn skip_rows(trace: &mut AdvisoryTrace, whole_start: Date, start: Date) {
    let days = start.duration_since(whole_start).as_secs() as f64 / 86_400.0;
    let hours = libm::round(days * trace.speed) as i64 * 24;
    let first = trace.from.unwrap_or(whole_start);
    let first = first.saturating_add(SignedDuration::from_hours(hours));
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
        let mut part = scenario(more);
        let window = TimeSlice {
            from: Duration::from_hours(2),
            length: Duration::from_hours(1),
        };
        window.apply(&mut part);
        part
    }

    #[test]
    fn parts_lie_within_the_scenario_and_visit_all_of_it() {
        let whole = scenario("");
        let mut hours = [0; 24];
        for seed in 0..500 {
            let window = TimeSlice::draw(FaultProfile::Swarm, &whole, seed).unwrap();
            let end_ns = window.from.as_nanos() + window.length.as_nanos();
            assert!(end_ns <= whole.duration.as_nanos());
            let minutes = window.length.as_secs_f64() / 60.0;
            assert!((20.0..=120.0).contains(&minutes), "{window}");
            hours[(window.from.as_secs_f64() / 3_600.0) as usize] += 1;
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
    fn what_lies_outside_is_left_out_and_the_rest_counts_from_the_part() {
        let faults = ["1h59m", "2h", "2h59m", "3h"]
            .map(|at| format!("[[fault]]\nkind = \"process-crash\"\nat = \"{at}\"\n"))
            .concat();
        let part = hour_from_two(&format!(
            "{faults}[[fault]]\nkind = \"purge\"\nevery = \"5m\"\nfrom = \"1h\"\nuntil = \"2h30m\"\n\
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
            panic!("what is created before exists: {:?}", part.operations);
        };
        assert_eq!(create.timing.at, at(0));
        assert_eq!(part.gates, Gates::default());
    }

    #[test]
    fn expectations_on_other_times_are_left_out() {
        let expect = |when: &str, more: &str| {
            format!("[[expect]]\nquery = \"min(up) == 1\"\nwhen = \"{when}\"\n{more}\n")
        };
        let part = hour_from_two(
            &[
                expect("at_end", "until = \"4h\""),
                expect("at_end", ""),
                expect("always", "until = \"2h\""),
                expect("always", "from = \"2h10m\"\nuntil = \"4h\""),
                expect("eventually", ""),
            ]
            .concat(),
        );
        let left: Vec<_> = part
            .expectations
            .iter()
            .map(|expectation| (expectation.when, expectation.from, expectation.until))
            .collect();
        let ten = Some(Duration::from_minutes(10));
        assert_eq!(
            left,
            [
                (TemporalOperator::AtEnd, None, None),
                (TemporalOperator::Always, ten, None),
                (TemporalOperator::Sometimes, None, None)
            ]
        );
    }

    #[test]
    fn a_trace_goes_on_where_the_part_begins() {
        let directory = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("scenarios");
        let whole = crate::check::scenario_loader(&[]);
        let mut part = whole.load(&directory.join("kev-2024.toml")).unwrap();
        let window = TimeSlice {
            from: Duration::from_hours(24 * 100 + 5),
            length: Duration::from_hours(24),
        };
        window.apply(&mut part);
        let trace = part.advisories.unwrap().trace.unwrap();
        let first = "2024-04-10".parse().unwrap();
        assert_eq!(trace.from, Some(first));
        assert!(trace.rows.iter().all(|row| row.date >= first));
    }
}
