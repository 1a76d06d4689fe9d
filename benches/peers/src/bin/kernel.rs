//! The kernel and its peers with one workload: `n` timers are pending, and each that fires is set
//! again at a random delay.
//!
//! - `bare heap`: a loop over the standard library's `BinaryHeap`, one pop and one push per event.
//!   No tasks, no futures: what others are measured by.
//! - `rehearsal`: ordinary async tasks that sleep in a loop, all features on.
//! - `nexosim`: models that schedule themselves, one thread.
//! - `madsim`: async tasks that sleep in a loop.
//!
//! The engines take turns, round by round, so that varying speed of the machine affects all alike.
//! Figures are medians over the rounds; ratios are medians of each round's ratio. Rounds are short,
//! so that disturbances affect few of them. nexosim and madsim run fewer events per round because
//! they are slower.
//!
//! ```text
//! cargo run --release --config 'build.rustflags=["--cfg=madsim"]' \
//!     --manifest-path benches/peers/Cargo.toml --bin kernel
//! ```
//!
//! Without the `--config`, madsim is skipped: it simulates only if the whole build enables it.

use std::cell::Cell;
use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::rc::Rc;
use std::time::{Duration, Instant};

use nexosim::model::{Context, Model, schedulable};
use nexosim::simulation::{Mailbox, SimInit, Simulation};
use nexosim::time::MonotonicTime;
use rehearsal::sim::kernel::{Kernel, KernelOptions, ProcessId};
use serde::{Deserialize, Serialize};

const PENDING: [u64; 3] = [100, 10_000, 1_000_000];
/// Number of warm-up rounds.
const WARM_UP: usize = 10;
const ROUNDS: usize = 75;
const EVENTS: u64 = 200_000;
/// Factor by which nexosim and madsim run fewer events per round.
const SLOWER: u64 = 10;
/// Maximum number of models or tasks of nexosim and madsim; more take minutes to start.
const SLOWER_PENDING_MAX: u64 = 10_000;
/// Delays are 1 ns to 2^30 ns, about a second.
const DELAY_BITS: u32 = 30;

/// Generator of random delays, cheap and equal for all engines.
#[derive(Serialize, Deserialize)]
struct Delays(u64);

impl Delays {
    fn next_ns(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> (64 - DELAY_BITS)) + 1
    }
}

/// Engine that fires timers.
trait Engine {
    /// Fires about the given number of timers and returns the exact number.
    fn run(&mut self, events: u64) -> u64;
}

struct BareHeap {
    heap: BinaryHeap<Reverse<(u64, u64, u32)>>,
    sequence: u64,
    delays: Delays,
}

impl BareHeap {
    fn new(pending: u64) -> Self {
        let mut delays = Delays(1);
        let heap = (0..pending)
            .map(|n| Reverse((delays.next_ns(), n, n as u32)))
            .collect();
        Self {
            heap,
            sequence: pending,
            delays,
        }
    }
}

impl Engine for BareHeap {
    fn run(&mut self, events: u64) -> u64 {
        for _ in 0..events {
            let Some(Reverse((at_ns, _, slot))) = self.heap.pop() else {
                break;
            };
            self.sequence += 1;
            self.heap.push(Reverse((
                at_ns + self.delays.next_ns(),
                self.sequence,
                slot,
            )));
        }
        events
    }
}

struct Rehearsal {
    kernel: Kernel,
    pending: u64,
}

impl Rehearsal {
    fn new(pending: u64) -> Self {
        let mut kernel = Kernel::new(KernelOptions::default());
        let delays = Rc::new(Cell::new(1));
        for _ in 0..pending {
            let (handle, delays) = (kernel.handle(), Rc::clone(&delays));
            kernel
                .handle()
                .spawn(ProcessId::WORLD, "sleeper", async move {
                    loop {
                        let mut next = Delays(delays.get());
                        let delay_ns = next.next_ns();
                        delays.set(next.0);
                        handle.sleep_ns(delay_ns).await;
                    }
                });
        }
        kernel.run_until(0);
        Self { kernel, pending }
    }
}

impl Engine for Rehearsal {
    fn run(&mut self, events: u64) -> u64 {
        let before = self.kernel.events();
        self.kernel
            .run_until(self.kernel.now_ns() + span_ns(events, self.pending));
        self.kernel.events() - before
    }
}

/// Virtual time in which about `events` timers of `pending` fire.
fn span_ns(events: u64, pending: u64) -> u64 {
    (events << (DELAY_BITS - 1)) / pending
}

#[derive(Serialize, Deserialize)]
struct Sleeper {
    delays: Delays,
    fired: u64,
}

