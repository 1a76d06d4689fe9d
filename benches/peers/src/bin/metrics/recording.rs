//! Recording: nanoseconds per operation.
//!
//! Each case runs with one thread, with two on one instrument (`2 shared`), and with two on an
//! instrument each (`2 apart`). The slower thread counts. Two threads start together: each spins
//! until the other runs on a core of its own.

use std::hint::spin_loop;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::Instant;

use super::case::Case;
use super::{OURS, histograms, labels, median, scalars};

const ROUNDS: usize = 25;
const OPERATIONS: u64 = 200_000;

/// Assignment of instruments to threads.
const MANNERS: [&[usize]; 3] = [&[0], &[0, 0], &[0, 1]];

/// Runs every case and prints the table.
pub fn print() {
    let cases: Vec<Case> = [scalars::cases(), histograms::cases(), labels::cases()]
        .into_iter()
        .flatten()
        .collect();
    let mut samples = vec![[const { Vec::new() }; MANNERS.len()]; cases.len()];
    for _ in 0..ROUNDS {
        for (case, samples) in cases.iter().zip(&mut samples) {
            for (places, samples) in MANNERS.iter().zip(samples) {
                samples.push(time_ns(case, places));
            }
        }
    }
    let medians: Vec<[f64; MANNERS.len()]> = samples
        .into_iter()
        .map(|manners| manners.map(median))
        .collect();
    println!("| operation | library | 1 thread | 2 shared | 2 apart | ratio |");
    println!("|---|---|---|---|---|---|");
    for (case, figures) in cases.iter().zip(&medians) {
        let own = cases
            .iter()
            .position(|own| own.operation == case.operation && own.library == OURS)
            .unwrap_or_else(|| panic!("we have no case of {}", case.operation));
        let [one, shared, apart] = figures;
        let [one_ratio, shared_ratio, apart_ratio] =
            std::array::from_fn(|manner| figures[manner] / medians[own][manner]);
        println!(
            "| {} | {} | {one:.1} | {shared:.1} | {apart:.1} | \
             {one_ratio:.1} / {shared_ratio:.1} / {apart_ratio:.1} |",
            case.operation, case.library,
        );
    }
}

/// Number of rendezvous before the start. On one core each rendezvous would take a time slice, and
/// the scheduler would move a thread to another core.
const MEETINGS: usize = 100;

/// Spins until all threads have met this number of times.
fn meet(arrived: &AtomicUsize, threads: usize) {
    for meeting in 1..=MEETINGS {
        arrived.fetch_add(1, Ordering::AcqRel);
        while arrived.load(Ordering::Acquire) < meeting * threads {
            spin_loop();
        }
    }
}

/// Nanoseconds per operation of the slowest thread.
fn time_ns(case: &Case, places: &[usize]) -> f64 {
    let arrived = Arc::new(AtomicUsize::new(0));
    let threads: Vec<_> = places
        .iter()
        .map(|place| {
            let (work, arrived) = (Arc::clone(&case.instruments[*place]), Arc::clone(&arrived));
            let threads = places.len();
            thread::spawn(move || {
                work(1_000);
                meet(&arrived, threads);
                let began = Instant::now();
                work(OPERATIONS);
                began.elapsed().as_nanos() as f64 / OPERATIONS as f64
            })
        })
        .collect();
    let slowest = threads
        .into_iter()
        .map(|thread| thread.join().expect("a case panicked"))
        .fold(0.0, f64::max);
    (case.rest)();
    slowest
}
