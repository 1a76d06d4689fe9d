//! The scorecard as `JUnit` XML: a suite, with a case for each rule's quiet and each SLO's watch.

use quick_junit::{NonSuccessKind, Report, SerializeError, TestCase, TestCaseStatus, TestSuite};

use super::scorecard::Scorecard;

/// One document.
pub fn junit(card: &Scorecard) -> Result<String, SerializeError> {
    let mut suite = TestSuite::new(&card.rules_file);
    for slo in &card.slos {
        let missed: Vec<String> = card
            .missed()
            .filter(|incident| incident.slo.kind == slo.slo)
            .map(|incident| {
                let (broken, seed) = (&incident.slo, incident.seed);
                let (scenario, schedule) = (&incident.scenario, &broken.schedule);
                format!(
                    "{scenario} seed {seed}: {schedule} from {} to {}",
                    broken.from, broken.to
                )
            })
            .collect();
        suite.add_test_case(case("detects", slo.slo.as_str(), &missed));
    }
    for rule in &card.rules {
        let is_noisy = card.noisy().any(|noisy| noisy.rule == rule.rule);
        let detail = rule.healthy_false_alarms_per_week.filter(|_| is_noisy);
        let detail = detail.map(|rate| format!("{rate:.3} false alarms in a healthy week"));
        let detail: Vec<String> = detail.into_iter().collect();
        suite.add_test_case(case("quiet", &rule.rule, &detail));
    }
    let mut document = Report::new("rehearsal alerts");
    document.add_test_suite(suite);
    document.to_string()
}

fn case(group: &str, name: &str, failures: &[String]) -> TestCase {
    let status = match failures {
        [] => TestCaseStatus::success(),
        [first, ..] => {
            let mut status = TestCaseStatus::non_success(NonSuccessKind::Failure);
            status.set_message(first);
            status.set_description(failures.join("\n"));
            status
        }
    };
    let mut case = TestCase::new(name, status);
    case.set_classname(format!("alerts.{group}"));
    case
}
