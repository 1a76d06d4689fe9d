//! No record is lost or torn between threads, however many and however short-lived.

use rehearsal_convert::{Index, Nearest};
use std::cell::RefCell;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::channel;
use std::sync::{Arc, Barrier};
use std::thread;
use std::time::{Duration, Instant};

use metrics::{Key, Level, Metadata, Recorder, with_local_recorder};
use rehearsal_metrics::{
    Bounds, CollectContext, Counter, DynamicFamily, Family, Histogram, Labels, Reading, Registry,
    SampleValue, SnapshotVisitor, UpDownCounter,
};

fn cells(registry: &Registry) -> (Counter, UpDownCounter, Histogram) {
    let bounds = Bounds::new(&[1.0, 2.0, 4.0]).expect("rising");
    let counter = registry.counter(&Family::counter("c_total"), Labels::none());
    let up_down = registry.up_down(&Family::up_down("u"), Labels::none());
    let histogram = registry.histogram(&Family::histogram("h", bounds), Labels::none());
    (
        counter.expect("a new name"),
        up_down.expect("a new name"),
        histogram.expect("a new name"),
    )
}

/// One value per bucket, each exact in binary.
const VALUES: [f64; 4] = [1.0, 2.0, 4.0, 8.0];

/// Number of samples of each of four threads: 16 million in total. Sanitizers use fewer; `cargo
/// xtask sanitize` sets the number.
fn samples_per_thread() -> u64 {
    let told = std::env::var("STRESS_SAMPLES_PER_THREAD").ok();
    told.map_or(4_000_000, |told| told.parse().expect("a number of samples"))
}

/// Four threads record while a reader drains: the total is exact, no reading is torn, and no count
/// falls.
#[test]
fn drain_during_recording_loses_nothing() {
    let per_thread = samples_per_thread();
    let registry = Registry::new();
    let (counter, up_down, histogram) = cells(&registry);
    let done = AtomicBool::new(false);
    thread::scope(|scope| {
        let reader = scope.spawn(|| {
            let (mut last, mut readings) = (0, 0_u64);
            while !done.load(Ordering::Acquire) {
                let reading = histogram.read();
                let sum: f64 = reading
                    .counts()
                    .iter()
                    .zip(VALUES)
                    .map(|(n, value)| (*n).nearest_f64() * value)
                    .sum();
                assert!((reading.sum() - sum).abs() < 0.5, "torn: {reading:?}");
                assert!(reading.count() >= last, "fell from {last}: {reading:?}");
                last = reading.count();
                readings += 1;
            }
            readings
        });
        let recorders: Vec<_> = (0..4_u64)
            .map(|thread| {
                let (counter, up_down, histogram) = (&counter, &up_down, &histogram);
                scope.spawn(move || {
                    for step in 0..per_thread {
                        histogram.record(VALUES[((step + thread) % 4) as usize]);
                        counter.increment();
                        up_down.add(if step % 2 == 0 { 3 } else { -2 });
                    }
                })
            })
            .collect();
        recorders
            .into_iter()
            .for_each(|recorder| recorder.join().expect("no panic"));
        done.store(true, Ordering::Release);
        assert!(reader.join().expect("no panic") > 0);
    });
    assert_eq!(counter.get(), 4 * per_thread);
    assert_eq!(up_down.get(), 2 * per_thread.cast_signed());
    assert_eq!(histogram.read().counts(), [per_thread; 4]);
}

#[test]
fn ended_threads_leave_counts_and_free_index() {
    let registry = Registry::new();
    let (counter, _, histogram) = cells(&registry);
    for _ in 0..500 {
        thread::scope(|scope| {
            scope.spawn(|| {
                counter.increment();
                histogram.record(2.0);
            });
        });
    }
    assert_eq!(counter.get(), 500);
    assert_eq!(histogram.read().counts(), [0, 500, 0, 0]);
}

#[test]
fn threads_above_inline_shards_are_counted() {
    const THREADS: usize = 150;
    let registry = Registry::new();
    let (counter, up_down, histogram) = cells(&registry);
    let barrier = Barrier::new(THREADS);
    thread::scope(|scope| {
        for _ in 0..THREADS {
            scope.spawn(|| {
                counter.increment();
                // No thread ends before all have an index, so the indices pass 64 and 128.
                barrier.wait();
                counter.add(2);
                up_down.add(-1);
                histogram.record(1.0);
            });
        }
    });
    assert_eq!(counter.get(), 3 * THREADS as u64);
    assert_eq!(up_down.get(), -THREADS.index_i64());
    assert_eq!(histogram.read().count(), THREADS as u64);
}

