//! Results of the checks: counts and violations, by invariant.

use std::fmt;
use std::panic::Location;

use super::InvariantName;
use crate::model::Timestamp;

/// One violation of an invariant.
///
/// Its text reads `<object> is <found>, expected <expected>, because <reason>`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Violation {
    /// Name of the violated invariant.
    pub invariant: InvariantName,
    /// Virtual time.
    pub at: Timestamp,
    /// The metric, run, segment, message or process that is wrong.
    pub object: String,
    /// Its state, as found.
    pub found: String,
    /// Its state, as expected.
    pub expected: String,
    /// The fact or rule from which the expectation follows.
    pub reason: String,
    /// Place in the source that reports it.
    pub source: &'static Location<'static>,
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            invariant,
            at,
            object,
            found,
            expected,
            reason,
            ..
        } = self;
        write!(
            f,
            "{invariant} at {at}: {object} is {found}, expected {expected}, because {reason}"
        )
    }
}

/// The text of a violation: all but the invariant and the time.
///
/// ```
/// use rehearsal::check::ViolationDetail;
///
/// let detail = ViolationDetail::of("the counter of w#1")
///     .is(3)
///     .expected(2)
///     .because("2 segment commits were acknowledged");
/// ```
#[derive(Debug)]
pub struct ViolationDetail {
    object: String,
    found: String,
    expected: String,
    reason: String,
    source: &'static Location<'static>,
}

impl ViolationDetail {
    /// A violation by this metric, run, segment, message or process.
    #[track_caller]
    pub fn of(object: impl fmt::Display) -> Self {
        Self {
            object: object.to_string(),
            found: String::new(),
            expected: String::new(),
            reason: String::new(),
            source: Location::caller(),
        }
    }

    /// Sets the state that was found.
    #[must_use]
    pub fn is(self, found: impl fmt::Display) -> Self {
        Self {
            found: found.to_string(),
            ..self
        }
    }

    /// Sets the state that was expected.
    #[must_use]
    pub fn expected(self, expected: impl fmt::Display) -> Self {
        Self {
            expected: expected.to_string(),
            ..self
        }
    }

    /// Sets the fact or rule from which the expectation follows.
    #[must_use]
    pub fn because(self, reason: impl fmt::Display) -> Self {
        Self {
            reason: reason.to_string(),
            ..self
        }
    }
}

/// Results of one invariant.
#[derive(Debug, Clone)]
pub struct InvariantFindings {
    /// Name of the violated invariant.
    pub name: InvariantName,
    /// Number of checks.
    pub checks: u64,
    /// Number of checks against a nonzero state that had changed, and at least that of violations.
    pub exercised: u64,
    /// Number of violations.
    pub violated: u64,
    /// The first violations.
    pub violations: Vec<Violation>,
}

impl InvariantFindings {
    const fn new(name: InvariantName) -> Self {
        Self {
            name,
            checks: 0,
            exercised: 0,
            violated: 0,
            violations: Vec::new(),
        }
    }
}

/// Results of all invariants.
#[derive(Debug)]
pub struct CheckResults {
    now: Timestamp,
    kept_max: usize,
    findings: Vec<InvariantFindings>,
}

impl CheckResults {
    /// Empty results that keep at most `kept_max` violations of each invariant, and count all.
    pub fn new(kept_max: usize) -> Self {
        let findings = InvariantName::ALL.iter().copied();
        Self {
            now: Timestamp::ZERO,
            kept_max,
            findings: findings.map(InvariantFindings::new).collect(),
        }
    }

    /// Adds an invariant of the library's user.
    pub(crate) fn register(&mut self, name: InvariantName) {
        if self.position(name).is_none() {
            self.findings.push(InvariantFindings::new(name));
        }
    }

    /// Sets the virtual time of the checks that follow.
    pub const fn set_time(&mut self, now: Timestamp) {
        self.now = now;
    }

    /// Virtual time of the checks.
    pub const fn now(&self) -> Timestamp {
        self.now
    }

