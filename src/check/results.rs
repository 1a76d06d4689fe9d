//! What the invariants found.

use std::fmt;

use super::invariant_name::InvariantName;
use crate::model::Timestamp;

/// Something that should not be, told to the person who reads the report.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Violation {
    /// Which invariant.
    pub invariant: InvariantName,
    /// When, in virtual time.
    pub at: Timestamp,
    /// Where: the incarnation, run, segment or series.
    pub place: String,
    /// What is wrong.
    pub what: String,
    /// What should have been seen.
    pub expected: String,
    /// What was seen.
    pub found: String,
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            invariant,
            at,
            place,
            what,
            expected,
            found,
        } = self;
        write!(
            f,
            "{invariant} at {at}, {place}: {what}; expected {expected}, found {found}"
        )
    }
}

/// A violation in the making: all but the invariant and the time.
#[derive(Debug)]
pub struct ViolationDetail {
    place: String,
    what: String,
    expected: String,
    found: String,
}

impl ViolationDetail {
    /// Something is wrong at that place.
    pub fn new(place: impl fmt::Display, what: impl fmt::Display) -> Self {
        Self {
            place: place.to_string(),
            what: what.to_string(),
            expected: String::new(),
            found: String::new(),
        }
    }

    /// What should have been seen, and what was.
    #[must_use]
    pub fn expected(self, expected: impl fmt::Display, found: impl fmt::Display) -> Self {
        Self {
            expected: expected.to_string(),
            found: found.to_string(),
            ..self
        }
    }
}

/// What one invariant found.
#[derive(Debug, Clone)]
pub struct InvariantFindings {
    /// Which invariant.
    pub name: InvariantName,
    /// How often it was checked.
    pub checks: u64,
    /// How often it was checked against a nonzero truth that had changed.
    pub exercised: u64,
    /// How often it was violated.
    pub violated: u64,
    /// The first violations.
    pub violations: Vec<Violation>,
}

/// All findings, by invariant.
#[derive(Debug)]
pub struct CheckResults {
    now: Timestamp,
    kept_max: usize,
    findings: Vec<InvariantFindings>,
}

impl CheckResults {
    /// A results that keeps at most `kept_max` violations of each invariant, and counts them all.
    pub fn new(kept_max: usize) -> Self {
        let empty = |name: &InvariantName| InvariantFindings {
            name: *name,
            checks: 0,
            exercised: 0,
            violated: 0,
            violations: Vec::new(),
        };
        let findings = InvariantName::ALL.iter().map(empty).collect();
        Self {
            now: Timestamp::ZERO,
            kept_max,
            findings,
        }
    }

    /// What follows happens at this time.
    pub fn set_time(&mut self, now: Timestamp) {
        self.now = now;
    }

    /// The time of what is being looked at.
    pub fn now(&self) -> Timestamp {
        self.now
    }

    /// One check: `exercised` if it was against a nonzero truth that had changed, and whether it
    /// `holds`. The complaint is only made if it does not.
    #[inline]
    pub fn check(
        &mut self,
        name: InvariantName,
        exercised: bool,
        holds: bool,
        complaint: impl FnOnce() -> ViolationDetail,
    ) {
        let findings = &mut self.findings[name.index()];
        findings.checks += 1;
        findings.exercised += u64::from(exercised);
        if !holds {
            self.violate(name, complaint());
        }
    }

    /// Many checks that held at once.
    #[inline]
    pub fn held(&mut self, name: InvariantName, checks: u64, exercised: u64) {
        let findings = &mut self.findings[name.index()];
        findings.checks += checks;
        findings.exercised += exercised;
    }

    /// A violation that a check (counted elsewhere) has found.
    #[cold]
    pub fn violate(&mut self, name: InvariantName, complaint: ViolationDetail) {
        self.violate_at(name, self.now, complaint);
    }

    /// A violation that happened at another time than now.
    #[cold]
    pub fn violate_at(&mut self, name: InvariantName, at: Timestamp, complaint: ViolationDetail) {
        let findings = &mut self.findings[name.index()];
        findings.violated += 1;
        if findings.violations.len() < self.kept_max {
            let ViolationDetail {
                place,
                what,
                expected,
                found,
            } = complaint;
            findings.violations.push(Violation {
                invariant: name,
                at,
                place,
                what,
                expected,
                found,
            });
        }
    }

    /// What one invariant found so far.
    pub fn findings(&self, name: InvariantName) -> &InvariantFindings {
        &self.findings[name.index()]
    }

    /// What all invariants found so far, in the contract's order.
    pub fn all(&self) -> &[InvariantFindings] {
        &self.findings
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn violations_are_kept_up_to_the_limit_and_all_are_counted() {
        let mut results = CheckResults::new(2);
        results.set_time(Timestamp::from_seconds(1_704_067_200));
        for n in 0..5 {
            results.check(InvariantName::StateGraph, true, n == 0, || {
                ViolationDetail::new("run r", "it went back").expected("Completed", "Running")
            });
        }
        let findings = results.findings(InvariantName::StateGraph);
        assert_eq!(
            (findings.checks, findings.exercised, findings.violated),
            (5, 5, 4)
        );
        assert_eq!(findings.violations.len(), 2);
        assert_eq!(
            findings.violations[0].to_string(),
            "state-graph at 2024-01-01T00:00:00Z, run r: it went back; expected Completed, found \
             Running"
        );
    }
}