/// Records in the destructor of a thread-local.
struct Last(Counter);

impl Drop for Last {
    fn drop(&mut self) {
        self.0.add(10);
    }
}

thread_local! {
    static LAST: RefCell<Option<Last>> = const { RefCell::new(None) };
}

#[test]
fn thread_local_destructor_can_record() {
    let registry = Registry::new();
    let (counter, ..) = cells(&registry);
    for recorded_before in [false, true] {
        let (before, counter) = (counter.get(), counter.clone());
        let total = counter.clone();
        thread::spawn(move || {
            // The order of destruction of thread-locals is unspecified, so both are tried.
            if recorded_before {
                counter.increment();
            }
            LAST.with(|last| *last.borrow_mut() = Some(Last(counter.clone())));
            counter.increment();
        })
        .join()
        .expect("no panic");
        assert_eq!(total.get() - before, 11 + u64::from(recorded_before));
    }
}

#[test]
fn registry_under_concurrent_use_stays_consistent() {
    let registry = Registry::new();
    let threads: u64 = 4;
    let barrier = Arc::new(Barrier::new(threads.to_index()));
    thread::scope(|scope| {
        for _ in 0..threads {
            let (registry, barrier) = (&registry, Arc::clone(&barrier));
            scope.spawn(move || {
                barrier.wait();
                for number in 0..200 {
                    let labels = Labels::new("c_total", [("n".into(), format!("{number}").into())]);
                    let counter =
                        registry.counter(&Family::counter("c_total"), labels.expect("valid"));
                    counter.expect("the same kind").increment();
                    if number % 50 == 0 {
                        registry.snapshot(&CollectContext::default());
                    }
                }
            });
        }
    });
    let snapshot = registry.snapshot(&CollectContext::default());
    let family = snapshot.family("c_total").expect("registered");
    assert_eq!(family.series.len(), 200);
    assert!(
        family
            .series
            .iter()
            .all(|series| series.value == SampleValue::Counter(threads))
    );
}

/// Writer that calls a function at the first series of an exposition.
struct Interrupted<F: FnOnce()>(Option<F>);

impl<F: FnOnce()> SnapshotVisitor for Interrupted<F> {
    fn family(&mut self, _: &Family) {}

    fn series(&mut self, _: &Labels, _: Reading<'_>) {
        if let Some(work) = self.0.take() {
            work();
        }
    }
}

/// While a reader visits and a registration waits, the index is locked for other readers, but
/// recording threads are not affected.
#[test]
fn record_during_reading_or_registering_does_not_wait() {
    let registry = Registry::new();
    let (counter, up_down, histogram) = cells(&registry);
    let gauge = registry.gauge(&Family::gauge("g"), Labels::none());
    let gauge = gauge.expect("a new name");
    let metadata = Metadata::new("test", Level::INFO, None);
    let key = Key::from_static_name("by_handle_total");
    let by_handle = registry.register_counter(&key, &metadata);
    let mut open = DynamicFamily::counters(&registry, Family::counter("o_total"), "scheduleId");
    open.get("nightly").expect("a new series").increment();
    let mut record = || {
        counter.increment();
        up_down.add(-1);
        histogram.record(2.0);
        gauge.set(3.0);
        by_handle.increment(1);
        open.get("nightly").expect("known").increment();
        with_local_recorder(&registry, || {
            metrics::counter!("by_handle_total").increment(1);
        });
    };
    let (recorded, is_recorded) = channel();
    let mut was_recorded = false;
    thread::scope(|scope| {
        let mut visitor = Interrupted(Some(|| {
            let registering = scope.spawn(|| {
                let late = registry.counter(&Family::counter("late_total"), Labels::none());
                late.expect("a new name").increment();
            });
            let began = Instant::now();
            while began.elapsed() < Duration::from_millis(20) {
                assert!(!registering.is_finished(), "the index isn't locked");
                thread::yield_now();
            }
            scope.spawn(move || {
                record();
                recorded.send(()).expect("somebody waits");
            });
            was_recorded = is_recorded.recv_timeout(Duration::from_secs(20)).is_ok();
        }));
        registry.visit(&CollectContext::default(), &mut visitor);
    });
    assert!(was_recorded, "who records waits for the index");
}
