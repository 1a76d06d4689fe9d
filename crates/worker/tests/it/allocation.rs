//! Recording allocates nothing after a thread's first record, and an exposition of any length needs
//! little memory.

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;

use metrics::{Key, Level, Metadata, Recorder};
use rehearsal_convert::Nearest;
use rehearsal_metrics::exposition::{ExpositionFormat, ExpositionWriter};
use rehearsal_metrics::{
    Bounds, CollectContext, DynamicFamily, Family, Labels, Precision, Registry, RegistryOptions,
};
use rehearsal_worker::metrics::{
    Delta, InstrumentWrites, Mode, PlannerStatus, SchedulerWorkerMetrics, SegmentStatus,
};

/// The system's allocator with counters per thread.
struct Counting;

thread_local! {
    static ALLOCATIONS: Cell<u64> = const { Cell::new(0) };
    /// Bytes allocated by the thread, and their maximum since the last reset.
    static LIVE_BYTES: Cell<isize> = const { Cell::new(0) };
    static PEAK_BYTES: Cell<isize> = const { Cell::new(0) };
}

#[global_allocator]
static COUNTING: Counting = Counting;

fn count(allocations: u64, bytes: isize) {
    // An ending thread may allocate after its thread-locals are destroyed.
    let _ = ALLOCATIONS.try_with(|all| all.set(all.get() + allocations));
    let _ = LIVE_BYTES.try_with(|live| live.set(live.get() + bytes));
    let _ = PEAK_BYTES.try_with(|peak| peak.set(peak.get().max(LIVE_BYTES.get())));
}

// SAFETY: every method passes its arguments unchanged to the system's allocator, which upholds the
// trait's contract; counting neither allocates nor unwinds.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        count(1, layout.size().cast_signed());
        // SAFETY: the caller upholds the contract for `layout`.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        count(0, -layout.size().cast_signed());
        // SAFETY: the caller upholds the contract; the pointer came from the system's allocator.
        unsafe { System.dealloc(pointer, layout) }
    }

    unsafe fn realloc(&self, pointer: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        count(1, size.cast_signed() - layout.size().cast_signed());
        // SAFETY: as for `dealloc`.
        unsafe { System.realloc(pointer, layout, size) }
    }
}

/// Number of allocations of the second call of `work`.
fn allocations(mut work: impl FnMut()) -> u64 {
    work();
    let before = ALLOCATIONS.get();
    work();
    ALLOCATIONS.get() - before
}

/// Maximum number of bytes that `work` holds at a time.
fn peak_bytes(work: impl FnOnce()) -> isize {
    let before = LIVE_BYTES.get();
    PEAK_BYTES.set(before);
    work();
    PEAK_BYTES.get() - before
}

#[test]
fn counting_allocator_counts_allocations() {
    assert_eq!(allocations(|| drop(std::hint::black_box(Box::new(1)))), 1);
    let boxes = || {
        drop(std::hint::black_box((
            Box::new([0_u8; 700]),
            Box::new(1_u64),
        )));
    };
    assert_eq!(peak_bytes(boxes), 708);
}

#[test]
fn record_through_typed_handle_allocates_nothing() {
    let registry = Registry::new();
    let metrics = SchedulerWorkerMetrics::new(&registry).expect("an empty registry");
    let mode = Mode::AnalysisOnly;
    let work = || {
        metrics.planner_run(mode, PlannerStatus::Enqueued, 0.4);
        metrics.planner_run(mode, PlannerStatus::Enqueued, f64::NAN);
        metrics.run_completed(mode, 40.0);
        metrics.segment(mode, SegmentStatus::Completed);
        metrics.images(mode, Delta(true), 3);
        metrics.runs_active_add(mode, -1);
    };
    assert_eq!(allocations(work), 0);
}

#[test]
fn read_of_single_series_allocates_nothing() {
    let registry = Registry::new();
    let metrics = SchedulerWorkerMetrics::new(&registry).expect("an empty registry");
    metrics.run_completed(Mode::AnalysisOnly, 40.0);
    let work = || {
        let read = metrics.read();
        assert_eq!(read.run_duration(Mode::AnalysisOnly).count(), 1);
        assert_eq!(
            read.segments(Mode::AnalysisOnly, SegmentStatus::Completed),
            0
        );
    };
    assert_eq!(allocations(work), 0);
}

#[test]
fn record_through_dynamic_handle_allocates_nothing() {
    let registry = Registry::new();
    let bounds = Bounds::new(&[0.1, 1.0]).expect("rising");
    let precision = Precision {
        unit: 0.001,
        max: 60.0,
        digits: 2,
    };
    let family = Family::histogram("h_seconds", bounds).exact(precision);
    let histogram = registry
        .histogram(&family, Labels::none())
        .expect("a new name");
    let gauge = registry
        .gauge(&Family::gauge("g"), Labels::none())
        .expect("a new name");
    let mut open = DynamicFamily::counters(&registry, Family::counter("o_total"), "scheduleId");
    let work = || {
        histogram.record(0.3);
        histogram.record_many(7.0, 3);
        gauge.set(1.0);
        gauge.add(-0.5);
        open.get("nightly").expect("a new name").increment();
    };
    assert_eq!(allocations(work), 0);
}

#[test]
fn record_through_metrics_macro_allocates_nothing() {
    let registry = Registry::new();
    let metadata = Metadata::new("test", Level::INFO, None);
    let counter = registry.register_counter(&Key::from_static_name("c_total"), &metadata);
    let gauge = registry.register_gauge(&Key::from_static_name("g"), &metadata);
    let histogram = registry.register_histogram(&Key::from_static_name("h"), &metadata);
    let work = || {
        counter.increment(1);
        gauge.increment(1.0);
        histogram.record(0.2);
        // The look-up of a static key allocates nothing either.
        metrics::with_local_recorder(&registry, || {
            metrics::counter!("macro_total", "kind" => "a").increment(1);
        });
    };
    assert_eq!(allocations(work), 0);
}

/// Registry with this number of histograms, each with 66 series in the exposition.
fn histograms(count: usize) -> Registry {
    let registry = Registry::with_options(RegistryOptions {
        series_max: count,
        ..RegistryOptions::default()
    });
    let bounds: Vec<f64> = (0..63).map(f64::from).collect();
    let family = Family::histogram("h_seconds", Bounds::new(&bounds).expect("rising"));
    for number in 0..count {
        let pairs = [("scheduleId".into(), format!("schedule-{number:05}").into())];
        let labels = Labels::new("", pairs).expect("a valid label");
        let histogram = registry.histogram(&family, labels);
        histogram
            .expect("a new series")
            .record(number.nearest_f64());
    }
    registry
}

/// Writer that counts lines and discards them.
#[derive(Default)]
struct Lines(usize);

impl std::io::Write for Lines {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0 += bytes.split(|byte| *byte == b'\n').count() - 1;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

#[test]
fn exposition_of_million_series_uses_constant_memory() {
    let written = |registry: &Registry| {
        let mut lines = 0;
        let peak = peak_bytes(|| {
            let mut writer = ExpositionWriter::new(ExpositionFormat::Text, Lines::default());
            registry.visit(&CollectContext::default(), &mut writer);
            lines = writer.finish().expect("it takes everything").0;
        });
        (lines, peak)
    };
    let (_, few) = written(&histograms(2));
    let (lines, many) = written(&histograms(15_200));
    assert!(lines > 1_000_000, "{lines}");
    assert!(
        few <= many && many < few + 4096 && many < 100_000,
        "{few} and {many} bytes"
    );
}
