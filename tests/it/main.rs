//! Integration tests: one binary, a module per subject.

mod bugbase;
mod command_line;
mod comparison;
mod deploy;
mod endpoint;
mod golden;
mod house;
mod malformed;
mod metrics;
mod openmetrics;
mod planted;
mod program;
mod prometheus;
mod promtool;
mod readme;
mod replay;
mod scenario_docs;
mod scenario_files;
mod scenario_mutations;
mod slurm;
mod sweep;
