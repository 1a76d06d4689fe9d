//! The network between processes and services: reachability and round trip times.

use std::cell::RefCell;

use crate::model::PortCall;
use crate::model::fault::FaultKind;
use crate::model::observation::{PortName, QueueName};
use crate::scenario::LatencySpec;
use crate::sim::distribution::DistributionError;
use crate::sim::kernel::{Handle, RandomStream};
use crate::sim::sampler::Sampler;

/// Service that a process reaches over the network, and the endpoint for its scrapes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum NetworkPort {
    Store,
    PlannerQueue,
    RunnerQueue,
    Scanner,
    Notify,
    Impact,
    Scrape,
}

impl NetworkPort {
    pub const ALL: [Self; 7] = [
        Self::Store,
        Self::PlannerQueue,
        Self::RunnerQueue,
        Self::Scanner,
        Self::Notify,
        Self::Impact,
        Self::Scrape,
    ];

    /// Returns the port of a call.
    pub const fn of_call(call: PortCall) -> Self {
        use PortCall as C;
        match call {
            C::PlannerEnqueue
            | C::PlannerLease
            | C::PlannerRenew
            | C::PlannerAcknowledge
            | C::PlannerRelease
            | C::PlannerDeadLetter
            | C::PlannerDiscard
            | C::PlannerRedrive
            | C::PlannerDepth => Self::PlannerQueue,
            C::RunnerEnqueue
            | C::RunnerLease
            | C::RunnerRenew
            | C::RunnerAcknowledge
            | C::RunnerRelease
            | C::RunnerDeadLetter
            | C::RunnerDiscard
            | C::RunnerRedrive
            | C::RunnerDepth => Self::RunnerQueue,
            C::Report => Self::Scanner,
            C::Resolve => Self::Impact,
            C::Publish => Self::Notify,
            _ => Self::Store,
        }
    }

    /// Returns the port of a queue.
    pub const fn of_queue(queue: QueueName) -> Self {
        match queue {
            QueueName::Planner => Self::PlannerQueue,
            QueueName::Runner => Self::RunnerQueue,
        }
    }

    /// Returns the name in faults and reports; both queues share one.
    pub const fn name(self) -> PortName {
        match self {
            Self::Store => PortName::Store,
            Self::PlannerQueue | Self::RunnerQueue => PortName::Queue,
            Self::Scanner => PortName::Scanner,
            Self::Notify => PortName::Notify,
            Self::Impact => PortName::Impact,
            Self::Scrape => PortName::Scrape,
        }
    }
}

/// Fault that cuts off each port of a process, by the number of the port.
pub(super) type Cuts = [Option<FaultKind>; NetworkPort::ALL.len()];

/// Reachability of the ports and distributions of the round trips.
pub(super) struct Network {
    /// Cuts by the number of the process; empty before the first fault.
    cuts: RefCell<Vec<Cuts>>,
    round_trips: [RoundTrip; 4],
}

struct RoundTrip {
    sampler: Sampler,
    stream: RefCell<RandomStream>,
}

impl Network {
    pub fn new(handle: &Handle, latency: &LatencySpec) -> Result<Self, DistributionError> {
        let round_trip = |name: &str, stated| {
            Ok(RoundTrip {
                sampler: Sampler::of_durations(stated)?,
                stream: RefCell::new(handle.stream(name)),
            })
        };
        Ok(Self {
            cuts: RefCell::default(),
            round_trips: [
                round_trip("network.store", &latency.store)?,
                round_trip("network.queue", &latency.queue)?,
                round_trip("network.notify", &latency.notify)?,
                round_trip("network.impact", &latency.impact)?,
            ],
        })
    }

    /// Draws a round trip time. The scanner draws its latency itself.
    pub fn round_trip_ns(&self, port: NetworkPort) -> u64 {
        let round_trip = match port {
            NetworkPort::Store | NetworkPort::Scanner | NetworkPort::Scrape => &self.round_trips[0],
            NetworkPort::PlannerQueue | NetworkPort::RunnerQueue => &self.round_trips[1],
            NetworkPort::Notify => &self.round_trips[2],
            NetworkPort::Impact => &self.round_trips[3],
        };
        let stream = &mut round_trip.stream.borrow_mut();
        round_trip.sampler.draw_whole(stream)
    }

    /// Returns the fault that cuts a process off from a port.
    #[inline]
    pub fn cut(&self, process: usize, port: NetworkPort) -> Option<FaultKind> {
        let cuts = self.cuts.borrow();
        cuts.get(process).and_then(|cuts| cuts[port as usize])
    }

    /// Replaces the cuts of all processes, and returns the previous ones.
    pub fn set_cuts(&self, cuts: Vec<Cuts>) -> Vec<Cuts> {
        self.cuts.replace(cuts)
    }
}
