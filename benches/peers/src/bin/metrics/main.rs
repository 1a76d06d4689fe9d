//! Recording, snapshots and pages of the metrics layer and of its peers: three tables.
//!
//! ```text
//! cargo run --release --manifest-path benches/peers/Cargo.toml --bin metrics
//! ```
//!
//! All cases take turns, round by round, so that a machine that is now faster and now slower treats
//! all alike; figures are medians over the rounds, and ratios are to our own case of the same
//! operation. A name in parentheses is no library but a limit: what the machine does at best.

mod case;
mod histograms;
mod labels;
mod memory;
mod pages;
mod recording;
mod scalars;
mod shelves;

/// The library to which ratios are taken.
const OURS: &str = "rehearsal";

#[global_allocator]
static MEMORY: memory::Measured = memory::Measured;

fn main() {
    recording::print();
    pages::print();
}

/// The middle of some figures.
fn median(mut samples: Vec<f64>) -> f64 {
    samples.sort_by(f64::total_cmp);
    samples[samples.len() / 2]
}
