//! Results of invariants, expectations and gates.

use maud::{Markup, html};

use crate::check::InvariantName;
use crate::check::expectation::ExpectationOutcome;
use crate::report::format::count;
use crate::report::{ExpectationSummary, GateSummary, InvariantSummary, RunReport};

/// Returns the section with all results.
pub fn checks(report: &RunReport) -> Markup {
    html! {
        section aria-labelledby="checks-title" {
            h2 #checks-title { "Results" }
            @if let Some(reason) = &report.halted {
                p .problem { "The simulation stopped early: " (reason) }
            }
            (invariants(&report.invariants))
            @if !report.expectations.is_empty() { (expectations(&report.expectations)) }
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
            th scope="row" { (mark(invariant.violations == 0)) code { (invariant.name) } }
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

fn expectations(expectations: &[ExpectationSummary]) -> Markup {
    let met = |it: &&ExpectationSummary| it.outcome == ExpectationOutcome::Met;
    let count_met = expectations.iter().filter(met).count();
    html! {
        details open[count_met < expectations.len()] {
            summary {
                (mark(count_met == expectations.len())) "Expectations: "
                strong { (of(count_met, expectations.len())) }
            }
            div .scroll {
                table {
                    thead { tr {
                        th scope="col" { "Expectation" } th scope="col" { "Quantifier" }
                        th scope="col" { "Query" }
                        th .number scope="col" { "Values" }
                    } }
                    tbody { @for expectation in expectations {
                        tr {
                            th scope="row" { (mark(met(&expectation))) (expectation.name) }
                            td { (expectation.when.replace('_', " ")) }
                            td { code { (expectation.query) } }
                            td .number { (count(expectation.answers)) }
                        }
                        @if !expectation.detail.is_empty() {
                            tr .violation { td colspan="4" { (expectation.detail) } }
                        }
                    } }
                }
            }
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
