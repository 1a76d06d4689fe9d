//! Recording into the metrics layer and into its peers: one table, in nanoseconds per operation.
//!
//! ```text
//! cargo run --release --manifest-path benches/peers/Cargo.toml --bin metrics
//! ```
//!
//! Each case runs with one thread, with two on one instrument (`2 shared`), and with two on an
//! instrument each (`2 apart`); the slower thread counts. All cases take turns, round by round, so
//! that a machine that is now faster and now slower treats all alike; figures are medians over the
//! rounds, and ratios are to our own case of the same operation. The histograms have 10 buckets.

#[path = "metrics/cases.rs"]
mod cases;
#[path = "metrics/page.rs"]
mod page;

use std::sync::{Arc, Barrier};
use std::thread;
use std::time::Instant;

const ROUNDS: usize = 25;
const OPERATIONS: u64 = 200_000;

/// One operation of one library.
pub struct Case {
    pub operation: &'static str,
    pub library: &'static str,
    /// An instrument of its own, twice.
    pub instruments: [Work; 2],
    /// Lets a library forget what it has buffered, between two rounds.
    pub rest: Box<dyn Fn()>,
}

/// Records so many times.
pub type Work = Arc<dyn Fn(u64) + Send + Sync>;

/// How threads share instruments.
const MANNERS: [(&str, &[usize]); 3] = [("1", &[0]), ("2 shared", &[0, 0]), ("2 apart", &[0, 1])];

fn main() {
    let cases = cases::all();
    let mut samples = vec![[const { Vec::new() }; MANNERS.len()]; cases.len()];
    for _ in 0..ROUNDS {
        for (case, samples) in cases.iter().zip(&mut samples) {
            for ((_, places), samples) in MANNERS.iter().zip(samples) {
                samples.push(time_ns(case, places));
            }
        }
    }
    let medians: Vec<[f64; MANNERS.len()]> = samples
        .into_iter()
        .map(|manners| manners.map(median))
        .collect();
    print(&cases, &medians);
    page::print();
}

/// Nanoseconds per operation of the slowest of the threads.
fn time_ns(case: &Case, places: &[usize]) -> f64 {
    let barrier = Arc::new(Barrier::new(places.len()));
    let threads: Vec<_> = places
        .iter()
        .map(|place| {
            let (work, barrier) = (Arc::clone(&case.instruments[*place]), Arc::clone(&barrier));
            thread::spawn(move || {
                work(1_000);
                barrier.wait();
                let began = Instant::now();
                work(OPERATIONS);
                began.elapsed().as_nanos() as f64 / OPERATIONS as f64
            })
        })
        .collect();
    let slowest = threads
        .into_iter()
        .filter_map(|thread| thread.join().ok())
        .fold(0.0, f64::max);
    (case.rest)();
    slowest
}

pub fn median(mut samples: Vec<f64>) -> f64 {
    samples.sort_by(f64::total_cmp);
    samples[samples.len() / 2]
}

fn print(cases: &[Case], medians: &[[f64; MANNERS.len()]]) {
    println!("| operation | library | 1 thread | 2 shared | 2 apart | ratio to ours |");
    println!("|---|---|---|---|---|---|");
    for (case, figures) in cases.iter().zip(medians) {
        let own = cases
            .iter()
            .position(|own| own.operation == case.operation && own.library == cases::OURS);
        let ratio =
            |manner: usize| own.map_or(f64::NAN, |own| figures[manner] / medians[own][manner]);
        println!(
            "| {} | {} | {:.1} | {:.1} | {:.1} | {:.1} / {:.1} / {:.1} |",
            case.operation,
            case.library,
            figures[0],
            figures[1],
            figures[2],
            ratio(0),
            ratio(1),
            ratio(2),
        );
    }
}
