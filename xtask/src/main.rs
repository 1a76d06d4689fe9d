//! The project's own tools: `cargo xtask COMMAND`.
//!
//! It has no dependencies, so that the first use in a fresh clone builds in seconds.

mod baseline;
mod break_lints;
mod break_metrics;
mod break_worker;
mod callgrind;
mod compare;
mod golden_traces;
mod instructions;
mod measure_worker;
mod mutate_worker;
mod notices;
mod process;
mod same_trace;
mod sanitize;
mod scale;

use std::env;
use std::process::ExitCode;

use process::Failure;

const USAGE: &str = "\
usage: cargo xtask COMMAND

  instructions [--update | --against REVISION]
                   count the instructions of each benchmark under Callgrind and compare them with
                   the baseline; --update writes the baseline, --against measures a revision instead
  golden-traces    run every bundled scenario twice and compare its trace with the golden file
  break-lints      break each Clippy rule that guards a crate and require Clippy to notice
  break-metrics [NAME]
                   break each property of the metrics crate on purpose and require its test to fail
  break-worker [--sample | NAME...]
                   plant defects in a copy of the worker and require sweeps to find each of them;
                   --sample searches for a few, in a debug build
  measure-worker   measure segments per second and processor time of one and of three workers on one
                   SQLite file, and the calls to the store of an idle one
  mutate-worker [SAMPLE]
                   change the worker at random and require a short sweep to notice
  notices [--check]
                   write the licences of all dependencies, or compare them with the file
  same-trace       require one trace of `quickstart` from differently optimised builds
  sanitize [thread|address]
                   run the tests of the metrics crate under sanitizers
  scale [images|schedules|processes]
                   measure the cost of a scan by the size of the scenario, and require that it does
                   not grow faster than it may";

fn main() -> ExitCode {
    let arguments: Vec<String> = env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let result = match arguments.split_first() {
        Some((&"instructions", rest)) => instructions::main(rest),
        Some((&"break-lints", [])) => break_lints::main(),
        Some((&"break-metrics", rest)) => break_metrics::main(rest),
        Some((&"break-worker", rest)) => break_worker::main(rest),
        Some((&"golden-traces", [])) => golden_traces::main(),
        Some((&"measure-worker", [])) => measure_worker::main(),
        Some((&"mutate-worker", rest)) => mutate_worker::main(rest),
        Some((&"notices", rest)) => notices::main(rest),
        Some((&"same-trace", [])) => same_trace::main(),
        Some((&"sanitize", rest)) => sanitize::main(rest),
        Some((&"scale", rest)) => scale::main(rest),
        _ => Err(Failure::new(USAGE)),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            eprintln!("{failure}");
            ExitCode::FAILURE
        }
    }
}
