//! Checks of the inputs of a simulation: fleet, advisories and findings.

use crate::model::Trigger;

use super::SemanticValidator;
use crate::scenario::document::KeyPath;
use crate::scenario::{CountOrNames, SeverityWeights};

/// Parts of a whole may exceed it by this much: 0.1 + 0.2 + 0.7 is not quite 1.
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

    fn check_weights(&mut self, path: &KeyPath, weights: &SeverityWeights) {
        let sum = weights.critical + weights.high + weights.medium + weights.low;
        if sum <= 0.0 {
            self.report(
                path,
                "no severity has any weight",
                "one must be more than 0",
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
            let label = format!("must be {} or more, one for each tenant", tenants.len());
            self.report(&path.key("images"), "a tenant would have no image", label);
        }
        for (label, values) in &fleet.labels {
            let sum: f64 = values.values().map(|share| share.0).sum();
            if sum > 1.0 + SLACK {
                let text = format!("the parts add up to {sum}");
                let title = format!("label `{label}` is on more than all images");
                self.report(&path.key("labels").key(label), title, text);
            }
        }
    }

    /// Names become parts of identifiers, so they must be plain.
    fn check_plain(&mut self, path: &KeyPath, noun: &str, names: &[String]) {
        let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-' | '/');
        for (index, name) in names.iter().enumerate() {
            if name.is_empty() || name.len() > 100 || !name.chars().all(plain) {
                let help = Some("write letters, digits and `.` `_` `-` `/`, up to 100".into());
                let title = format!("a {noun} can't be called `{}`", name.escape_debug());
                self.report_with(&path.index(index), title, "not a plain name", help);
            }
        }
    }
}
