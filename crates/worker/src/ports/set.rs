//! A worker's ports, put together from any adapters.

use super::{
    Clock, EventPublisher, ImpactQuery, PlannerMessage, Ports, Queue, Random, Scanner,
    SegmentMessage, Store, Unavailable,
};

/// One adapter for each port. Adapters of different services may be combined.
#[derive(Clone, Debug)]
pub struct PortSet<C, R, S, P, Q, X, I, N> {
    /// Clock of the process.
    pub clock: C,
    /// Random numbers of the process.
    pub random: R,
    /// Store of runs, schedules and reports.
    pub store: S,
    /// Queue of planned runs.
    pub planner_queue: P,
    /// Queue of segments.
    pub runner_queue: Q,
    /// Scanner that reports on images.
    pub scanner: X,
    /// Index of images by component.
    pub impact_index: I,
    /// Receiver of events.
    pub notify: N,
}

/// Ports of a process whose services are all down.
pub type UnavailablePorts<C, R> =
    PortSet<C, R, Unavailable, Unavailable, Unavailable, Unavailable, Unavailable, Unavailable>;

impl<C, R> UnavailablePorts<C, R> {
    /// Returns ports of which only the clock and the random numbers work.
    pub fn unavailable(clock: C, random: R) -> Self {
        Self {
            clock,
            random,
            store: Unavailable,
            planner_queue: Unavailable,
            runner_queue: Unavailable,
            scanner: Unavailable,
            impact_index: Unavailable,
            notify: Unavailable,
        }
    }
}

impl<C, R, S, P, Q, X, I, N> Ports for PortSet<C, R, S, P, Q, X, I, N>
where
    C: Clock + Clone + 'static,
    R: Random + Clone + 'static,
    S: Store + Clone + 'static,
    P: Queue<PlannerMessage> + Clone + 'static,
    Q: Queue<SegmentMessage> + Clone + 'static,
    X: Scanner + Clone + 'static,
    I: ImpactQuery + Clone + 'static,
    N: EventPublisher + Clone + 'static,
{
    type Clock = C;
    type Store = S;
    type PlannerQueue = P;
    type RunnerQueue = Q;
    type Scanner = X;
    type ImpactIndex = I;
    type Notify = N;
    type Random = R;

    fn clock(&self) -> &C {
        &self.clock
    }

    fn store(&self) -> &S {
        &self.store
    }

    fn planner_queue(&self) -> &P {
        &self.planner_queue
    }

    fn runner_queue(&self) -> &Q {
        &self.runner_queue
    }

    fn scanner(&self) -> &X {
        &self.scanner
    }

    fn impact_index(&self) -> &I {
        &self.impact_index
    }

    fn notify(&self) -> &N {
        &self.notify
    }

    fn random(&self) -> &R {
        &self.random
    }
}
