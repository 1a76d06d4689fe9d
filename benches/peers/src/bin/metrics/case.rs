//! One operation of one library, and what the cases have in common.

use std::hint::black_box;
use std::sync::Arc;

use metrics::{Key, Level, Metadata};
use opentelemetry_sdk::metrics::{ManualReader, SdkMeterProvider};

/// Records so many times.
pub type Work = Arc<dyn Fn(u64) + Send + Sync>;

/// One operation of one library.
pub struct Case {
    pub operation: &'static str,
    pub library: &'static str,
    /// An instrument of its own, twice.
    pub instruments: [Work; 2],
    /// Lets a library forget what it has buffered, between two rounds.
    pub rest: Box<dyn Fn()>,
}

impl Case {
    /// A case whose library buffers nothing.
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

    /// The same with something to do between two rounds.
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

/// Ten, so that there are eleven buckets with the one above them all.
pub const BOUNDS: [f64; 10] = [0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 120.0];

/// One of sixteen values over all buckets.
pub fn value(number: u64) -> f64 {
    const VALUES: [f64; 16] = [
        0.05, 0.2, 0.3, 0.7, 2.0, 3.0, 7.0, 20.0, 40.0, 90.0, 150.0, 0.1, 1.0, 10.0, 0.01, 4.0,
    ];
    VALUES[number as usize % VALUES.len()]
}

/// Up and down in turn.
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
