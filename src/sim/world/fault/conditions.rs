//! Conditions of the services: the combined effect of the active faults.

use crate::model::fault::FaultKind;
use crate::model::observation::QueueName;
use crate::scenario::{FaultEffect, QueueTarget};
use crate::sim::distribution::DistributionError;
use crate::sim::fault_plan::PlannedFault;
use crate::sim::kernel::RandomStream;
use crate::sim::sampler::Sampler;
use crate::sim::world::network::NetworkPort;

const KINDS: usize = FaultKind::ALL.len();

/// Combined effect of the active faults, rebuilt whenever a fault begins or ends.
///
/// Of several active faults of one kind the most probable one counts; slownesses multiply.
#[derive(Debug)]
pub(in crate::sim::world) struct FaultConditions {
    /// Factor on the latency of the scanner.
    pub scanner_slowness: f64,
    store_slowness: f64,
    queue_slowness: [f64; 2],
    probabilities: [f64; KINDS],
    of_queues: [[f64; KINDS]; 2],
    retry_after: Option<Sampler>,
    queue_delays: [Option<Sampler>; 2],
}

impl Default for FaultConditions {
    fn default() -> Self {
        Self {
            scanner_slowness: 1.0,
            store_slowness: 1.0,
            queue_slowness: [1.0; 2],
            probabilities: [0.0; KINDS],
            of_queues: [[0.0; KINDS]; 2],
            retry_after: None,
            queue_delays: [None, None],
        }
    }
}

impl FaultConditions {
    /// Combines active faults.
    pub fn of<'a>(
        active: impl Iterator<Item = &'a PlannedFault>,
    ) -> Result<Self, DistributionError> {
        let mut conditions = Self::default();
        for planned in active {
            conditions.add(&planned.effect)?;
        }
        Ok(conditions)
    }

    fn add(&mut self, effect: &FaultEffect) -> Result<(), DistributionError> {
        match effect {
            FaultEffect::ScannerSlow { factor, .. } => self.scanner_slowness *= factor,
            FaultEffect::SlowStore { factor, .. } => self.store_slowness *= factor,
            FaultEffect::SlowQueue { queue, factor, .. } => {
                for name in queues(*queue) {
                    self.queue_slowness[name as usize] *= factor;
                }
            }
            FaultEffect::ScannerThrottle {
                probability,
                retry_after,
                ..
            } => {
                self.raise(effect.kind(), probability.0);
                self.retry_after = Some(Sampler::of_durations(retry_after)?);
            }
            FaultEffect::ScannerError { probability, .. }
            | FaultEffect::ScannerRefusal { probability, .. }
            | FaultEffect::CommitConflict { probability, .. }
            | FaultEffect::CommitAnswerLost { probability, .. } => {
                self.raise(effect.kind(), probability.0);
            }
            FaultEffect::QueueDelay {
                queue,
                delay,
                probability,
                ..
            } => {
                self.raise_queue(*queue, effect.kind(), probability.0);
                for name in queues(*queue) {
                    self.queue_delays[name as usize] = Some(Sampler::of_durations(delay)?);
                }
            }
            FaultEffect::DuplicateDelivery {
                queue, probability, ..
            }
            | FaultEffect::Reordering {
                queue, probability, ..
            }
            | FaultEffect::AcknowledgementLost {
                queue, probability, ..
            }
            | FaultEffect::RenewalLost {
                queue, probability, ..
            } => self.raise_queue(*queue, effect.kind(), probability.0),
            // The network, the processes and the store implement the others.
            _ => {}
        }
        Ok(())
    }

    fn raise(&mut self, kind: FaultKind, probability: f64) {
        debug_assert!((0.0..=1.0).contains(&probability));
        let present = &mut self.probabilities[kind as usize];
        *present = present.max(probability);
    }

    fn raise_queue(&mut self, target: QueueTarget, kind: FaultKind, probability: f64) {
        debug_assert!((0.0..=1.0).contains(&probability));
        for name in queues(target) {
            let present = &mut self.of_queues[name as usize][kind as usize];
            *present = present.max(probability);
        }
    }

    /// Returns the fault that slows a port down, and the factor on its round trips.
    pub fn slowness(&self, port: NetworkPort) -> Option<(FaultKind, f64)> {
        let (kind, factor) = match port {
            NetworkPort::Store => (FaultKind::SlowStore, self.store_slowness),
            NetworkPort::PlannerQueue => (FaultKind::SlowQueue, self.queue_slowness[0]),
            NetworkPort::RunnerQueue => (FaultKind::SlowQueue, self.queue_slowness[1]),
            _ => return None,
        };
        (factor > 1.0).then_some((kind, factor))
    }

    /// Returns the probability with which a fault affects a call.
    pub fn probability(&self, kind: FaultKind) -> f64 {
        self.probabilities[kind as usize]
    }

    /// Returns the probability with which a fault of a queue affects a call.
    pub fn of_queue(&self, queue: QueueName, kind: FaultKind) -> f64 {
        self.of_queues[queue as usize][kind as usize]
    }

    /// Draws the delay of a message in nanoseconds.
    pub fn queue_delay_ns(&self, queue: QueueName, stream: &mut RandomStream) -> u64 {
        let sampler = self.queue_delays[queue as usize].as_ref();
        sampler.map_or(0, |sampler| sampler.draw_whole(stream))
    }

    /// Draws a Retry-After in nanoseconds.
    pub fn retry_after_ns(&self, stream: &mut RandomStream) -> u64 {
        let sampler = self.retry_after.as_ref();
        sampler.map_or(0, |sampler| sampler.draw_whole(stream))
    }
}

/// Returns the queues that a fault or an operation concerns.
pub(in crate::sim::world) fn queues(target: QueueTarget) -> impl Iterator<Item = QueueName> {
    QueueName::ALL.into_iter().filter(move |name| match target {
        QueueTarget::Planner => *name == QueueName::Planner,
        QueueTarget::Runner => *name == QueueName::Runner,
        QueueTarget::All => true,
    })
}
