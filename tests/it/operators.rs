//! The bundled alert rules and the operations guide agree.

use std::fs;

use rehearsal::alerts::slos_of;
use rehearsal::bundled;
use rehearsal::promql::Semantics;
use rehearsal::promql::rules::{AlertRule, RuleFile};

use crate::promtool;

const GUIDE: &str = "docs/ops/scheduler-worker-operations.md";

fn rules(semantics: Semantics) -> RuleFile {
    RuleFile::parse(bundled::RULES, bundled::RULES_PATH, semantics)
        .unwrap_or_else(|error| panic!("{error}"))
}

fn annotation(rule: &AlertRule, name: &str) -> String {
    let found = rule.annotations.iter().find(|(known, _)| known == name);
    let (_, template) = found.unwrap_or_else(|| panic!("{} has no {name}", rule.name));
    template.expand(&rehearsal::metrics::Labels::none(), 1.0)
}

#[test]
fn bundled_rules_in_promtool_are_valid() {
    let Some(said) = promtool::run(&["check", "rules", bundled::RULES_PATH], b"") else {
        return;
    };
    assert!(said.contains("SUCCESS"), "{said}");
    // promtool reports an alert's expression only as a finding.
    assert!(!said.contains("FAILED"), "{said}");
}

#[test]
fn bundled_rules_in_every_semantics_are_valid() {
    for semantics in [Semantics::V3, Semantics::V3PromqlTest, Semantics::V2_42] {
        assert_eq!(rules(semantics).alerts().count(), 5, "{semantics}");
    }
}

#[test]
fn bundled_alerts_have_required_labels_and_guide_section() {
    let guide = fs::read_to_string(GUIDE).unwrap();
    for rule in rules(Semantics::V3).alerts() {
        let labels: Vec<&str> = rule.labels.iter().map(|(name, _)| name.as_str()).collect();
        assert!(labels.contains(&"severity"), "{}", rule.name);
        assert_eq!(slos_of(rule).unwrap().len(), 1, "{}", rule.name);
        assert!(annotation(rule, "summary").len() > 10, "{}", rule.name);
        assert!(annotation(rule, "description").len() > 10, "{}", rule.name);
        let runbook = annotation(rule, "runbook_url");
        let anchor = rule.name.to_lowercase();
        assert_eq!(runbook, format!("{GUIDE}#{anchor}"));
        let heading = format!("### {}\n", rule.name);
        assert!(guide.contains(&heading), "{GUIDE} has no `{heading}`");
    }
}

#[test]
fn operations_guide_shows_query_of_each_alert() {
    let guide = fs::read_to_string(GUIDE).unwrap();
    for rule in rules(Semantics::V3).alerts() {
        let query = rule.query.text();
        assert!(
            guide.contains(query),
            "{GUIDE} does not show `{query}` of {}",
            rule.name
        );
    }
}
