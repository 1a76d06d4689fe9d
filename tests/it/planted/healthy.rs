//! The small rehearsal without a defect.

use rehearsal::check::InvariantName as N;

use super::defect::Healthy;
use super::work::{DUPLICATES, SLOW_SCANNER};
use super::{first_violations, rehearse, violated};

/// What the small rehearsal can't exercise: nothing goes wrong in it (`blame`), and the rerun is
/// not the ledger's (`determinism`).
const NOT_EXERCISED: [N; 2] = [N::Blame, N::Determinism];

#[test]
fn without_a_defect_every_invariant_is_exercised_and_holds() {
    let finished = rehearse("", Healthy);
    assert_eq!(violated(&finished), [], "\n{}", first_violations(&finished));
    assert!(finished.quiescent);
    let findings = finished.ledger.findings.iter();
    let idle: Vec<_> = findings
        .filter(|findings| findings.exercised == 0)
        .map(|findings| findings.name)
        .collect();
    assert_eq!(idle, NOT_EXERCISED);
}

/// Some defects need more than the small rehearsal to show; that alone breaks nothing.
#[test]
fn without_a_defect_duplicates_and_a_slow_scanner_break_nothing() {
    for more in [DUPLICATES, SLOW_SCANNER] {
        let finished = rehearse(more, Healthy);
        assert_eq!(violated(&finished), [], "\n{}", first_violations(&finished));
    }
}
