//! Checks of schedules, populations and operations.

use std::collections::BTreeMap;

use crate::model::Trigger;

use super::SemanticValidator;
use crate::scenario::document::{Diagnostic, KeyPath};
use crate::scenario::{OperationKind, ScheduleSpec, SelectorSpec};

impl SemanticValidator<'_> {
    pub(super) fn check_schedules(&mut self) {
        let scenario = self.scenario;
        for (index, schedule) in scenario.schedules.iter().enumerate() {
            self.check_schedule(&KeyPath::root().key("schedule").index(index), schedule);
        }
        self.check_population();
        self.check_ids();
        let creates = |kind: &OperationKind| matches!(kind, OperationKind::Create { .. });
        if scenario.schedules.is_empty()
            && scenario.population.is_none()
            && !scenario
                .operations
                .iter()
                .any(|operation| creates(&operation.kind))
        {
            let help = "write a `[[schedule]]`, or `[schedules]` for a population of them";
            let title = "the scenario has no schedule";
            self.report_with(
                &KeyPath::root(),
                title,
                "no run would start",
                Some(help.into()),
            );
        }
    }

    fn check_schedule(&mut self, path: &KeyPath, schedule: &ScheduleSpec) {
        if let Some(tenant) = &schedule.tenant {
            let tenants = self.scenario.fleet.tenant_names();
            self.check_name(&path.key("tenant"), "tenant", tenant, &tenants);
        }
        self.check_selector(&path.key("selector"), &schedule.selector);
        self.check_triggers(&path.key("triggers"), &schedule.triggers);
    }

    fn check_selector(&mut self, path: &KeyPath, selector: &SelectorSpec) {
        let fleet = &self.scenario.fleet;
        let (key, noun, names, known) = match selector {
            SelectorSpec::All | SelectorSpec::Digests { .. } => return,
            SelectorSpec::Namespaces { namespaces } => (
                "namespaces",
                "namespace",
                namespaces,
                fleet.namespace_names(),
            ),
            SelectorSpec::Repositories { repositories } => (
                "repositories",
                "repository",
                repositories,
                fleet.repository_names(),
            ),
            SelectorSpec::Labels { labels } => {
                return self.check_labels(&path.key("labels"), labels);
            }
        };
        for (index, name) in names.iter().enumerate() {
            self.check_name(&path.key(key).index(index), noun, name, &known);
        }
    }

    fn check_labels(&mut self, path: &KeyPath, labels: &BTreeMap<String, String>) {
        let known = &self.scenario.fleet.labels;
        let names: Vec<String> = known.keys().cloned().collect();
        for (label, value) in labels {
            match known.get(label) {
                None => self.check_key(path, "label", label, &names),
                Some(values) => {
                    let values: Vec<String> = values.keys().cloned().collect();
                    self.check_name(&path.key(label), "label value", value, &values);
                }
            }
        }
    }

    fn check_triggers(&mut self, path: &KeyPath, triggers: &[Trigger]) {
        for (index, trigger) in triggers.iter().enumerate() {
            let path = path.index(index);
            if matches!(trigger, Trigger::Cron | Trigger::Manual) {
                let title = format!("`{}` is not a subscription", trigger.as_str());
                let help =
                    Some("`whenCron` and operations start runs without a subscription".into());
                self.report_with(&path, title, "remove it", help);
            } else if triggers[..index].contains(trigger) {
                self.report(
                    &path,
                    format!("`{}` is a duplicate", trigger.as_str()),
                    "remove it",
                );
            }
        }
    }

    fn check_population(&mut self) {
        let Some(population) = &self.scenario.population else {
            return;
        };
        let path = KeyPath::root().key("schedules");
        if population.from_hour >= population.until_hour {
            let label = format!("must be later than `fromHour` ({})", population.from_hour);
            self.report(&path.key("untilHour"), "no hour is left", label);
        }
        let scopes = population.scopes;
        if scopes.total() <= 0.0 {
            let label = "at least one must be more than 0";
            self.report(&path.key("scopes"), "all scope weights are 0", label);
        }
        self.check_triggers(&path.key("triggers"), &population.triggers);
    }

    /// Schedule identifiers with the key paths that define them.
    fn ids(&self) -> Vec<(String, KeyPath)> {
        let root = KeyPath::root();
        let mut ids = Vec::new();
        for (index, schedule) in self.scenario.schedules.iter().enumerate() {
            ids.push((
                schedule.id.clone(),
                root.key("schedule").index(index).key("id"),
            ));
        }
        if let Some(population) = &self.scenario.population {
            ids.extend(population.ids().map(|id| (id, root.key("schedules"))));
        }
        for (index, operation) in self.scenario.operations.iter().enumerate() {
            if let OperationKind::Create { definition } = &operation.kind {
                let path = root.key("operation").index(index).key("definition");
                ids.push((definition.id.clone(), path.key("id")));
            }
        }
        ids
    }

    fn check_ids(&mut self) {
        let mut first = BTreeMap::new();
        for (id, path) in self.ids() {
            if let Some(earlier) = first.get(&id) {
                let diagnostic = Diagnostic::new(format!("two schedules have the id `{id}`"))
                    .at(self.root.span_of(&path), "second use")
                    .secondary(self.root.span_of(earlier), "first use")
                    .help("give each a unique id, also across tenants");
                self.diagnostics.push(diagnostic);
            } else {
                first.insert(id, path);
            }
        }
    }

    pub(super) fn check_operations(&mut self) {
        let scenario = self.scenario;
        let ids: Vec<String> = self.ids().into_iter().map(|(id, _)| id).collect();
        for (index, operation) in scenario.operations.iter().enumerate() {
            let path = KeyPath::root().key("operation").index(index);
            self.check_timing(&path, &operation.timing, "operation");
            match &operation.kind {
                OperationKind::Create { definition } => {
                    self.check_schedule(&path.key("definition"), definition);
                    if operation.timing.at.is_none() {
                        let label = "a schedule is created once: use `at`";
                        self.report(&path, "the operation must not repeat", label);
                    }
                }
                OperationKind::Edit { changes, .. } => {
                    let path = path.key("changes");
                    if let Some(selector) = &changes.selector {
                        self.check_selector(&path.key("selector"), selector);
                    }
                    if let Some(triggers) = &changes.triggers {
                        self.check_triggers(&path.key("triggers"), triggers);
                    }
                }
                _ => {}
            }
            if let Some(schedule) = operation.kind.schedule() {
                self.check_name(&path.key("schedule"), "schedule", schedule, &ids);
            }
        }
    }
}
