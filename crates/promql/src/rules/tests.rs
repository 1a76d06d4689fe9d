use super::dependencies::look_back;
use super::*;
use crate::{MemoryStore, Semantics};
use rehearsal_convert::Index;
use rehearsal_metrics::Labels;

const MINUTE_MS: i64 = 60_000;

fn labels(name: &str) -> Labels {
    let name = name.to_owned();
    Labels::of_pairs([
        ("__name__".into(), name.into()),
        ("mode".into(), "a".into()),
    ])
}

/// One sample per minute; `_` ends the series.
fn source(name: &str, values: &str) -> MemoryStore {
    let mut store = MemoryStore::default();
    for (minute, word) in (0..).zip(values.split_whitespace()) {
        store.push(&labels(name), minute * MINUTE_MS, word.parse().ok());
    }
    store
}

fn evaluated(
    rules: &str,
    source: &MemoryStore,
    minutes: i64,
) -> Result<AlertTimeline, EvaluateError> {
    let text = format!("groups:\n- name: g\n  interval: 1m\n  rules:\n{rules}");
    let rules = RuleFile::parse(&text, "rules.yaml", Semantics::V3).unwrap();
    let span = EvaluationRange {
        start_ms: 0,
        end_ms: minutes * MINUTE_MS,
        interval_ms: MINUTE_MS,
    };
    evaluate(&rules, source, span)
}

/// States of the only alert after each minute: `.`, `p` or `F`.
fn states(rules: &str, values: &str) -> String {
    let minutes = values.split_whitespace().count().index_i64() - 1;
    let timeline = evaluated(rules, &source("x", values), minutes).unwrap();
    let [alert] = timeline.alerts.as_slice() else {
        panic!("{} alerts", timeline.alerts.len());
    };
    let state = |minute: i64| match alert.state_at(minute * MINUTE_MS) {
        AlertState::Inactive => '.',
        AlertState::Pending => 'p',
        AlertState::Firing => 'F',
    };
    (0..=minutes).map(state).collect()
}

#[test]
fn alert_after_for_fires_and_restarts_after_gap() {
    let rules = "  - { alert: A, expr: x > 0, for: 2m }\n";
    assert_eq!(states(rules, "0 1 1 1 1 0 1 1 0 1 1 1"), ".ppFF.pp.ppF");
    // Without `for` it fires immediately.
    assert_eq!(states("  - { alert: A, expr: x > 0 }\n", "0 1 0"), ".F.");
}

#[test]
fn alert_with_keep_firing_for_continues() {
    let rules = "  - { alert: A, expr: x > 0, keep_firing_for: 2m }\n";
    assert_eq!(states(rules, "1 0 0 0 0 1 0 1 0 0 0"), "FFF..FFFFF.");
    // `keep_firing_for` does not apply to pending alerts.
    let rules = "  - { alert: A, expr: x > 0, for: 1m, keep_firing_for: 5m }\n";
    assert_eq!(states(rules, "1 0 1 1 0"), "p.pFF");
}

#[test]
fn alert_after_end_of_series_resolves() {
    assert_eq!(states("  - { alert: A, expr: x > 0 }\n", "1 1 _ 1"), "FF.F");
}

#[test]
fn rule_after_recording_rule_reads_its_result() {
    let rules = "
  - { record: 'x:double', expr: x * 2, labels: { of: x } }
  - { alert: A, expr: 'x:double{of=\"x\"} > 4' }
";
    assert_eq!(states(rules, "1 2 3 _ 3"), "..F.F");
}

#[test]
fn rule_reading_own_result_sees_earlier_evaluation() {
    // The first rule counts its own evaluations; the second sees the third's last value only.
    let rules = "
  - { record: 'x:count', expr: 'x + (sum without () (x:count * 1) or x * 0)' }
  - { alert: A, expr: 'later > 2' }
  - { record: later, expr: x:count }
";
    assert_eq!(states(rules, "1 1 1 1 1"), "...FF");
}

