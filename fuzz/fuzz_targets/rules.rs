//! Parsing any text as a rule file and evaluating it over a run ends in a timeline or an error.

#![no_main]

use libfuzzer_sys::fuzz_target;
use rehearsal::alerts::slos_of;
use rehearsal::promql::Semantics;
use rehearsal::promql::rules::{EvaluationRange, Rule, RuleFile, evaluate};
use rehearsal_fuzz::RUN;

fuzz_target!(|text: &str| {
    let Ok(rules) = RuleFile::parse(text, "fuzzed.yaml", Semantics::default()) else {
        return;
    };
    let (run, series) = &*RUN;
    let span = EvaluationRange {
        start_ms: run.start_ms,
        end_ms: run.start_ms + 10 * 60_000,
        interval_ms: 15_000,
    };
    for rule in rules.rules() {
        if let Rule::Alert(alert) = rule {
            let _ = slos_of(alert);
        }
    }
    let Ok(timeline) = evaluate(&rules, series, span) else {
        return;
    };
    for alert in &timeline.alerts {
        alert.firing(span.end_ms).for_each(drop);
    }
});
