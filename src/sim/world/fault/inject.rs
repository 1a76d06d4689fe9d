//! Injection: the begin, the effect and the end of each planned fault.

use std::rc::Rc;

use super::conditions::{FaultConditions, queues};
use crate::model::fault::FaultKind;
use crate::model::observation::{Observation, PortName, QueueName};
use crate::model::time::nanos_of;
use crate::model::{PlannerMessage, SegmentMessage};
use crate::scenario::{FaultEffect, MessageSchema};
use crate::sim::distribution::DistributionError;
use crate::sim::fault_plan::PlannedFault;
use crate::sim::kernel::ProcessId;
use crate::sim::world::World;
use crate::sim::world::network::{Cuts, NetworkPort};
use crate::sim::world::queue::QueueServer;

/// Fault that has begun and not ended.
pub(in crate::sim::world) struct ActiveFault {
    /// Index in the plan.
    number: usize,
    pub planned: PlannedFault,
}

impl World {
    /// Schedules the faults of a plan, counted from now.
    pub(in crate::sim::world) fn schedule_faults(
        self: &Rc<Self>,
        plan: &[PlannedFault],
    ) -> Result<(), DistributionError> {
        FaultConditions::of(plan.iter())?;
        for (number, planned) in plan.iter().enumerate() {
            let at = self.now().after(planned.at.std());
            let (world, planned) = (Rc::clone(self), planned.clone());
            self.handle
                .schedule_at(at.nanos(), move || world.begin_fault(number, planned));
        }
        Ok(())
    }

    fn begin_fault(self: &Rc<Self>, number: usize, planned: PlannedFault) {
        if self.faults.is_healed.get() {
            return;
        }
        let is_active = |fault: &ActiveFault| fault.number == number;
        debug_assert!(!self.faults.active.borrow().iter().any(is_active));
        let kind = planned.effect.kind();
        self.sink.emit(&Observation::FaultBegan {
            kind,
            subject: &planned.subject(),
        });
        let ends_by_itself = kind == FaultKind::GracefulStop || kind == FaultKind::RollingDeploy;
        if let (Some((_, length)), false) = (planned.effect.length(), ends_by_itself) {
            self.end_fault_at(number, self.now().after(length.std()).nanos());
        }
        self.faults.active.borrow_mut().push(ActiveFault {
            number,
            planned: planned.clone(),
        });
        self.inject(number, &planned);
        self.review_faults();
    }

    fn end_fault_at(self: &Rc<Self>, number: usize, at_ns: u64) {
        let world = Rc::clone(self);
        self.handle
            .schedule_at(at_ns, move || world.end_fault(number));
    }

    /// Ends a fault, unless healing has ended it before or makes it last.
    fn end_fault(self: &Rc<Self>, number: usize) {
        let ended = {
            let active = &mut *self.faults.active.borrow_mut();
            let index = active.iter().position(|fault| fault.number == number);
            let index = index.filter(|index| self.may_end(&active[*index]));
            index.map(|index| active.remove(index))
        };
        if let Some(ended) = ended {
            self.note_end(&ended);
            self.review_faults();
        }
    }

    pub(super) fn note_end(self: &Rc<Self>, ended: &ActiveFault) {
        self.sink.emit(&Observation::FaultEnded {
            kind: ended.planned.effect.kind(),
            subject: &ended.planned.subject(),
        });
    }

    /// Applies the immediate effect of a fault. Its lasting effects are [`FaultConditions`], clocks
    /// and cuts.
    fn inject(self: &Rc<Self>, number: usize, planned: &PlannedFault) {
        let kind = planned.effect.kind();
        let process = planned.process().and_then(|name| self.processes.find(name));
        let hit_if = |is_hit: bool| {
            if is_hit {
                self.hit(kind);
            }
        };
        match (&planned.effect, process) {
            (FaultEffect::ProcessCrash { downtime, .. }, Some(process)) => {
                hit_if(self.crash_process(process, downtime.std()));
            }
            (FaultEffect::ProcessPause { duration, .. }, Some(process)) => {
                hit_if(self.pause_process(process, duration.std()));
            }
            (FaultEffect::GracefulStop { downtime, .. }, Some(process)) => {
                let (downtime, none) = (downtime.std(), Default::default());
                self.stop_for(number, kind, vec![process], downtime, none);
            }
            (
                FaultEffect::RollingDeploy {
                    downtime, pause, ..
                },
                _,
            ) => {
                let all = (0..self.processes.len()).collect();
                self.stop_for(number, kind, all, downtime.std(), pause.std());
            }
            (FaultEffect::ClockSkew { .. }, _) => hit_if(true),
            (FaultEffect::Purge { older_than }, _) => {
                let purged = self.purge(None, older_than.std());
                hit_if(purged > 0);
                self.end_fault_at(number, self.handle.now_ns());
            }
            (FaultEffect::QueueFailover { queue, lag }, _) => {
                let lost: usize = queues(*queue)
                    .map(|name| match name {
                        QueueName::Planner => {
                            QueueServer::<PlannerMessage>::fail_over(self, lag.std())
                        }
                        QueueName::Runner => {
                            QueueServer::<SegmentMessage>::fail_over(self, lag.std())
                        }
                    })
                    .sum();
                hit_if(lost > 0);
                self.end_fault_at(number, self.handle.now_ns());
            }
            (FaultEffect::QueueReset { queue }, _) => {
                let lost: usize = queues(*queue).map(|name| self.reset_queue(name)).sum();
                hit_if(lost > 0);
                self.end_fault_at(number, self.handle.now_ns());
            }
            (FaultEffect::PoisonedMessage { queue, count }, _) => {
                for name in queues(*queue) {
                    match name {
                        QueueName::Planner => self.planner_queue.poison(*count),
                        QueueName::Runner => self.runner_queue.poison(*count),
                    }
                }
                self.end_fault_at(number, self.handle.now_ns());
            }
            _ => {}
        }
    }

