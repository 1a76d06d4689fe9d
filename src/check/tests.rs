//! Unit tests of the oracle and its invariants: one file per file of `src/check/invariant`.
//!
//! Each of them has tests of the cases in which the invariant holds, and planted defects. The
//! violations of all defects are in `violations.golden`, so that their texts can be read as a set.

mod fixture;
mod message_steps;
mod run_steps;
mod sample_data;
mod test_exposition;

mod defect;
mod documentation;
mod healthy;
mod slo;
mod stuck;
mod toy_workers;

mod active_truth;
mod applied_learned;
mod backlog_truth;
mod blame;
mod call_budget;
mod cardinality;
mod command_ack;
mod conservation;
mod cron_once;
mod delta_truth;
mod event_outbox;
mod fairness;
mod gauge_truth;
mod latency;
mod lease_discipline;
mod limits;
mod liveness;
mod no_leak;
mod no_loss;
mod notify_independent;
mod parallelism;
mod plan_truth;
mod process_counts;
mod repair_cause;
mod run_content;
mod scanner_manners;
mod scrape_recorded;
mod segment_once;
mod stage_latency;
mod state_graph;
mod stopping;
