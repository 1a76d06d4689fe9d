//! The invariants, one file each family.
//!
//! A family looks at what happens (the [`AcceptedCommit`](super::oracle) commit, a message's step, a page)
//! and at the state, and tells the [`CheckResults`](super::CheckResults). What it must remember for itself and
//! nobody else needs, it keeps in a struct of its own.

pub(crate) mod active_truth;
pub(crate) mod applied_learned;
pub(crate) mod backlog_truth;
pub(crate) mod blame;
pub(crate) mod cardinality;
pub(crate) mod command_ack;
pub(crate) mod conservation;
pub(crate) mod cron_once;
pub(crate) mod delta_truth;
pub(crate) mod event_outbox;
pub(crate) mod fairness;
pub(crate) mod latency;
pub(crate) mod lease_discipline;
pub(crate) mod liveness;
pub(crate) mod no_loss;
pub(crate) mod notify_independent;
pub(crate) mod parallelism;
pub(crate) mod plan_truth;
pub(crate) mod scanner_manners;
pub(crate) mod segment_once;
pub(crate) mod state_graph;
pub(crate) mod stopping;
