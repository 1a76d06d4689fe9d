//! Results of invariants, expectations and gates.

use maud::{Markup, html};

use crate::check::InvariantName;
use crate::check::expectation::ExpectationOutcome;
use crate::report::format::count;
use crate::report::{
    ExpectationSummary, GateSummary, InvariantSummary, RunReport, SkippedExpectationSummary,
};

/// Returns the section with all results.
pub fn checks(report: &RunReport) -> Markup {
    html! {
        section aria-labelledby="checks-title" {
            h2 #checks-title { "Results" }
            @if let Some(reason) = &report.halted {
                p .problem { "The simulation stopped early: " (reason) }
            }
            (invariants(&report.invariants))
            @if report.expectations.len() + report.skipped.len() > 0 { (expectations(report)) }
            @if !report.gates.is_empty() { (gates(&report.gates)) }
            @if !report.stuck.is_empty() {
                h3 { "Stuck runs" }
                ul { @for run in &report.stuck {
                    li { code { (run.run) } " waits for " (run.waits_for) }
                } }
            }
            @if let Some(determinism) = report.determinism.as_ref().filter(|it| !it.same) {
                h3 { "The second run of the determinism check differs" }
                ul { @for side in &determinism.first_difference { li { code { (side) } } } }
            }
        }
    }
}

fn invariants(invariants: &[InvariantSummary]) -> Markup {
    let checked = || invariants.iter().filter(|it| it.checks > 0);
    let violated = checked().filter(|it| it.violations > 0).count();
    let exercised = checked().filter(|it| it.exercised > 0).count();
    let checks = checked().map(|it| it.checks).sum();
    let result = match violated {
        0 => format!("all {} held", checked().count()),
        _ => format!("{violated} of {} violated", checked().count()),
    };
    html! {
        details open[violated > 0] {
            summary {
                (mark(violated == 0)) "Invariants: " strong { (result) }
                span .aside { (count(checks)) " checks, " (exercised) " exercised" }
            }
            div .scroll {
                table {
                    thead { tr {
                        th scope="col" { "Invariant" } th scope="col" { "Meaning" }
                        th .number scope="col" { "Checks" } th .number scope="col" { "Exercised" }
                        th .number scope="col" { "Violations" }
                    } }
                    tbody { @for invariant in invariants { (row(invariant)) } }
                }
            }
        }
    }
}

fn row(invariant: &InvariantSummary) -> Markup {
    let known = InvariantName::ALL.iter();
    let known = { known }.find(|name| name.as_str() == invariant.name);
    let definition = known.and_then(|name| name.definition());
    html! {
        tr .idle[invariant.checks == 0] {
            th scope="row" {
                @if invariant.checks == 0 { (neutral_mark("not exercised")) }
                @else { (mark(invariant.violations == 0)) }
                code { (invariant.name) }
            }
            td { (definition.map_or("", |definition| definition.meaning)) }
            td .number { (count(invariant.checks)) }
            td .number { (count(invariant.exercised)) }
            td .number.bad[invariant.violations > 0] { (count(invariant.violations)) }
        }
        @for violation in &invariant.first {
            tr .violation { td colspan="5" { (violation) } }
        }
    }
}

fn expectations(report: &RunReport) -> Markup {
    let required = report.expectations.iter().filter(|it| it.required);
    let (count, failed) = (
        required.clone().count(),
        required.filter(|it| it.is_failed()).count(),
    );
    let others = report.expectations.len() - count + report.skipped.len();
    html! {
        details open[failed > 0] {
            summary {
                (mark(failed == 0)) "Expectations: "
                strong { (of(count - failed, count)) }
                @if others > 0 { span .aside { (others) " not required or skipped" } }
            }
            div .scroll {
                table {
                    thead { tr {
                        th scope="col" { "Expectation" } th scope="col" { "Quantifier" }
                        th scope="col" { "Query" }
                        th .number scope="col" { "Values" }
                    } }
                    tbody {
                        @for it in &report.expectations { (expectation(it)) }
                        @for it in &report.skipped { (skipped_expectation(it)) }
                    }
                }
            }
        }
    }
}

fn expectation(expectation: &ExpectationSummary) -> Markup {
    let is_met = expectation.outcome == ExpectationOutcome::Met;
    html! {
        tr {
            th scope="row" {
                @if is_met || expectation.required { (mark(is_met)) }
                @else { (neutral_mark("not required")) }
                (expectation.name)
            }
            td { (expectation.when.replace('_', " ")) }
            td { code { (expectation.query) } }
            td .number { (count(expectation.answers)) }
        }
        @if !expectation.detail.is_empty() {
            tr .violation { td colspan="4" {
                @if !expectation.required { "not required under a profile: " }
                (expectation.detail)
            } }
        }
    }
}

fn skipped_expectation(skipped: &SkippedExpectationSummary) -> Markup {
    html! {
        tr .idle {
            th scope="row" { (neutral_mark("skipped")) (skipped.name) }
            td { (skipped.when.replace('_', " ")) }
            td colspan="2" { (skipped.reason) }
        }
    }
}

fn gates(gates: &[GateSummary]) -> Markup {
    let met = gates.iter().filter(|gate| gate.is_met()).count();
    html! {
        details open[met < gates.len()] {
            summary { (mark(met == gates.len())) "Gates: " strong { (of(met, gates.len())) } }
            div .scroll {
                table {
                    thead { tr {
                        th scope="col" { "Gate" } th .number scope="col" { "Required" }
                        th .number scope="col" { "Found" }
                    } }
                    tbody { @for gate in gates { tr {
                        th scope="row" { (mark(gate.is_met())) code { (gate.name) } }
                        td .number { (count(gate.required)) }
                        td .number { (count(gate.found)) }
                    } } }
                }
            }
        }
    }
}

fn of(met: usize, all: usize) -> String {
    match met == all {
        true => format!("all {all} met"),
        false => format!("{met} of {all} met"),
    }
}

/// Returns a sign that is readable without colours.
fn mark(is_good: bool) -> Markup {
    match is_good {
        true => html! { span .mark.good aria-label="held" { "✓" } " " },
        false => html! { span .mark.bad aria-label="violated" { "✗" } " " },
    }
}

/// Returns the sign of a check without a result.
fn neutral_mark(meaning: &str) -> Markup {
    html! { span .mark aria-label=(meaning) { "–" } " " }
}
