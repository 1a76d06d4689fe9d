//! Integration tests: one binary, a module per subject.

mod alerts;
mod backfill;
mod browser;
mod bugbase;
mod bundled_sweeps;
mod chaos;
mod command_line;
mod comparison;
mod compatibility;
mod dashboard;
mod deploy;
mod differential;
mod endpoint;
mod estimate;
mod files;
mod golden;
mod guides;
mod help_files;
mod instrument_writes;
mod key_figures;
mod layers;
mod malformed;
mod metrics_docs;
mod mutations;
mod openmetrics;
mod operators;
mod outside;
mod overload;
mod own_invariant;
#[allow(dead_code, unused_imports, reason = "each test binary uses a part")]
#[path = "../plant/mod.rs"]
mod plant;
mod planted;
mod program;
mod prometheus;
mod promql_speed;
mod promqltest;
mod promtool;
mod readme;
mod replay;
mod report;
mod scanner_stub;
mod scenario_docs;
mod scenario_files;

mod slurm;
mod stub_server;
mod sweep;
mod tidy;
mod worker;
mod worker_docs;