    /// Counts one check. `exercised`: it was against a nonzero state that had changed. The detail
    /// is only made if the check does not hold.
    #[inline]
    pub fn check(
        &mut self,
        name: InvariantName,
        exercised: bool,
        holds: bool,
        detail: impl FnOnce() -> ViolationDetail,
    ) {
        let findings = self.findings_mut(name);
        findings.checks += 1;
        findings.exercised += u64::from(exercised);
        if !holds {
            self.violate(name, detail());
        }
    }

    /// Counts checks that held.
    #[inline]
    pub fn held(&mut self, name: InvariantName, checks: u64, exercised: u64) {
        let findings = self.findings_mut(name);
        findings.checks += checks;
        findings.exercised += exercised;
    }

    /// Records a violation that a check (counted elsewhere) has found.
    #[cold]
    pub fn violate(&mut self, name: InvariantName, detail: ViolationDetail) {
        self.violate_at(name, self.now, detail);
    }

    /// Records a violation of an earlier time.
    #[cold]
    pub fn violate_at(&mut self, name: InvariantName, at: Timestamp, detail: ViolationDetail) {
        let kept_max = self.kept_max;
        let findings = self.findings_mut(name);
        findings.violated += 1;
        // A violation shows that the invariant met a state that it can judge.
        findings.exercised = findings.exercised.max(findings.violated);
        findings.checks = findings.checks.max(findings.exercised);
        if findings.violations.len() < kept_max {
            let ViolationDetail {
                object,
                found,
                expected,
                reason,
                source,
            } = detail;
            findings.violations.push(Violation {
                invariant: name,
                at,
                object,
                found,
                expected,
                reason,
                source,
            });
        }
    }

    /// Results of one invariant; none if it is not registered.
    pub fn findings(&self, name: InvariantName) -> Option<&InvariantFindings> {
        self.position(name).map(|position| &self.findings[position])
    }

    /// Results of all invariants: the contract's in its order, then the user's.
    pub fn all(&self) -> &[InvariantFindings] {
        &self.findings
    }

    #[inline]
    fn position(&self, name: InvariantName) -> Option<usize> {
        name.index().or_else(|| {
            self.findings
                .iter()
                .position(|findings| findings.name == name)
        })
    }

    #[inline]
    fn findings_mut(&mut self, name: InvariantName) -> &mut InvariantFindings {
        let position = self.position(name).unwrap_or_else(|| {
            self.register(name);
            self.findings.len() - 1
        });
        &mut self.findings[position]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn results_past_the_limit_keep_the_first_violations_and_count_all() {
        let mut results = CheckResults::new(2);
        results.set_time(Timestamp::from_seconds(1_704_067_200));
        for n in 0..5 {
            results.check(InvariantName::StateGraph, true, n == 0, || {
                ViolationDetail::of("run r")
                    .is("Running")
                    .expected("Completed")
                    .because("a terminal state is final")
            });
        }
        let findings = results.findings(InvariantName::StateGraph).unwrap();
        assert_eq!(
            (findings.checks, findings.exercised, findings.violated),
            (5, 5, 4)
        );
        assert_eq!(findings.violations.len(), 2);
        assert_eq!(
            findings.violations[0].to_string(),
            "state-graph at 2024-01-01T00:00:00Z: run r is Running, expected Completed, because a \
             terminal state is final"
        );
    }

    #[test]
    fn violations_count_as_exercised() {
        let mut results = CheckResults::new(1);
        let name = InvariantName::BacklogTruth;
        results.held(name, 1, 0);
        for _ in 0..2 {
            let detail = ViolationDetail::of("a backlog")
                .is(1)
                .expected(2)
                .because("of the state");
            results.violate(name, detail);
        }
        let findings = results.findings(name).unwrap();
        assert_eq!(
            (findings.checks, findings.exercised, findings.violated),
            (2, 2, 2)
        );
    }
}
