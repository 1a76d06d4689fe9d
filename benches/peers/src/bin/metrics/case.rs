//! Operation of a library, and parts shared by the cases.

use std::hint::black_box;
use std::sync::Arc;

use metrics::{Key, Level, Metadata};
use opentelemetry_sdk::metrics::{ManualReader, SdkMeterProvider};

/// Records the given number of times.
pub type Work = Arc<dyn Fn(u64) + Send + Sync>;

/// Benchmark case: an operation of a library.
pub struct Case {
    pub operation: &'static str,
    pub library: &'static str,
    /// Two independent instruments.
    pub instruments: [Work; 2],
    /// Discards the library's buffers between two rounds.
    pub rest: Box<dyn Fn()>,
}

impl Case {
    /// Case of a library without buffers.
    pub fn new(
        operation: &'static str,
        library: &'static str,
        make: impl Fn(usize) -> Work,
    ) -> Self {
        Self {
            operation,
            library,
            instruments: [make(0), make(1)],
            rest: Box::new(|| ()),
        }
    }

    /// Sets an action between two rounds.
    pub fn resting(self, rest: impl Fn() + 'static) -> Self {
        Self {
            rest: Box::new(rest),
            ..self
        }
    }
}

/// Repeats a recording.
pub fn repeat(record: impl Fn(u64) + Send + Sync + 'static) -> Work {
    Arc::new(move |operations| (0..operations).for_each(|number| record(black_box(number))))
}

pub static METADATA: Metadata<'static> = Metadata::new("peers", Level::INFO, None);

/// Ten bounds, which give eleven buckets including `+Inf`.
pub const BOUNDS: [f64; 10] = [0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 120.0];

/// Returns one of sixteen values over all buckets.
pub fn value(number: u64) -> f64 {
    const VALUES: [f64; 16] = [
        0.05, 0.2, 0.3, 0.7, 2.0, 3.0, 7.0, 20.0, 40.0, 90.0, 150.0, 0.1, 1.0, 10.0, 0.01, 4.0,
    ];
    VALUES[number as usize % VALUES.len()]
}

/// Alternates between +1 and -1.
pub fn step(number: u64) -> i64 {
    if number.is_multiple_of(2) { 1 } else { -1 }
}

pub fn name(place: usize) -> &'static str {
    ["first_total", "second_total"][place]
}

pub fn key(place: usize) -> Key {
    Key::from_name(name(place))
}

pub fn exporter() -> metrics_exporter_prometheus::PrometheusRecorder {
    let builder = metrics_exporter_prometheus::PrometheusBuilder::new();
    let builder = builder.set_buckets(&BOUNDS).expect("some buckets");
    builder.build_recorder()
}

pub fn telemetry() -> SdkMeterProvider {
    let reader = ManualReader::builder().build();
    SdkMeterProvider::builder().with_reader(reader).build()
}
