//! Recording, snapshots and expositions of the metrics layer and its peers, in three tables.
//!
//! ```text
//! cargo run --release --manifest-path benches/peers/Cargo.toml --bin metrics
//! ```
//!
//! All cases take turns, round by round, so that varying speed of the machine affects all alike.
//! Figures are medians over the rounds. Ratios are to this project's case of the same operation. A
//! name in parentheses is a lower limit of the machine, not a library.

mod case;
mod histograms;
mod labels;
mod memory;
mod pages;
mod recording;
mod registries;
mod scalars;

/// Library of the ratios' denominator.
const OURS: &str = "rehearsal";

#[global_allocator]
static MEMORY: memory::Measured = memory::Measured;

fn main() {
    recording::print();
    pages::print();
}

/// Median of some figures.
fn median(mut samples: Vec<f64>) -> f64 {
    samples.sort_by(f64::total_cmp);
    samples[samples.len() / 2]
}