#[test]
fn rules_that_select_their_own_or_later_results_look_back() {
    let look_back = |rules: &str| {
        let text = format!("groups: [{{ name: g, rules: [{rules}] }}]");
        look_back(&RuleFile::parse(&text, "rules.yaml", Semantics::V3).unwrap())
    };
    let record = |name: &str, query: &str| format!("{{ record: {name}, expr: '{query}' }}, ");
    // Its own result, by name, by regular expression or by none, in a subquery too.
    for query in [
        "x + a",
        r#"{__name__="a"}"#,
        r#"{__name__=~"a|x"}"#,
        r#"{__name__!="x",mode="a"}"#,
        r#"{mode="a"}"#,
        "x + max_over_time(sum(a)[5m:1m])",
        r#"rate({__name__=~"a+"}[5m])"#,
    ] {
        assert!(look_back(&record("a", query)), "{query}");
    }
    for query in [
        "x",
        r#"{__name__="a",__name__!="a"}"#,
        r#"{__name__=~"b|x"}"#,
        r#"{__name__!="a",mode="a"}"#,
    ] {
        assert!(!look_back(&record("a", query)), "{query}");
    }
    // The result of another rule: only that of a later one.
    for query in ["b", r#"{__name__=~"b.*"}"#] {
        let (reader, read) = (record("a", query), record("b", "x"));
        assert!(look_back(&[&*reader, &read].concat()), "{query}");
        assert!(!look_back(&[&*read, &reader].concat()), "{query}");
        assert!(look_back(&[&*read, &reader, &read].concat()), "{query}");
        let in_two_groups = [&*reader, "] }, { name: h, rules: [", &read].concat();
        assert!(look_back(&in_two_groups), "{query}");
    }
    let alert = |query: &str| format!("{{ alert: A, expr: '{query}' }}, ");
    for query in ["ALERTS", "ALERTS_FOR_STATE", r#"{__name__=~"ALERTS.+"}"#] {
        let (reader, read) = (record("a", query), alert("x"));
        assert!(look_back(&alert(query)), "{query}");
        assert!(look_back(&[&*reader, &read].concat()), "{query}");
        assert!(!look_back(&[&*read, &reader].concat()), "{query}");
    }
}

#[test]
fn alert_writes_alerts_series() {
    let rules = "
  - { alert: A, expr: x > 0, for: 1m }
  - { record: r, expr: 'count(ALERTS{alertstate=\"firing\"})' }
";
    let at = |minute| minute * MINUTE_MS;
    let source = source("x", "1 1 1 0");
    let expected = [
        (at(0), None),
        (at(1), Some(1.0)),
        (at(2), Some(1.0)),
        (at(3), None),
    ];
    assert_eq!(recorded(rules, &source, 3), expected);
    let rules = rules.replace("{alertstate=\"firing\"}", "");
    let expected = [Some(1.0), Some(1.0), Some(1.0), None];
    let counts = recorded(&rules, &source, 3);
    assert!(
        counts.iter().map(|(_, count)| *count).eq(expected),
        "{counts:?}"
    );
}

#[test]
fn annotations_expand_with_value_at_evaluation() {
    let rules = "
  - alert: A
    expr: x > 0
    labels: { level: '{{ if gt }}' }
";
    let text = format!("groups:\n- name: g\n  rules:\n{rules}");
    let refused = RuleFile::parse(&text, "rules.yaml", Semantics::V3).unwrap_err();
    assert!(
        refused
            .to_string()
            .starts_with("rules.yaml:7: in `level`: `if`"),
        "{refused}"
    );

    let rules = "
  - alert: A
    expr: x > 0
    labels: { of: '{{ $labels.mode }}' }
    annotations: { summary: '{{ $value }} of {{ $labels.mode }}' }
";
    let timeline = evaluated(rules, &source("x", "1 2"), 1).unwrap();
    let alert = &timeline.alerts[0];
    let shown: Vec<(&str, &str)> = alert.labels.iter().collect();
    assert_eq!(shown, [("alertname", "A"), ("mode", "a"), ("of", "a")]);
    let text = format!("groups:\n- name: g\n  rules:\n{rules}");
    let file = RuleFile::parse(&text, "rules.yaml", Semantics::V3).unwrap();
    let rule = file.alerts().next().unwrap();
    let told = |minute: i64| alert.annotations_at(rule, minute * MINUTE_MS).remove(0).1;
    assert_eq!(
        (told(0), told(1)),
        ("1 of a".to_owned(), "2 of a".to_owned())
    );

    let rules = "  - { alert: A, expr: x > 0, labels: { at: '{{ $value }}' } }\n";
    let timeline = evaluated(rules, &source("x", "1 2"), 1).unwrap();
    let alerts = timeline.alerts.iter();
    let alerts = alerts.map(|alert| (alert.labels.get("at"), alert.state_at(MINUTE_MS)));
    assert_eq!(
        alerts.collect::<Vec<_>>(),
        [
            (Some("1"), AlertState::Inactive),
            (Some("2"), AlertState::Firing)
        ]
    );
}

#[test]
fn samples_with_equal_output_labels_are_refused() {
    let mut source = source("x", "1");
    source.push(&labels("y"), 0, Some(1.0));
    let rules = "  - { alert: A, expr: '{mode=\"a\"} > 0' }\n";
    let error = evaluated(rules, &source, 0).unwrap_err();
    assert!(
        error
            .to_string()
            .starts_with("rule `A`: two of its samples have the labels"),
        "{error}"
    );
    let rules = "  - { record: r, expr: '{mode=\"a\"}' }\n";
    let error = evaluated(rules, &source, 0).unwrap_err().to_string();
    assert!(
        error.starts_with("rule `r`: two of its samples have the labels"),
        "{error}"
    );
}

