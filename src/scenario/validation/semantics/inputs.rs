//! Checks of the inputs of a simulation: fleet, advisories and findings.

use crate::model::Trigger;

use super::SemanticValidator;
use crate::scenario::document::KeyPath;
use crate::scenario::{CountOrNames, SeverityWeights};

/// Tolerance of a sum of shares above 1: 0.1 + 0.2 + 0.7 is not exactly 1.
const SLACK: f64 = 1e-9;

impl SemanticValidator<'_> {
    pub(super) fn check_inputs(&mut self) {
        let root = KeyPath::root();
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
            let title = format!(
                "`{}` is not a trigger of advisories",
                advisories.trigger.as_str()
            );
            self.report_with(&path.key("trigger"), title, "not an export trigger", help);
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

    fn check_weights(&mut self, path: &KeyPath, weights: &SeverityWeights) {
        let sum = weights.critical + weights.high + weights.medium + weights.low;
        if sum <= 0.0 {
            self.report(
                path,
                "all severity weights are 0",
                "at least one must be more than 0",
            );
        }
    }

    pub(super) fn check_fleet(&mut self) {
        let fleet = &self.scenario.fleet;
        let path = KeyPath::root().key("fleet");
        for (key, noun, names) in [
            ("tenants", "tenant", &fleet.tenants),
            ("namespaces", "namespace", &fleet.namespaces),
            ("repositories", "repository", &fleet.repositories),
        ] {
            if let CountOrNames::List(names) = names {
                self.check_unique(&path.key(key), noun, names);
                self.check_plain(&path.key(key), noun, names);
            }
        }
        let tenants = fleet.tenant_names();
        let weights = path.key("tenantWeights");
        for tenant in fleet.tenant_weights.keys() {
            self.check_key(&weights, "tenant", tenant, &tenants);
        }
        if fleet.images < tenants.len() as u64 {
            let label = format!("must be {} or more: one per tenant", tenants.len());
            self.report(
                &path.key("images"),
                "there are fewer images than tenants",
                label,
            );
        }
        for (label, values) in &fleet.labels {
            let sum: f64 = values.values().map(|share| share.0).sum();
            if sum > 1.0 + SLACK {
                let text = format!("the sum of the shares is {sum}");
                let title = format!("the shares of label `{label}` exceed 1");
                self.report(&path.key("labels").key(label), title, text);
            }
        }
    }

    /// Reports names with characters that identifiers cannot have: names become parts of them.
    fn check_plain(&mut self, path: &KeyPath, noun: &str, names: &[String]) {
        let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-' | '/');
        for (index, name) in names.iter().enumerate() {
            if name.is_empty() || name.len() > 100 || !name.chars().all(plain) {
                let help =
                    Some("write letters, digits and `.` `_` `-` `/`, up to 100 characters".into());
                let title = format!("`{}` is not a valid {noun} name", name.escape_debug());
                self.report_with(&path.index(index), title, "not a valid name", help);
            }
        }
    }
}
