//! Expectations that a time slice can't decide.

use super::TimeSlice;
use crate::scenario::{ExpectationSpec, FaultSpec, Scenario, TemporalOperator};
use crate::worker::duration::Duration;

/// Expectation of a scenario that depends on something outside of the part that is rehearsed.
#[derive(Clone, Debug, PartialEq)]
pub struct SkippedExpectation {
    /// Expectation as the scenario states it.
    pub expectation: ExpectationSpec,
    /// Thing outside of the slice that it depends on.
    pub reason: &'static str,
}

impl TimeSlice {
    /// Removes the expectations of a scenario that the slice can't decide, and shifts the windows
    /// of the others to the start of the slice. The faults of the scenario are those of the whole.
    pub(super) fn split_expectations(self, scenario: &mut Scenario) -> Vec<SkippedExpectation> {
        let mut skipped = Vec::new();
        let faults = &scenario.faults;
        scenario.expectations.retain_mut(|expectation| {
            match self.reason_to_skip(expectation, faults) {
                Some(reason) => {
                    let expectation = expectation.clone();
                    skipped.push(SkippedExpectation {
                        expectation,
                        reason,
                    });
                    false
                }
                None => {
                    self.clip(&mut expectation.from, &mut expectation.until);
                    if expectation.when == TemporalOperator::Eventually {
                        expectation.when = TemporalOperator::Sometimes;
                    }
                    true
                }
            }
        });
        skipped
    }

    fn reason_to_skip(
        self,
        expectation: &ExpectationSpec,
        faults: &[FaultSpec],
    ) -> Option<&'static str> {
        let (mut from, mut until) = (expectation.from, expectation.until);
        if !self.clip(&mut from, &mut until) {
            return Some("its window lies outside of the slice");
        }
        match expectation.when {
            TemporalOperator::AtEnd if expectation.until.is_some() && until.is_none() => {
                Some("its end lies outside of the slice")
            }
            TemporalOperator::Fires | TemporalOperator::Resolves
                if !self.has_cause(expectation, faults) =>
            {
                Some("the slice contains no fault of the scenario that it refers to")
            }
            _ => None,
        }
    }

    /// Whether a stated fault begins within the slice from which an alert is expected, and the
    /// slice contains the delay that the alert may have.
    fn has_cause(self, expectation: &ExpectationSpec, faults: &[FaultSpec]) -> bool {
        let delay_ns = expectation.within.map_or(0, Duration::as_nanos);
        let meant = faults.iter().filter(|fault| {
            let kind = fault.effect.kind();
            expectation.fault.is_none_or(|meant| meant == kind)
        });
        meant.map(|fault| fault.timing).any(|mut timing| {
            let is_within = self.clip_timing(&mut timing);
            // Repetitions start anew with the slice.
            let start_ns = timing.from.map_or(0, Duration::as_nanos);
            let gap = timing.every.or(timing.mean_interval);
            let first_ns = timing.at.or(gap).map_or(0, Duration::as_nanos);
            is_within && start_ns + first_ns + delay_ns <= self.length.as_nanos()
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scenario::Loader;

    /// Expectations of a day that the hour from 02:00 on can and can't decide: operator and window
    /// of the former, reasons of the latter.
    fn split(text: &str) -> (Vec<ExpectationSpec>, Vec<&'static str>) {
        let text = format!(
            "name = \"part\"\nstart = 2024-05-06T00:00:00Z\nduration = \"1d\"\n{text}\n\
             [[schedule]]\nid = \"nightly\"\nwhenCron = \"0 2 * * *\"\n"
        );
        let scenario = Loader::default().parse("part.toml", &text, None);
        let mut scenario = scenario.unwrap_or_else(|problems| panic!("{problems}"));
        let slice = TimeSlice {
            from: Duration::from_hours(2),
            length: Duration::from_hours(1),
        };
        let skipped = slice.split_expectations(&mut scenario);
        let reasons = skipped.iter().map(|skipped| skipped.reason).collect();
        (scenario.expectations, reasons)
    }

    fn expect(when: &str, more: &str) -> String {
        format!("[[expect]]\nquery = \"min(up) == 1\"\nwhen = \"{when}\"\n{more}\n")
    }

    fn alert(when: &str, more: &str) -> String {
        format!("[[expect]]\nalert = \"SchedulerRunStuck\"\nwhen = \"{when}\"\n{more}\n")
    }

    #[test]
    fn split_skips_expectations_on_other_times_and_shifts_the_rest() {
        let (left, reasons) = split(
            &[
                expect("at_end", "until = \"4h\""),
                expect("at_end", ""),
                expect("always", "until = \"2h\""),
                expect("always", "from = \"2h10m\"\nuntil = \"4h\""),
                expect("eventually", ""),
                alert("never_fires", ""),
            ]
            .concat(),
        );
        let left: Vec<_> = left
            .iter()
            .map(|expectation| (expectation.when, expectation.from, expectation.until))
            .collect();
        let ten = Some(Duration::from_minutes(10));
        assert_eq!(
            left,
            [
                (TemporalOperator::AtEnd, None, None),
                (TemporalOperator::Always, ten, None),
                (TemporalOperator::Sometimes, None, None),
                (TemporalOperator::NeverFires, None, None),
            ]
        );
        assert_eq!(
            reasons,
            [
                "its end lies outside of the slice",
                "its window lies outside of the slice"
            ]
        );
    }

    #[test]
    fn split_skips_alerts_whose_fault_lies_outside() {
        let fault = |kind: &str, at: &str| {
            format!("[[fault]]\nkind = \"{kind}\"\nat = \"{at}\"\nduration = \"5m\"\n")
        };
        for (faults, more, is_left) in [
            (String::new(), "", false),
            (fault("scanner-outage", "1h"), "", false),
            (fault("scanner-outage", "2h10m"), "", true),
            (
                fault("scanner-outage", "2h10m"),
                "within = \"50m\"\nfault = \"scanner-outage\"",
                true,
            ),
            (fault("scanner-outage", "2h10m"), "within = \"51m\"", false),
            (
                fault("scanner-outage", "2h").replace("at =", "every ="),
                "",
                false,
            ),
            (
                fault("scanner-outage", "30m").replace("at =", "every ="),
                "",
                true,
            ),
            (
                fault("scanner-outage", "2h10m") + &fault("notify-outage", "5h"),
                "within = \"1m\"\nfault = \"notify-outage\"",
                false,
            ),
        ] {
            let (left, reasons) = split(&(faults.clone() + &alert("fires", more)));
            let found = (left.len(), reasons.len());
            let expected = if is_left { (1, 0) } else { (0, 1) };
            assert_eq!(found, expected, "{faults}{more}");
        }
        assert_eq!(split(&alert("resolves", "")).1.len(), 1);
    }
}
