//! Actions of owners and operators on a world, at once and without the network.
//!
//! Contract tests need them, and programs that drive a world without a scenario's operations.

use std::rc::Rc;
use std::time::Duration;

use super::World;
use super::network::NetworkPort;
use super::queue::QueueServer;
use crate::model::fault::FaultKind;
use crate::model::observation::{IncarnationEnd, Observation, QueueName};
use crate::model::{PlannerMessage, SegmentMessage};
use crate::worker::ports::Export;

impl World {
    /// Appends an export. The store sets its sequence number.
    pub fn publish_export(&self, export: Export) {
        let sequence = self.store.borrow_mut().publish_export(export.clone());
        self.sink.emit(&Observation::Exported {
            sequence,
            id: &export.id,
            tenant: export.tenant.as_ref(),
            trigger: export.trigger,
            product_keys: &export.product_keys,
            usage_only: export.usage_only,
        });
    }

    /// Purges the terminal runs that ended at least `older_than` ago.
    pub fn purge_ended(self: &Rc<Self>, older_than: Duration) {
        self.purge(None, older_than);
    }

    /// Makes the bodies of the next `count` messages of a queue unreadable.
    pub fn corrupt_messages(&self, queue: QueueName, count: u32) {
        match queue {
            QueueName::Planner => self.planner_queue.poison(count),
            QueueName::Runner => self.runner_queue.poison(count),
        }
    }

    /// Creates a queue anew, without its messages.
    pub fn reset_queue(self: &Rc<Self>, queue: QueueName) -> usize {
        match queue {
            QueueName::Planner => QueueServer::<PlannerMessage>::reset(self),
            QueueName::Runner => QueueServer::<SegmentMessage>::reset(self),
        }
    }

    /// Cuts a process off from all services, or connects it again. Holds until a fault begins or
    /// ends.
    pub fn set_connected(self: &Rc<Self>, process: usize, is_connected: bool) {
        let mut cuts = self.network.set_cuts(Vec::new());
        cuts.resize(self.processes.len(), Default::default());
        let kind = (!is_connected).then_some(FaultKind::Partition);
        if let Some(cuts) = cuts.get_mut(process) {
            *cuts = [kind; NetworkPort::ALL.len()];
        }
        self.network.set_cuts(cuts);
        // Waiting receives of a process that is connected again are served at once.
        QueueServer::<PlannerMessage>::act(self, |_, _| ());
        QueueServer::<SegmentMessage>::act(self, |_, _| ());
    }

    /// Kills every process and starts its next incarnation.
    pub fn restart_processes(self: &Rc<Self>) {
        for number in 0..self.processes.len() {
            self.end_incarnation(number, IncarnationEnd::Crashed);
            self.start_process(number);
        }
    }
}
