//! Scorecard as `JUnit` XML: one case per SLO (its incidents are detected) and per rule (it does
//! not fire while all is well).

use quick_junit::{NonSuccessKind, Report, SerializeError, TestSuite};

use super::scorecard::Scorecard;
use crate::report::junit::{test_case, xml};

/// Returns one document.
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
        let failure = (!missed.is_empty()).then(|| missed.join("\n"));
        let kind = NonSuccessKind::Failure;
        let case = test_case("alerts.detects", slo.slo.as_str(), kind, failure.as_deref());
        suite.add_test_case(case);
    }
    for rule in &card.rules {
        let is_noisy = card.noisy().any(|noisy| noisy.rule == rule.rule);
        let detail = rule.healthy_false_alarms_per_week.filter(|_| is_noisy);
        let detail = detail.map(|rate| format!("{rate:.3} false alarms per healthy week"));
        let kind = NonSuccessKind::Failure;
        let case = test_case("alerts.quiet", &rule.rule, kind, detail.as_deref());
        suite.add_test_case(case);
    }
    let mut document = Report::new("rehearsal alerts");
    document.add_test_suite(suite);
    xml(&document)
}
