//! One fault at one time.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::model::duration::Duration;
use crate::scenario::{FaultEffect, FaultSpec, ProcessTarget, Scenario};
use crate::sim::arrival_times::arrival_times;
use crate::sim::kernel::RandomStream;

/// One fault at one time. Its process, if it has one, is named.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct PlannedFault {
    /// How long after the start.
    pub at: Duration,
    /// What.
    pub effect: FaultEffect,
}

impl fmt::Display for PlannedFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let kind = self.effect.kind().as_str();
        write!(
            f,
            "{} after the start: {kind} of {}",
            self.at,
            self.subject()
        )?;
        match self.effect.length() {
            Some((_, length)) => write!(f, " for {length}"),
            None => Ok(()),
        }
    }
}

impl PlannedFault {
    /// The name of the process that it strikes, if it strikes one.
    pub fn process(&self) -> Option<&str> {
        target(&self.effect)
    }

    /// What it is about, for people.
    pub fn subject(&self) -> String {
        subject(&self.effect)
    }
}

/// The faults that a scenario states, each occurrence for itself.
pub(super) fn plan_stated(scenario: &Scenario, seed: u64) -> Vec<PlannedFault> {
    let processes = process_names(scenario);
    let mut plan = Vec::new();
    for (index, fault) in scenario.faults.iter().enumerate() {
        let stream = &mut RandomStream::new(seed, &format!("fault.plan.{index}"));
        plan_one(fault, scenario, &processes, stream, &mut plan);
    }
    plan
}

fn plan_one(
    fault: &FaultSpec,
    scenario: &Scenario,
    processes: &[String],
    stream: &mut RandomStream,
    plan: &mut Vec<PlannedFault>,
) {
    for offset_ns in arrival_times(&fault.timing, scenario.duration.as_nanos(), stream) {
        let at = Duration::from_nanos(offset_ns);
        let mut add = |effect| plan.push(PlannedFault { at, effect });
        match fault.effect.process() {
            Some(ProcessTarget::All) => processes
                .iter()
                .for_each(|name| add(aimed(fault.effect.clone(), name))),
            Some(ProcessTarget::Any) => {
                let name = draw_process(processes, stream);
                add(aimed(fault.effect.clone(), name));
            }
            Some(ProcessTarget::Named(_)) | None => add(fault.effect.clone()),
        }
    }
}

/// The names of all processes.
pub(super) fn process_names(scenario: &Scenario) -> Vec<String> {
    let processes = scenario.workers.processes.list();
    processes.into_iter().map(|(name, _)| name).collect()
}

/// Draws one of the processes.
pub(super) fn draw_process<'a>(processes: &'a [String], stream: &mut RandomStream) -> &'a str {
    let number = stream.below(processes.len() as u64) as usize;
    processes.get(number).map_or("", String::as_str)
}

/// The effect, aimed at the process of this name.
fn aimed(mut effect: FaultEffect, name: &str) -> FaultEffect {
    if let FaultEffect::ProcessCrash { process, .. }
    | FaultEffect::GracefulStop { process, .. }
    | FaultEffect::ProcessPause { process, .. }
    | FaultEffect::ClockSkew { process, .. }
    | FaultEffect::Partition { process, .. } = &mut effect
    {
        *process = ProcessTarget::Named(name.to_owned());
    }
    effect
}

fn target(effect: &FaultEffect) -> Option<&str> {
    match effect.process() {
        Some(ProcessTarget::Named(name)) => Some(name),
        _ => None,
    }
}

fn subject(effect: &FaultEffect) -> String {
    use crate::scenario::QueueTarget;
    let process = target(effect).unwrap_or("every process");
    let queue = |queue: &QueueTarget| match queue {
        QueueTarget::Planner => "the planner queue".to_owned(),
        QueueTarget::Runner => "the runner queue".to_owned(),
        QueueTarget::All => "both queues".to_owned(),
    };
    match effect {
        FaultEffect::ProcessCrash { .. }
        | FaultEffect::GracefulStop { .. }
        | FaultEffect::RollingDeploy { .. }
        | FaultEffect::ProcessPause { .. }
        | FaultEffect::ClockSkew { .. } => process.to_owned(),
        FaultEffect::Partition { port, .. } => format!("{process} from {}", port_text(*port)),
        FaultEffect::ScannerOutage { .. }
        | FaultEffect::ScannerSlow { .. }
        | FaultEffect::ScannerError { .. }
        | FaultEffect::ScannerThrottle { .. }
        | FaultEffect::ScannerRefusal { .. } => "the scanner".to_owned(),
        FaultEffect::StoreOutage { .. }
        | FaultEffect::CommitConflict { .. }
        | FaultEffect::CommitAnswerLost { .. } => "the store".to_owned(),
        FaultEffect::QueueOutage { queue: which, .. }
        | FaultEffect::QueueDelay { queue: which, .. }
        | FaultEffect::DuplicateDelivery { queue: which, .. }
        | FaultEffect::Reordering { queue: which, .. }
        | FaultEffect::AcknowledgementLost { queue: which, .. }
        | FaultEffect::RenewalLost { queue: which, .. }
        | FaultEffect::PoisonedMessage { queue: which, .. }
        | FaultEffect::QueueFailover { queue: which, .. } => queue(which),
        FaultEffect::NotifyOutage { .. } => "Notify".to_owned(),
        FaultEffect::ImpactOutage { .. } => "the impact index".to_owned(),
        FaultEffect::Purge { .. } => "finished runs".to_owned(),
    }
}

fn port_text(port: crate::model::observation::PortName) -> &'static str {
    use crate::model::observation::PortName;
    match port {
        PortName::Store => "the store",
        PortName::Queue => "the queues",
        PortName::Scanner => "the scanner",
        PortName::Notify => "Notify",
        PortName::Impact => "the impact index",
        PortName::Scrape => "the prober",
    }
}