#[Model]
impl Sleeper {
    #[nexosim(init)]
    async fn init(&mut self, context: &Context<Self>) {
        self.fire((), context);
    }

    #[nexosim(schedulable)]
    fn fire(&mut self, (): (), context: &Context<Self>) {
        self.fired += 1;
        let delay = Duration::from_nanos(self.delays.next_ns());
        context
            .schedule_event(delay, schedulable!(Self::fire), ())
            .expect("it is ahead");
    }
}

struct Nexosim {
    simulation: Simulation,
    pending: u64,
}

impl Nexosim {
    fn new(pending: u64) -> Self {
        let mut bench = SimInit::with_num_threads(1);
        for seed in 1..=pending {
            let delays = Delays(seed.wrapping_mul(0x9E37_79B9_7F4A_7C15));
            bench = bench.add_model(Sleeper { delays, fired: 0 }, Mailbox::new(), "sleeper");
        }
        let simulation = bench
            .init(MonotonicTime::EPOCH)
            .expect("the bench is sound");
        Self {
            simulation,
            pending,
        }
    }
}

impl Engine for Nexosim {
    fn run(&mut self, events: u64) -> u64 {
        let events = events / SLOWER;
        let span = Duration::from_nanos(span_ns(events, self.pending));
        self.simulation.step_until(span).expect("the run is sound");
        events
    }
}

#[cfg(madsim)]
struct Madsim {
    runtime: madsim::runtime::Runtime,
    pending: u64,
}

#[cfg(madsim)]
impl Madsim {
    fn new(pending: u64) -> Self {
        let runtime = madsim::runtime::Runtime::new();
        runtime.block_on(async {
            for seed in 1..=pending {
                let mut delays = Delays(seed.wrapping_mul(0x9E37_79B9_7F4A_7C15));
                madsim::task::spawn(async move {
                    loop {
                        madsim::time::sleep(Duration::from_nanos(delays.next_ns())).await;
                    }
                });
            }
        });
        Self { runtime, pending }
    }
}

#[cfg(madsim)]
impl Engine for Madsim {
    fn run(&mut self, events: u64) -> u64 {
        let events = events / SLOWER;
        let span = Duration::from_nanos(span_ns(events, self.pending));
        self.runtime
            .block_on(async { madsim::time::sleep(span).await });
        events
    }
}

fn engines(pending: u64) -> Vec<(&'static str, Box<dyn Engine>)> {
    let mut engines: Vec<(&'static str, Box<dyn Engine>)> = vec![
        ("bare heap", Box::new(BareHeap::new(pending))),
        ("rehearsal", Box::new(Rehearsal::new(pending))),
    ];
    if pending <= SLOWER_PENDING_MAX {
        engines.push(("nexosim", Box::new(Nexosim::new(pending))));
        #[cfg(madsim)]
        engines.push(("madsim", Box::new(Madsim::new(pending))));
    }
    engines
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}

/// Million events per second of each engine and round.
fn measure(engines: &mut [(&'static str, Box<dyn Engine>)]) -> Vec<Vec<f64>> {
    let mut speeds = vec![Vec::new(); engines.len()];
    for round in 0..WARM_UP + ROUNDS {
        for ((_, engine), speeds) in engines.iter_mut().zip(&mut speeds) {
            let start = Instant::now();
            let events = engine.run(EVENTS);
            if round >= WARM_UP {
                speeds.push(events as f64 / start.elapsed().as_secs_f64() / 1e6);
            }
        }
    }
    speeds
}

fn main() {
    println!("million timer events per second; medians of {ROUNDS} interleaved rounds of");
    println!(
        "{EVENTS} events, of nexosim and madsim {}; one thread",
        EVENTS / SLOWER
    );
    println!();
    println!(
        "{:>10}  {:<10} {:>9} {:>12} {:>13}",
        "pending", "engine", "M/s", "x bare heap", "rehearsal is"
    );
    for pending in PENDING {
        let mut engines = engines(pending);
        let speeds = measure(&mut engines);
        let ratio = |left: usize, right: usize| {
            median(
                speeds[left]
                    .iter()
                    .zip(&speeds[right])
                    .map(|(l, r)| l / r)
                    .collect(),
            )
        };
        for (index, (name, _)) in engines.iter().enumerate() {
            println!(
                "{pending:>10}  {name:<10} {:>9.3} {:>11.2}x {:>12.2}x",
                median(speeds[index].clone()),
                ratio(index, 0),
                ratio(1, index),
            );
        }
    }
    if !cfg!(madsim) {
        println!();
        println!("madsim was left out: add --config 'build.rustflags=[\"--cfg=madsim\"]'");
    }
}
