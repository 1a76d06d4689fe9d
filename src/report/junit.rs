//! Report as `JUnit` XML: one suite per scenario, one case per invariant, expectation and gate.

use std::time::Duration;

use quick_junit::{NonSuccessKind, Report, SerializeError, TestCase, TestCaseStatus, TestSuite};

use super::{
    ExpectationOutcome, ExpectationSummary, GateSummary, InvariantSummary, RunReport,
    StuckRunSummary,
};

/// Reason for which an invariant without a check is skipped.
const NOT_EXERCISED: &str = "not exercised: nothing that it checks occurred";

/// Returns one document for all scenarios. `errors` are paths of scenarios that were not run, with
/// the reasons.
pub fn junit(reports: &[RunReport], errors: &[(String, String)]) -> Result<String, SerializeError> {
    let mut document = Report::new("rehearsal");
    for report in reports {
        document.add_test_suite(suite(report));
    }
    for (path, reason) in errors {
        let mut suite = TestSuite::new(path);
        let case = test_case(path, "scenario", NonSuccessKind::Error, Some(reason));
        suite.add_test_case(case);
        document.add_test_suite(suite);
    }
    xml(&document)
}

/// Renders a document. The library removes all characters that XML does not have, but for two.
pub fn xml(document: &Report) -> Result<String, SerializeError> {
    let text = document.to_string()?;
    Ok(text.replace(['\u{fffe}', '\u{ffff}'], "\u{fffd}"))
}

fn suite(report: &RunReport) -> TestSuite {
    let mut suite = TestSuite::new(format!("{} seed {}", report.scenario, report.seed));
    suite.set_time(Duration::try_from_secs_f64(report.wall_seconds).unwrap_or_default());
    suite.add_property(("seed", report.seed.to_string().as_str()));
    suite.add_property(("traceHash", report.trace_hash.as_str()));
    suite.add_property(("verdict", report.verdict.as_str()));
    suite.add_property(("replay", report.replay.as_str()));
    let name = report.scenario.as_str();
    suite.add_test_cases(report.invariants.iter().map(|case| invariant(name, case)));
    suite.add_test_cases(
        report
            .expectations
            .iter()
            .map(|case| expectation(name, case)),
    );
    suite.add_test_cases(
        report
            .skipped
            .iter()
            .map(|it| skipped_case(name, "expectation", &it.name, &it.reason)),
    );
    suite.add_test_cases(report.gates.iter().map(|case| gate(name, case)));
    suite.add_test_cases(report.stuck.iter().map(|run| stuck(name, run)));
    if let Some(reason) = &report.halted {
        suite.add_test_case(case(name, "halted", "virtual time", Some(reason)));
    }
    if let Some(determinism) = &report.determinism {
        let detail = determinism.first_difference.join("\n");
        suite.add_test_case(case(
            name,
            "re-run",
            "same",
            (!determinism.same).then_some(&detail),
        ));
    }
    suite
}

fn invariant(scenario: &str, invariant: &InvariantSummary) -> TestCase {
    if invariant.checks == 0 {
        return skipped_case(scenario, "invariant", &invariant.name, NOT_EXERCISED);
    }
    let detail = (invariant.violations > 0).then(|| {
        let first = invariant
            .first
            .iter()
            .map(ToString::to_string)
            .collect::<Vec<_>>();
        let times = format!("violated {} times", invariant.violations);
        [times]
            .into_iter()
            .chain(first)
            .collect::<Vec<_>>()
            .join("\n")
    });
    case(scenario, "invariant", &invariant.name, detail.as_deref())
}

fn expectation(scenario: &str, expectation: &ExpectationSummary) -> TestCase {
    let detail = (expectation.outcome != ExpectationOutcome::Met)
        .then(|| format!("{}: {}", expectation.query, expectation.detail));
    if let (false, Some(detail)) = (expectation.required, &detail) {
        let reason = format!("not required under a profile; {detail}");
        return skipped_case(scenario, "expectation", &expectation.name, &reason);
    }
    case(
        scenario,
        "expectation",
        &expectation.name,
        detail.as_deref(),
    )
}

fn gate(scenario: &str, gate: &GateSummary) -> TestCase {
    let detail =
        (!gate.is_met()).then(|| format!("{} required, {} found", gate.required, gate.found));
    case(scenario, "gate", &gate.name, detail.as_deref())
}

fn stuck(scenario: &str, run: &StuckRunSummary) -> TestCase {
    case(
        scenario,
        "stuck",
        &run.run,
        Some(&format!("waits for {}", run.waits_for)),
    )
}

fn case(scenario: &str, group: &str, name: &str, failure: Option<&str>) -> TestCase {
    let class = format!("{scenario}.{group}");
    test_case(&class, name, NonSuccessKind::Failure, failure)
}

fn skipped_case(scenario: &str, group: &str, name: &str, reason: &str) -> TestCase {
    let mut status = TestCaseStatus::skipped();
    status.set_message(reason);
    let mut case = TestCase::new(name, status);
    case.set_classname(format!("{scenario}.{group}"));
    case
}

/// Creates a test case, without success if a detail is given. Its message is the first line of the
/// detail.
pub fn test_case(class: &str, name: &str, kind: NonSuccessKind, failure: Option<&str>) -> TestCase {
    let status = match failure {
        None => TestCaseStatus::success(),
        Some(detail) => {
            let mut status = TestCaseStatus::non_success(kind);
            status.set_message(detail.lines().next().unwrap_or_default());
            status.set_description(detail);
            status
        }
    };
    let mut case = TestCase::new(name, status);
    case.set_classname(class);
    case
}
