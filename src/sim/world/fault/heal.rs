//! Healing: faults end, so that what is open can finish.

use std::collections::BTreeSet;
use std::rc::Rc;

use super::inject::ActiveFault;
use crate::model::ProcessName;
use crate::sim::kernel::RandomStream;
use crate::sim::world::World;
use crate::worker::Role;

impl World {
    /// Draws a core: one process of each role.
    pub fn draw_core(&self, stream: &mut RandomStream) -> BTreeSet<ProcessName> {
        let mut core = BTreeSet::new();
        for role in Role::ALL {
            let able: Vec<_> = self
                .processes
                .iter()
                .filter(|process| process.roles.contains(&role))
                .collect();
            let number = stream.below(able.len() as u64) as usize;
            core.extend(able.get(number).map(|process| process.name.clone()));
        }
        core
    }

    /// Ends for good the faults of the services, and of these processes with all their
    /// connections, and lets none begin any more. The other processes stay as they are: down,
    /// standing still, cut off.
    pub fn heal(self: &Rc<Self>, core: BTreeSet<ProcessName>) {
        self.faults.is_healed.set(true);
        *self.faults.core.borrow_mut() = Some(core);
        let (ended, kept): (Vec<ActiveFault>, Vec<ActiveFault>) = self
            .faults
            .active
            .take()
            .into_iter()
            .partition(|fault| self.may_end(fault));
        *self.faults.active.borrow_mut() = kept;
        for fault in &ended {
            self.note_end(fault);
        }
        self.planner_queue.heal();
        self.runner_queue.heal();
        self.review_faults();
        for number in 0..self.processes.len() {
            self.resume_process(number);
            self.start_process(number);
        }
    }

    /// Whether a fault may end: after a core has healed, those of other processes last.
    pub(super) fn may_end(&self, fault: &ActiveFault) -> bool {
        let process = fault.planned.process().map(ProcessName::from);
        process.is_none_or(|process| self.may_recover(&process))
    }

    /// Whether a process may start or go on: after a core has healed, no other does.
    pub(in crate::sim::world) fn may_recover(&self, process: &ProcessName) -> bool {
        let core = self.faults.core.borrow();
        core.as_ref().is_none_or(|core| core.contains(process))
    }
}
