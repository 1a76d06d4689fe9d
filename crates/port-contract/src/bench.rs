//! The environment of one property: services, clients of several processes, and a clock.

use std::future::Future;
use std::time::Duration;

use rehearsal_worker::model::{EventId, Schedule, ScheduleId};
use rehearsal_worker::ports::{Export, Ports};

use crate::Capabilities;

/// Durations that fit the services under test.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BenchTiming {
    /// Length of the leases. It is long against a round trip: in real time, 50 round trips or more.
    pub lease: Duration,
    /// Maximum time after which the effect of a call, or of a timer of the service, is visible to
    /// every client. In virtual time it is one round trip.
    pub tolerance: Duration,
}

/// Fresh services, and the actions on them that no port of the worker has.
///
/// Every property gets a bench of its own. The suite uses no runtime: the caller polls the
/// property's future, in virtual or in real time. Futures stay on one thread.
///
/// Ports that an adapter does not have may be [`Unavailable`]; the caller then selects the
/// properties by their [`PropertyFamily`].
///
/// [`Unavailable`]: rehearsal_worker::ports::Unavailable
/// [`PropertyFamily`]: crate::PropertyFamily
pub trait Bench: 'static {
    /// Ports of one client process.
    type Ports: Ports<Clock: Clone>;

    /// Returns what the adapters declare beyond the contract that all share.
    fn capabilities(&self) -> Capabilities;

    /// Returns the durations that fit the services.
    fn timing(&self) -> BenchTiming;

    /// Returns the ports of a client process, from 0 up to, but not including,
    /// [`PROCESSES`](crate::PROCESSES). Different processes share no connection.
    fn ports(&self, process: usize) -> Self::Ports;

    /// Creates a schedule that does not exist yet.
    fn create_schedule(&self, schedule: Schedule) -> impl Future<Output = ()>;

    /// Marks a schedule as deleted.
    fn delete_schedule(&self, schedule: &ScheduleId) -> impl Future<Output = ()>;

    /// Appends an export. The store sets its sequence number.
    fn publish_export(&self, export: Export) -> impl Future<Output = ()>;

    /// Purges the terminal runs that ended at least `older_than` ago.
    fn purge(&self, older_than: Duration) -> impl Future<Output = ()>;

    /// Makes the body of the next message that the runner queue accepts unreadable.
    fn corrupt_next_message(&self) -> impl Future<Output = ()>;

    /// Returns the identifiers of the events that a subscriber has received so far, in order.
    fn published(&self) -> impl Future<Output = Vec<EventId>>;

    /// Breaks the connections of a process: its calls in progress get no answer. Completes when it
    /// can connect again.
    fn disconnect(&self, process: usize) -> impl Future<Output = ()>;

    /// Restarts the services. All that they have acknowledged survives.
    fn restart(&self) -> impl Future<Output = ()>;

    /// Creates both queues anew, as after the loss of their server: messages, idempotency keys and
    /// the count of deliveries are gone. The store knows nothing of it.
    fn reset_queues(&self) -> impl Future<Output = ()>;
}