    /// Lets every process write the previous schema version, if a deploy will replace it.
    pub(in crate::sim::world) fn write_previous_schema(&self, faults: &[PlannedFault]) {
        let replaces = |fault: &PlannedFault| {
            let previous = MessageSchema::Previous;
            matches!(&fault.effect,
                FaultEffect::RollingDeploy { schema_before, .. } if *schema_before == previous)
        };
        if faults.iter().any(replaces) {
            let all = 0..self.processes.len();
            all.for_each(|process| self.processes.set_schema(process, MessageSchema::Previous));
        }
    }

    /// Stops processes gracefully, one after the other. The next one is stopped when the previous
    /// one has been up for `pause`.
    fn stop_for(
        self: &Rc<Self>,
        number: usize,
        kind: FaultKind,
        processes: Vec<usize>,
        downtime: std::time::Duration,
        pause: std::time::Duration,
    ) {
        let world = Rc::clone(self);
        self.handle.spawn(ProcessId::WORLD, "deploy", async move {
            for process in processes {
                if world.faults.is_healed.get() {
                    break;
                }
                if world.stop_process(process, downtime).await {
                    world.hit(kind);
                }
                if kind == FaultKind::RollingDeploy {
                    world.processes.set_schema(process, MessageSchema::Current);
                }
                world.handle.sleep_ns(nanos_of(downtime + pause)).await;
            }
            world.end_fault(number);
        });
    }

    /// Recomputes conditions, clocks and cuts from the active faults.
    pub(super) fn review_faults(self: &Rc<Self>) {
        let conditions = {
            let active = self.faults.active.borrow();
            // The distributions of the whole plan were built once when it was scheduled.
            FaultConditions::of(active.iter().map(|fault| &fault.planned)).unwrap_or_default()
        };
        *self.faults.conditions.borrow_mut() = conditions;
        self.review_clocks();
        self.review_cuts();
        QueueServer::<PlannerMessage>::act(self, |_, _| ());
        QueueServer::<SegmentMessage>::act(self, |_, _| ());
    }

    fn review_clocks(&self) {
        let now_ns = self.handle.now_ns();
        for (number, process) in self.processes.iter().enumerate() {
            let mut drift = 0.0;
            for fault in self.faults.active.borrow().iter() {
                if let FaultEffect::ClockSkew { drift: more, .. } = fault.planned.effect
                    && fault.planned.process() == Some(process.name.as_str())
                {
                    drift = more;
                }
            }
            self.clock(number).set_drift(drift, now_ns);
        }
    }

    fn review_cuts(self: &Rc<Self>) {
        let now: Vec<Cuts> = self
            .processes
            .iter()
            .map(|process| self.cuts_of(process.name.as_str()))
            .collect();
        let before = self.network.set_cuts(now.clone());
        for (number, process) in self.processes.iter().enumerate() {
            let was = before.get(number).copied().unwrap_or_default();
            for port in PORT_NAMES {
                let process = &process.name;
                let observation = match (is_cut(&was, port), is_cut(&now[number], port)) {
                    (false, true) => Observation::CutOff { process, port },
                    (true, false) => Observation::Reconnected { process, port },
                    _ => continue,
                };
                self.sink.emit(&observation);
            }
        }
    }

    /// Returns for each port of a process the active fault that cuts it off.
    fn cuts_of(&self, process: &str) -> Cuts {
        let mut cuts = Cuts::default();
        for fault in self.faults.active.borrow().iter() {
            for port in NetworkPort::ALL {
                if cuts_off(&fault.planned, process, port) {
                    cuts[port as usize] = Some(fault.planned.effect.kind());
                }
            }
        }
        cuts
    }
}

const PORT_NAMES: [PortName; 6] = [
    PortName::Store,
    PortName::Queue,
    PortName::Scanner,
    PortName::Notify,
    PortName::Impact,
    PortName::Scrape,
];

fn is_cut(cuts: &Cuts, name: PortName) -> bool {
    let mut ports = NetworkPort::ALL
        .into_iter()
        .filter(|port| port.name() == name);
    ports.any(|port| cuts[port as usize].is_some())
}

fn cuts_off(planned: &PlannedFault, process: &str, port: NetworkPort) -> bool {
    match &planned.effect {
        FaultEffect::StoreOutage { .. } => port == NetworkPort::Store,
        FaultEffect::ScannerOutage { .. } => port == NetworkPort::Scanner,
        FaultEffect::NotifyOutage { .. } => port == NetworkPort::Notify,
        FaultEffect::ImpactOutage { .. } => port == NetworkPort::Impact,
        FaultEffect::QueueOutage { queue, .. } => {
            queues(*queue).any(|name| NetworkPort::of_queue(name) == port)
        }
        FaultEffect::Partition { port: name, .. } => {
            port.name() == *name && planned.process() == Some(process)
        }
        _ => false,
    }
}
