use super::*;
use crate::check::{Slo, SloBreach};
use crate::metrics::Labels;
use crate::model::{Mode, Timestamp};
use crate::promql::rules::{EvaluationRange, RuleFile, evaluate};
use crate::promql::{MemoryStore, Semantics};

const MINUTE_MS: i64 = 60_000;

/// An SLO of `nightly` that was broken from one minute to another.
fn broken(kind: Slo, from: u64, to: u64) -> SloBreach {
    SloBreach {
        kind,
        schedule: "nightly".into(),
        mode: Mode::AnalysisOnly,
        run: None,
        from: Timestamp::from_seconds(from * 60),
        to: Timestamp::from_seconds(to * 60),
    }
}

/// The score of a rule that fires while `x` of a schedule is 1, minute by minute.
fn scored(schedule: &'static str, values: &str, slos: &[SloBreach]) -> RunScore {
    let text = "
groups:
- name: g
  rules:
  - { alert: A, expr: x > 0, labels: { slo: runs-progress } }
";
    let rules = RuleFile::parse(text, "rules.yaml", Semantics::V3).unwrap();
    let pairs = [("__name__", "x"), ("scheduleId", schedule)];
    let labels = Labels::of_pairs(pairs.map(|(name, value)| (name.into(), value.into())));
    let mut store = MemoryStore::default();
    let mut minutes = 0;
    for word in values.split_whitespace() {
        store.push(&labels, minutes * MINUTE_MS, word.parse().ok());
        minutes += 1;
    }
    let span = EvaluationRange {
        start_ms: 0,
        end_ms: minutes * MINUTE_MS,
        interval_ms: MINUTE_MS,
    };
    let timeline = evaluate(&rules, &store, span).unwrap();
    score(&rules, &timeline, ("scenario", 1), slos).unwrap()
}

#[test]
fn incident_with_two_alerts_is_detected_resolved_and_flaps_once() {
    let slos = [broken(Slo::RunsProgress, 2, 10)];
    let run = scored("nightly", "0 0 0 1 1 0 0 1 1 1 1 1 0", &slos);
    let rule = &run.rules[0];
    assert_eq!((rule.alarms, rule.false_alarms), (2, 0));
    let detection = rule.detections[0].as_ref().unwrap();
    assert_eq!(detection.seconds_to_detect, Some(60.0));
    assert_eq!(detection.seconds_to_resolve, Some(120.0));
    assert_eq!(detection.flaps, 1);
    let card = Scorecard::new("rules.yaml", &[run]);
    assert_eq!(card.rules[0].recall, Some(1.0));
    assert_eq!(card.rules[0].median_seconds_to_detect, Some(60.0));
    assert!((card.rules[0].share_firing - 7.0 / 13.0).abs() < 1e-9);
    assert!(card.is_good());
}

#[test]
fn alert_of_another_schedule_or_slo_is_a_false_alarm() {
    let slos = [broken(Slo::RunsProgress, 2, 10)];
    let run = scored("hourly", "0 0 0 1 1 0 0", &slos);
    assert_eq!(run.rules[0].false_alarms, 1);
    assert_eq!(
        run.rules[0].detections[0]
            .as_ref()
            .unwrap()
            .seconds_to_detect,
        None
    );
    let card = Scorecard::new("rules.yaml", &[run]);
    assert_eq!(card.missed().count(), 1);
    assert!(!card.is_good());

    let slos = [broken(Slo::BacklogFalls, 2, 10)];
    let run = scored("nightly", "0 0 0 1 1 0 0", &slos);
    assert_eq!(run.rules[0].false_alarms, 1);
    assert_eq!(run.rules[0].detections, [None]);
}

#[test]
fn alert_during_short_breach_is_no_false_alarm() {
    let slos = [broken(Slo::RunsProgress, 2, 4)];
    let run = scored("nightly", "0 0 0 1 1 0 0", &slos);
    assert!(run.incidents.is_empty());
    assert_eq!((run.rules[0].alarms, run.rules[0].false_alarms), (1, 0));
}

#[test]
fn an_alarm_matches_an_slo_while_it_is_broken_or_shortly_after() {
    let fires = [1, 20, 23];
    let word = |minute| if fires.contains(&minute) { "1" } else { "0" };
    let values: Vec<&str> = (0..25).map(word).collect();
    let slos = [broken(Slo::RunsProgress, 10, 16)];
    let run = scored("nightly", &values.join(" "), &slos);
    // One comes before, and one too long after.
    assert_eq!((run.rules[0].alarms, run.rules[0].false_alarms), (3, 2));
    let detection = run.rules[0].detections[0].as_ref().unwrap();
    assert_eq!(detection.seconds_to_detect, Some(600.0));
}

#[test]
fn rule_with_alert_while_all_is_well_is_noisy() {
    let run = scored("nightly", "0 0 0 1 1 0 0", &[]);
    let card = Scorecard::new("rules.yaml", &[run]);
    assert_eq!(card.noisy().count(), 1);
    let quiet = scored("nightly", "0 0 0", &[]);
    let card = Scorecard::new("rules.yaml", &[quiet]);
    assert!(card.rules[0].never_fired && card.is_good());
}
