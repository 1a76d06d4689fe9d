//! Metrics instruments that record in a few nanoseconds and lose no sample.
//!
//! The library depends on no runtime and no clock: the caller passes times. Any service can use it.
//!
//! ```
//! use rehearsal_metrics::exposition::{ExpositionFormat, render};
//! use rehearsal_metrics::{CollectContext, Family, Labels, Registry};
//!
//! let registry = Registry::new();
//! let reports = Family::counter("reports_total").help("Reports made.");
//! let reports = registry.counter(&reports, Labels::none())?;
//! reports.increment();
//! let exposition = render(ExpositionFormat::Text, &registry, &CollectContext::default());
//! assert!(exposition.contains("# HELP reports_total Reports made.\n"));
//! assert!(exposition.contains("\nreports_total 1\n"));
//! # Ok::<(), rehearsal_metrics::RegisterError>(())
//! ```
//!
//! # Choice of an instrument
//!
//! | quantity | instrument | number | cost of a record, ns |
//! |---|---|---|---|
//! | only grows | [`Counter`] | u64, saturates | 1 |
//! | grows and falls | [`UpDownCounter`] | i64, exact | 1 |
//! | set by the program | [`Gauge`] | f64 | 1 |
//! | read at collection | [`ObservableCallback`], [`ObservableFamily`] | f64 | – |
//! | distribution | [`Histogram`] | buckets, and exact quantiles with [`Precision`] | 3 |
//!
//! # Choice of labels
//!
//! | labels | created by | in the exposition | extra cost, ns |
//! |---|---|---|---|
//! | none, or a kept handle | [`Registry::counter`] and others | from the registration | 0 |
//! | static, as enums | [`Registry::counters`] and others | all from the start, at 0 | 0 to 1 |
//! | one dynamic label | [`DynamicFamily`], a cache of handles | from the first record | 7 |
//! | of third-party code | macros of the `metrics` crate | from the first record | 1 to 24 |
//!
//! The times are those of one core. Except for gauges and macros they are the same for one thread
//! and for two. `docs/performance.md` has the table with peers and the command.
//!
//! # Reading
//!
//! [`Registry::snapshot`] returns plain data. [`Registry::visit`] visits the same series one by one
//! and allocates nothing for them. [`exposition::ExpositionWriter`] is a visitor that streams the
//! exposition. [`Registry::series`] reads one series as the exposition would show it.
//! [`TimeSeriesStore`] keeps the scrapes of many processes.
//!
//! Reading resets nothing and never makes a recording thread wait. A histogram's reading is not
//! torn: its count is the sum of its buckets, and its sum belongs to the same samples.
//!
//! # Refused records
//!
//! - A NaN, infinite or negative sample changes no histogram. `metrics_samples_refused_total`
//!   counts it by reason.
//! - Counters and buckets saturate at [`u64::MAX`], sums at [`f64::MAX`]. Nothing wraps, and no sum
//!   becomes infinite or NaN.
//! - An invalid name or label, a taken name, another kind or other bounds give a [`RegisterError`]
//!   with the remedy. Macros cannot return one: they record nothing, and
//!   `metrics_series_refused_total` counts it, with the reasons in [`Registry::refusals`].
//! - Above [`RegistryOptions::series_max`] series of an instrument, further ones share the series
//!   with the label values [`OVERFLOW`]. `metrics_series_overflowed_total` counts them. No record
//!   is lost.
//!
//! # Threads and memory order
//!
//! Every recording thread is the only writer of its own copy of each cell. An increment is
//! therefore a relaxed load, an addition and a relaxed store: no lock, no atomic read-modify-write,
//! and no cache line that moves between cores. A reader adds up the copies. Rejected alternatives:
//! one atomic per cell, because threads then share its cache line; and a buffer per thread that a
//! scrape drains, because a drain that overlaps a record can lose it.
//!
//! - *No record is lost*, because no word has two writers. When a thread ends, its copies stay, and
//!   the next thread continues them. A lock hands them over, so that the new owner sees all writes.
//! - *Earlier records are visible.* Relaxed loads and stores of one word are coherent: a counter
//!   never falls between two readings of one thread. A thread that learns of a record through a
//!   channel, a lock or a join sees the record, because that synchronises.
//! - *A histogram's reading is consistent.* A copy has several words and a sequence number, odd
//!   while its thread writes (a seqlock). Writer: sequence odd, *release fence*, bucket and sum,
//!   sequence even with *release*. Reader: sequence with *acquire*, bucket and sum, *acquire
//!   fence*, sequence again; the reader repeats if the sequence was odd or has changed. If the
//!   reader saw one of the writer's stores, the two fences synchronise, and the reader sees the odd
//!   sequence too. All words are atomics, so there is no data race and no `unsafe`.
//! - *Series are not ordered among each other.* A record during a reading may appear in a later
//!   series and not in an earlier one.
//!
//! `RUSTFLAGS="--cfg rehearsal_loom" cargo test --lib loom_model` explores the cells under every
//! order that the memory model allows.
//!
//! # Memory
//!
//! In each registry a recording thread takes 8 bytes for a counter or an up/down counter, and 8 ·
//! (buckets + 2) bytes for a histogram, plus exact quantiles (see [`Precision`]). A gauge has one
//! cell for all threads. A series with dynamic labels also takes about 270 bytes for its labels,
//! its handle and its index entry. The first record of a thread allocates its copies; later records
//! allocate nothing.

pub mod bounds;
mod cells;
pub mod counter;
pub mod definition;
pub mod dynamic_family;
pub mod exact;
pub mod exposed_series;
pub mod exposition;
pub mod gauge;
pub mod histogram;
mod inner;
pub mod label;
pub mod labels;
#[cfg(all(test, rehearsal_loom))]
mod loom_model;
pub(crate) mod number_format;
pub mod observable;
pub mod observable_family;
mod recorder;
pub mod registry;
pub mod registry_metrics;
pub mod series;
mod sharded_cells;
pub mod snapshot;
mod sync;
mod thread_index;

pub use bounds::{Bounds, BoundsError};
pub use counter::{Counter, CounterFamily, UpDownCounter, UpDownCounterFamily};
pub use definition::{Definition, Family, InstrumentKind, Origin, RegisterError, Text, Unit};
pub use dynamic_family::DynamicFamily;
pub use exact::{ExactQuantiles, Precision, PrecisionError};
pub use exposed_series::ExposedSeries;
pub use gauge::Gauge;
pub use histogram::{Histogram, HistogramFamily, HistogramReading};
pub use inner::RegistryOptions;
pub use label::{LabelDefinition, LabelSet, SampleFault, StaticLabel};
pub use labels::{Labels, OVERFLOW};
pub use number_format::stored_bound;
pub use observable::{CollectContext, ObservableCallback};
pub use observable_family::ObservableFamily;
pub use registry::Registry;
pub use series::TimeSeriesStore;
pub use snapshot::{
    FamilySnapshot, Reading, SampleValue, SeriesSnapshot, Snapshot, SnapshotVisitor,
};
