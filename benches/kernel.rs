//! Cost of the kernel's parts. `benches/peers` has the comparison with other engines.

use std::cell::Cell;
use std::hint::black_box;
use std::rc::Rc;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use rehearsal::sim::distribution::Distribution;
use rehearsal::sim::kernel::{Kernel, KernelOptions, ProcessId, RandomStream, oneshot};

const WORLD: ProcessId = ProcessId::WORLD;
const EVENTS: u64 = 10_000;

/// Runs a kernel repeatedly, `EVENTS` events at a time.
fn bench_events(criterion: &mut Criterion, name: &str, mut kernel: Kernel, step_ns: u64) {
    let mut group = criterion.benchmark_group("kernel");
    group.throughput(Throughput::Elements(EVENTS));
    group.bench_function(name, |bencher| {
        bencher.iter(|| {
            let goal = kernel.events() + EVENTS;
            while kernel.events() < goal {
                kernel.run_until(kernel.now_ns() + step_ns);
            }
        });
    });
}

fn sleepers(pending: u64) -> Kernel {
    let mut kernel = Kernel::new(KernelOptions::default());
    let state = Rc::new(Cell::new(1_u64));
    for _ in 0..pending {
        let (handle, state) = (kernel.handle(), Rc::clone(&state));
        kernel.handle().spawn(WORLD, "sleeper", async move {
            loop {
                let mut random = state.get();
                random ^= random << 13;
                random ^= random >> 7;
                random ^= random << 17;
                state.set(random);
                handle.sleep_ns(random >> 34).await;
            }
        });
    }
    kernel.run_until(0);
    kernel
}

fn timers(criterion: &mut Criterion) {
    for pending in [100, 1_000, 10_000, 100_000] {
        let step_ns = (EVENTS << 29) / pending / 8;
        bench_events(
            criterion,
            &format!("sleep, {pending} pending"),
            sleepers(pending),
            step_ns,
        );
    }
}

fn calls(criterion: &mut Criterion) {
    let mut kernel = Kernel::new(KernelOptions::default());
    for _ in 0..100 {
        let handle = kernel.handle();
        kernel.handle().spawn(WORLD, "caller", async move {
            loop {
                let (answer, reply) = oneshot();
                handle.schedule_at(handle.now_ns() + 100, move || {
                    let _ = answer.send(());
                });
                reply.await;
            }
        });
    }
    kernel.run_until(0);
    bench_events(criterion, "call a server: post, oneshot, wake", kernel, 100);
}

fn spawns(criterion: &mut Criterion) {
    let kernel = Kernel::new(KernelOptions::default());
    let handle = kernel.handle();
    kernel.handle().spawn(WORLD, "spawner", async move {
        loop {
            handle.spawn(WORLD, "child", async {});
            handle.sleep_ns(1).await;
        }
    });
    bench_events(criterion, "spawn a task that ends at once", kernel, 1_000);
}

fn samples(criterion: &mut Criterion) {
    let distributions = [
        ("uniform", Distribution::uniform(1.0, 2.0)),
        ("exponential", Distribution::exponential(1e9)),
        ("lognormal", Distribution::log_normal(200e6, 2e9)),
        ("pareto", Distribution::pareto(1e6, 1.5)),
        ("zipf", Distribution::zipf(1_000_000, 1.1)),
        (
            "empirical",
            Distribution::empirical((0..1_000).map(|n| (f64::from(n), 1.0))),
        ),
    ];
    let mut group = criterion.benchmark_group("distribution");
    let mut stream = RandomStream::new(1, "bench");
    group.bench_function("word", |bencher| bencher.iter(|| black_box(stream.word())));
    for (name, distribution) in distributions {
        let Ok(distribution) = distribution else {
            continue;
        };
        group.bench_function(name, |bencher| {
            bencher.iter(|| black_box(distribution.sample(&mut stream)));
        });
    }
}

criterion_group!(benches, timers, calls, spawns, samples);
criterion_main!(benches);
