//! Integration tests: one binary, a module per subject.

mod command_line;
mod endpoint;
mod golden;
mod house;
mod malformed;
mod metrics;
mod openmetrics;
#[path = "../plant/mod.rs"]
mod plant;
mod planted;
mod program;
mod prometheus;
mod promqltest;
mod promtool;
mod readme;
mod scenario_docs;
mod scenario_files;
mod scenario_mutations;
mod sweep;
