//! Healing: the faults end, so that open runs can finish.
//!
//! Only a core of one process for each role recovers. Recovering all processes would hide defects
//! in which the last process of a role has to do all of the work.

use std::collections::BTreeSet;
use std::rc::Rc;

use super::inject::ActiveFault;
use crate::model::ProcessName;
use crate::sim::draw_index;
use crate::sim::kernel::RandomStream;
use crate::sim::world::World;
use crate::worker::Role;

impl World {
    /// Draws the core: one process of each role.
    pub fn draw_core(&self, stream: &mut RandomStream) -> BTreeSet<ProcessName> {
        let mut core = BTreeSet::new();
        for role in Role::ALL {
            let able: Vec<_> = self
                .processes
                .iter()
                .filter(|process| process.roles.contains(&role))
                .collect();
            let number = draw_index(stream, able.len());
            core.extend(able.get(number).map(|process| process.name.clone()));
        }
        core
    }

    /// Ends the faults of the services, of the processes of the core and of their connections, and
    /// lets none begin again. Every other process stays as it is: down, paused or cut off.
    ///
    /// # Panics
    /// If the world has healed before.
    pub fn heal(self: &Rc<Self>, core: BTreeSet<ProcessName>) {
        let was_healed = self.faults.is_healed.replace(true);
        assert!(!was_healed, "the world heals once");
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

    /// Returns whether a fault may end: after healing, those of processes outside the core last.
    pub(super) fn may_end(&self, fault: &ActiveFault) -> bool {
        let process = fault.planned.process().map(ProcessName::from);
        process.is_none_or(|process| self.may_recover(&process))
    }

    /// Returns whether a process may start or resume: after healing, only those of the core do.
    pub(in crate::sim::world) fn may_recover(&self, process: &ProcessName) -> bool {
        let core = self.faults.core.borrow();
        core.as_ref().is_none_or(|core| core.contains(process))
    }
}
