//! Rules for advisories and for what scans find.

use crate::model::Trigger;

use super::super::SeverityWeights;
use super::super::document::Path;
use super::Rules;

impl Rules<'_> {
    pub(super) fn check_inputs(&mut self) {
        let root = Path::root();
        let deltas = root.key("deltas").key("severities");
        self.check_weights(&deltas, &self.scenario.deltas.severities);
        let Some(advisories) = &self.scenario.advisories else {
            return;
        };
        let path = root.key("advisories");
        self.check_weights(&path.key("severities"), &advisories.severities);
        if !matches!(
            advisories.trigger,
            Trigger::Conselier | Trigger::Excitor | Trigger::Policy
        ) {
            let help = Some("known are `conselier`, `excitor`, `policy`".into());
            let title = format!("no export triggers as `{}`", advisories.trigger.as_str());
            self.report_with(&path.key("trigger"), title, "not an export", help);
        }
        if let Some(trace) = &advisories.trace
            && let (Some(from), Some(until)) = (trace.from, trace.until)
            && until <= from
        {
            let until = path.key("trace").key("until");
            self.report(
                &until,
                "the window is empty",
                format!("must be later than {from}"),
            );
        }
    }

    fn check_weights(&mut self, path: &Path, weights: &SeverityWeights) {
        let sum = weights.critical + weights.high + weights.medium + weights.low;
        if sum <= 0.0 {
            self.report(
                path,
                "no severity has any weight",
                "one must be more than 0",
            );
        }
    }
}
