//! The planned fault: one occurrence of one fault.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::model::observation::PortName;
use crate::scenario::{FaultEffect, FaultSpec, ProcessTarget, QueueTarget, Timing};
use crate::worker::duration::Duration;

/// One fault at one time. A fault that concerns a process names it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct PlannedFault {
    /// Time since the start of the rehearsal.
    pub at: Duration,
    /// Kind of the fault with its parameters.
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
    /// Name of the process that the fault concerns; `None` for faults of services.
    pub fn process(&self) -> Option<&str> {
        target(&self.effect)
    }

    /// Text that names the process or service that the fault concerns.
    pub fn subject(&self) -> String {
        subject(&self.effect)
    }
}

impl From<PlannedFault> for FaultSpec {
    fn from(PlannedFault { at, effect }: PlannedFault) -> Self {
        let timing = Timing {
            at: Some(at),
            ..Timing::default()
        };
        Self { timing, effect }
    }
}

fn target(effect: &FaultEffect) -> Option<&str> {
    match effect.process() {
        Some(ProcessTarget::Named(name)) => Some(name),
        _ => None,
    }
}

fn subject(effect: &FaultEffect) -> String {
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
        | FaultEffect::SlowStore { .. }
        | FaultEffect::CommitConflict { .. }
        | FaultEffect::CommitAnswerLost { .. } => "the store".to_owned(),
        FaultEffect::QueueOutage { queue: which, .. }
        | FaultEffect::QueueDelay { queue: which, .. }
        | FaultEffect::DuplicateDelivery { queue: which, .. }
        | FaultEffect::Reordering { queue: which, .. }
        | FaultEffect::AcknowledgementLost { queue: which, .. }
        | FaultEffect::RenewalLost { queue: which, .. }
        | FaultEffect::PoisonedMessage { queue: which, .. }
        | FaultEffect::QueueFailover { queue: which, .. }
        | FaultEffect::QueueReset { queue: which }
        | FaultEffect::SlowQueue { queue: which, .. } => queue(which),
        FaultEffect::NotifyOutage { .. } => "Notify".to_owned(),
        FaultEffect::ImpactOutage { .. } => "the impact index".to_owned(),
        FaultEffect::Purge { .. } => "finished runs".to_owned(),
    }
}

fn port_text(port: PortName) -> &'static str {
    match port {
        PortName::Store => "the store",
        PortName::Queue => "the queues",
        PortName::Scanner => "the scanner",
        PortName::Notify => "Notify",
        PortName::Impact => "the impact index",
        PortName::Scrape => "the prober",
    }
}
