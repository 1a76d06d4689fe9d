//! Rules for the fleet.

use super::super::Names;
use super::super::document::Path;
use super::Rules;

/// Parts of a whole may exceed it by this much: 0.1 + 0.2 + 0.7 is not quite 1.
const SLACK: f64 = 1e-9;

impl Rules<'_> {
    pub(super) fn check_fleet(&mut self) {
        let fleet = &self.scenario.fleet;
        let path = Path::root().key("fleet");
        for (key, noun, names) in [
            ("tenants", "tenant", &fleet.tenants),
            ("namespaces", "namespace", &fleet.namespaces),
            ("repositories", "repository", &fleet.repositories),
        ] {
            if let Names::List(names) = names {
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
    fn check_plain(&mut self, path: &Path, noun: &str, names: &[String]) {
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
