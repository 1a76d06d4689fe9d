//! Checks of worker processes and their options.

use crate::worker::Role;

use super::SemanticValidator;
use crate::scenario::document::KeyPath;
use crate::scenario::{Duration, ProcessesSpec};

/// Maximum number of processes.
const PROCESSES_MAX: usize = 1_000;

impl SemanticValidator<'_> {
    pub(super) fn check_workers(&mut self) {
        let path = KeyPath::root().key("workers");
        self.check_processes(&path.key("processes"));
        let (min, max) = (Duration::from_secs(1), Duration::from_hours(1));
        let interval = self.scenario.workers.scrape_interval;
        self.check_range(&path, "scrapeInterval", interval, min, max);
        self.check_options(&path.key("options"));
    }

    fn check_processes(&mut self, path: &KeyPath) {
        let processes = self.scenario.workers.processes.list();
        if processes.len() > PROCESSES_MAX {
            let label = format!("{} processes, maximum {PROCESSES_MAX}", processes.len());
            self.report(path, "there are too many processes", label);
        }
        if let ProcessesSpec::Groups(groups) = &self.scenario.workers.processes {
            let names: Vec<String> = groups.iter().map(|group| group.name.clone()).collect();
            self.check_unique(path, "process group", &names);
            for (index, name) in names.iter().enumerate() {
                if matches!(name.as_str(), "any" | "all") {
                    let title = format!("`{name}` is a reserved process name");
                    let label = "has a special meaning in the `process` key of faults";
                    self.report(&path.index(index).key("name"), title, label);
                }
            }
            self.check_numbered_names(path, &names, &processes);
        }
        for role in Role::ALL {
            if !processes.iter().any(|(_, roles)| roles.contains(&role)) {
                // Spelled as in files, with its quotes.
                let word = serde_json::to_string(&role).unwrap_or_default();
                let help = Some(format!("add `{word}` to the roles of a process"));
                let title = format!("no process has the role `{}`", word.trim_matches('"'));
                self.report_with(path, title, "runs could not complete", help);
            }
        }
    }

    /// Reports a group with the name of a numbered process: a group `a` of two has an `a-1`.
    fn check_numbered_names(
        &mut self,
        path: &KeyPath,
        groups: &[String],
        processes: &[(String, Vec<Role>)],
    ) {
        for (index, group) in groups.iter().enumerate() {
            let bearers = processes.iter().filter(|(name, _)| name == group).count();
            let namesakes = groups.iter().filter(|name| *name == group).count();
            if bearers > 1 && namesakes == 1 {
                let title = format!("two processes have the name `{group}`");
                let label = "a numbered group has a process with this name";
                self.report(&path.index(index).key("name"), title, label);
            }
        }
    }

    fn check_options(&mut self, path: &KeyPath) {
        for error in self
            .scenario
            .workers
            .options
            .validate()
            .err()
            .unwrap_or_default()
        {
            let title = format!("`{}` is out of range", error.key);
            let label = format!("must be from {} to {}", error.least, error.most);
            self.report(&path.key(error.key), title, label);
        }
    }
}
