//! Benchmarks measured in instructions. `cargo xtask instructions` runs each under Callgrind and
//! compares the counts with a baseline.
//!
//! ```text
//!  rehearsal-instructions          lists the benchmarks
//!  rehearsal-instructions NAME     runs one, and prints the number of units it measured
//! ```
//!
//! Callgrind counts between `measurement_begins` and `measurement_ends`, so that setup and teardown
//! cost nothing. Criterion's benchmarks measure time; these measure something that is the same on
//! a busy machine.

mod kernel;
mod metrics;
mod pipeline;
mod promql;

use std::process::ExitCode;

/// A benchmark: sets up, measures, and returns the number of units measured.
type Benchmark = fn() -> u64;

const BENCHMARKS: [(&str, Benchmark); 14] = [
    ("kernel-event-100-pending", || kernel::event(100, 200_000)),
    ("kernel-event-10000-pending", || {
        kernel::event(10_000, 200_000)
    }),
    ("kernel-event-1000000-pending", || {
        kernel::event(1_000_000, 1_000_000)
    }),
    ("counter-record", metrics::counter),
    ("histogram-record", metrics::histogram),
    ("closed-labels-record", metrics::closed_labels),
    ("open-label-record", metrics::open_label),
    ("scrape-1000-series", || metrics::scrape(1_000)),
    ("scrape-10000-series", || metrics::scrape(10_000)),
    ("exposition-1000-series", || metrics::exposition(1_000)),
    ("image-scan", pipeline::image_scan),
    ("idle-day", pipeline::idle_day),
    ("swarm-seed", pipeline::swarm_seed),
    ("rate-over-a-month", promql::rate),
];

fn main() -> ExitCode {
    let Some(wanted) = std::env::args().nth(1) else {
        BENCHMARKS.iter().for_each(|(name, _)| println!("{name}"));
        return ExitCode::SUCCESS;
    };
    let Some((_, benchmark)) = BENCHMARKS.iter().find(|(name, _)| *name == wanted) else {
        eprintln!("there is no benchmark {wanted:?}; without an argument this program lists them");
        return ExitCode::FAILURE;
    };
    println!("{}", benchmark());
    ExitCode::SUCCESS
}

/// Marks the end of the setup: Callgrind sets its counts to zero here (`--zero-before`).
#[inline(never)]
pub fn measurement_begins() {
    std::hint::black_box(());
}

/// Marks the end of the measured part: Callgrind writes its counts here (`--dump-before`).
#[inline(never)]
pub fn measurement_ends() {
    // Another body than above: functions of one body may be merged.
    std::hint::black_box(1);
}
