//! Share of the seeds of a sweep in which an expectation held.

use serde::{Deserialize, Serialize};

use crate::check::expectation::ExpectationOutcome;
use crate::report::RunReport;
use crate::scenario::TemporalOperator;

/// Seeds in which an expectation must hold for the sweep to pass.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum RequiredSeeds {
    /// No seed: the profile draws more than the plan of the file.
    #[default]
    None,
    /// One seed or more: a `sometimes`.
    Some,
    /// Every seed that can decide it.
    Every,
}

/// Number of seeds in which an expectation held, did not hold, and was skipped.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ExpectationShare {
    /// Seeds in which it must hold.
    pub required: RequiredSeeds,
    /// Number of seeds in which it held.
    pub held: u64,
    /// Number of seeds that could decide it.
    pub decided: u64,
    /// Number of seeds that could not, because it depends on something outside of their slice.
    pub skipped: u64,
}

impl ExpectationShare {
    /// Extracts the expectations of one seed, by name.
    pub fn of(report: &RunReport) -> Vec<(String, Self)> {
        let decided = report.expectations.iter().map(|expectation| {
            let share = Self {
                required: required(expectation.required, &expectation.when),
                held: u64::from(expectation.outcome == ExpectationOutcome::Met),
                decided: 1,
                skipped: 0,
            };
            (expectation.name.clone(), share)
        });
        let skipped = report.skipped.iter().map(|skipped| {
            let share = Self {
                required: required(skipped.required, &skipped.when),
                skipped: 1,
                ..Self::default()
            };
            (skipped.name.clone(), share)
        });
        decided.chain(skipped).collect()
    }

    /// Adds the seeds of another share of the same expectation. An `eventually` counts as
    /// `sometimes` in slices only; the stricter requirement is kept.
    pub fn merge(&mut self, other: Self) {
        self.required = self.required.max(other.required);
        self.held = self.held.saturating_add(other.held);
        self.decided = self.decided.saturating_add(other.decided);
        self.skipped = self.skipped.saturating_add(other.skipped);
    }

    /// Whether it had to hold in one seed or more, and held in none of those that could decide it.
    pub const fn is_missed(self) -> bool {
        !matches!(self.required, RequiredSeeds::None) && self.decided > 0 && self.held == 0
    }
}

fn required(is_required: bool, when: &str) -> RequiredSeeds {
    match (is_required, when == TemporalOperator::Sometimes.as_str()) {
        (false, _) => RequiredSeeds::None,
        (true, true) => RequiredSeeds::Some,
        (true, false) => RequiredSeeds::Every,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn share(required: RequiredSeeds, held: u64, decided: u64, skipped: u64) -> ExpectationShare {
        ExpectationShare {
            required,
            held,
            decided,
            skipped,
        }
    }

    #[test]
    fn merge_adds_seeds_and_keeps_the_stricter_requirement() {
        let mut merged = share(RequiredSeeds::Some, 1, 3, 2);
        merged.merge(share(RequiredSeeds::Every, 4, 4, 1));
        assert_eq!(merged, share(RequiredSeeds::Every, 5, 7, 3));
    }

    #[test]
    fn only_required_expectations_that_seeds_could_decide_are_missed() {
        for (missed, expected) in [
            (share(RequiredSeeds::Some, 0, 3, 0), true),
            (share(RequiredSeeds::Some, 1, 3, 0), false),
            (share(RequiredSeeds::None, 0, 3, 0), false),
            (share(RequiredSeeds::Some, 0, 0, 3), false),
        ] {
            assert_eq!(missed.is_missed(), expected, "{missed:?}");
        }
    }
}