/// Samples of the series `r`.
fn recorded(rules: &str, source: &MemoryStore, minutes: i64) -> Vec<(i64, Option<f64>)> {
    let recorded = evaluated(rules, source, minutes).unwrap().recorded;
    let mut names = recorded.series().map(|labels| labels.get("__name__"));
    let found = names.position(|name| name == Some("r"));
    recorded.samples(found.unwrap()).collect()
}

#[test]
fn series_alternating_in_time_are_recorded_as_one() {
    let mut source = source("x", "1 _ 3");
    source.push(&labels("y"), MINUTE_MS, Some(2.0));
    source.push(&labels("y"), 2 * MINUTE_MS, None);
    let expected = [
        (0, Some(1.0)),
        (MINUTE_MS, Some(2.0)),
        (2 * MINUTE_MS, Some(3.0)),
    ];
    let rules = "  - { record: r, expr: 'x or y' }\n";
    assert_eq!(recorded(rules, &source, 2), expected);
}

#[test]
fn rules_file_with_error_is_refused_with_line_number() {
    for (rules, expected) in [
        (
            "  - { expr: x }\n",
            "rules.yaml:4: a rule needs `record` or `alert`",
        ),
        (
            "  - { alert: A, record: b, expr: x }\n",
            "rules.yaml:4: a rule has `record` or `alert`, not both",
        ),
        (
            "  - { record: b-c, expr: x }\n",
            "rules.yaml:4: `b-c` can't be the name of a series",
        ),
        (
            "  - { record: b, expr: x, for: 1m }\n",
            "rules.yaml:4: `for`, `keep_firing_for`",
        ),
        (
            "  - { alert: A, expr: x, for: soon }\n",
            "rules.yaml:4: `soon` is no duration",
        ),
        (
            "  - { alert: A, expr: x, for: -1 }\n",
            "rules.yaml:4: `-1` is no duration",
        ),
        (
            "  - { alert: A, expr: x, for: 1e300 }\n",
            "rules.yaml:4: `1e300` is no duration",
        ),
        ("  - { alert: A, expr: 'sum(' }\n", "rules.yaml:4: "),
        (
            "  - { alert: A, expr: x, labels: { 'a-b': c } }\n",
            "rules.yaml:4: ",
        ),
        (
            "  - { alert: A, expr: x }\n- { name: g, rules: [] }\n",
            "rules.yaml:5: two groups are called `g`",
        ),
    ] {
        let text = format!("groups:\n- name: g\n  rules:\n{rules}");
        let error = RuleFile::parse(&text, "rules.yaml", Semantics::V3).unwrap_err();
        assert!(error.to_string().starts_with(expected), "{rules}: {error}");
    }
}

/// Evaluates groups over an hour of a series.
fn evaluated_groups(groups: &str) -> Result<AlertTimeline, EvaluateError> {
    let rules = RuleFile::parse(groups, "rules.yaml", Semantics::V3).unwrap();
    let span = EvaluationRange {
        start_ms: 0,
        end_ms: 60 * MINUTE_MS,
        interval_ms: MINUTE_MS,
    };
    evaluate(&rules, &source("x", "1 1 1"), span)
}

#[test]
fn group_with_too_many_evaluations_is_refused() {
    let rules = "groups: [{ name: g, interval: 1ms, rules: [{ record: y, expr: x }] }]";
    let rules = RuleFile::parse(rules, "rules.yaml", Semantics::V3).unwrap();
    let span = EvaluationRange {
        start_ms: 0,
        end_ms: 30 * 24 * 60 * MINUTE_MS,
        interval_ms: MINUTE_MS,
    };
    let error = evaluate(&rules, &source("x", "1"), span).unwrap_err();
    assert_eq!(
        error.to_string(),
        "rules.yaml: group `g` would be evaluated 2592000001 times, and at most 5000000 are \
         possible; give it an `interval` of 519ms or more"
    );
}

#[test]
fn groups_with_incommensurable_intervals_are_evaluated_at_their_own_instants_only() {
    // Their greatest common divisor is 1 ms, and one of them never comes again.
    let groups = "groups:
- { name: a, interval: 59999ms, rules: [{ record: y, expr: y + 1 or x }] }
- { name: b, interval: 61001ms, rules: [{ record: z, expr: timestamp(x) }] }
- { name: c, interval: 290y, rules: [{ record: once, expr: x }] }
";
    let timeline = evaluated_groups(groups).unwrap();
    let evaluations = |id: usize| timeline.recorded.samples(id).count();
    assert_eq!([0, 1, 2].map(evaluations), [61, 60, 1]);
}
