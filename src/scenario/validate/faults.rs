//! Rules for faults.

use super::super::ProcessTarget;
use super::super::document::Path;
use super::Rules;

impl Rules<'_> {
    pub(super) fn check_faults(&mut self) {
        let processes: Vec<String> = self
            .scenario
            .workers
            .processes
            .list()
            .into_iter()
            .map(|(name, _)| name)
            .collect();
        for (index, fault) in self.scenario.faults.iter().enumerate() {
            let path = Path::root().key("fault").index(index);
            self.check_timing(&path, &fault.timing, "fault");
            if let Some(ProcessTarget::Named(name)) = fault.effect.process() {
                self.check_name(&path.key("process"), "process", name, &processes);
            }
            if let Some((key, length)) = fault.effect.length()
                && length.is_zero()
            {
                let title = "the fault has no length";
                self.report(&path.key(key), title, "must be more than 0");
            }
            if let Some(probability) = fault.effect.probability()
                && probability.0 <= 0.0
            {
                let title = "the fault never bites";
                self.report(&path.key("probability"), title, "must be more than 0");
            }
            self.check_overlap(index);
        }
    }

    /// A fault that repeats may not strike again while it lasts: which of the two would end it?
    fn check_overlap(&mut self, index: usize) {
        let fault = &self.scenario.faults[index];
        let (Some(every), Some((_, length))) = (fault.timing.every, fault.effect.length()) else {
            return;
        };
        if length >= every && !every.is_zero() {
            let path = Path::root().key("fault").index(index).key("every");
            let label = format!("must be longer than the fault lasts ({length})");
            self.report(&path, "the fault overlaps itself", label);
        }
    }
}
