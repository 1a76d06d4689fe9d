//! Contract tests for the ports of the Scheduler Worker.
//!
//! The contract is a list of named [properties]. Each is an async function over a [`Bench`], which
//! an adapter's author implements: fresh services, the ports of several client processes, a clock,
//! and the few actions that no port has. The same properties run on simulated services in virtual
//! time and on real ones in real time.
//!
//! ```text
//!   Property ──check──> Bench ──ports(n)──> store, queues, clock of process n
//!      │                  └────────────────> schedules, exports, purge, disconnect, restart
//!      └──> Holds | NotDeclared(capability) | Violated("<object> is X, expected Y, because Z")
//! ```
//!
//! Services differ. An adapter declares its [`Capabilities`]; a property that needs a missing one
//! is reported as not declared, and never as passed. Weaker variants of a property were rejected:
//! a reader of the report could not tell which guarantee was checked.
//!
//! The suite has no runtime, no clock and no randomness of its own.

#![forbid(unsafe_code)]

mod bench;
mod capabilities;
mod client;
mod commit;
mod concurrency;
mod fixture;
mod heartbeat_client;
mod notify;
mod property;
mod queue;
mod store;
mod violation;

pub use bench::{Bench, BenchTiming};
pub use capabilities::{Capabilities, Capability};
pub use property::{Property, PropertyFamily, PropertyVerdict};
pub use violation::{ContractResult, ContractViolation};

/// Number of client processes that a bench offers.
pub const PROCESSES: usize = 16;

/// Returns all properties, by family.
pub fn properties<B: Bench>() -> Vec<Property<B>> {
    let families = [
        commit::properties::<B>(),
        store::properties::<B>(),
        queue::properties::<B>(),
        notify::properties::<B>(),
    ];
    families.into_iter().flatten().collect()
}
