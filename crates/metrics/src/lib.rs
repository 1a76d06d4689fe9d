//! The metrics layer: instruments that record at the speed of memory, and pages that can be trusted.
//!
//! It is a small library of its own. Nothing in it knows of the simulator, of a runtime or of a
//! clock; a service that never simulates anything can use it as it is.
//!
//! ```
//! use rehearsal_metrics::exposition::{ExpositionFormat, render};
//! use rehearsal_metrics::{CollectContext, Family, Labels, Registry};
//!
//! let registry = Registry::new();
//! let reports = Family::counter("reports_total").help("Reports made.");
//! let reports = registry.counter(&reports, Labels::none())?;
//! reports.increment();
//! let page = render(ExpositionFormat::Text, &registry, &CollectContext::default());
//! assert!(page.contains("# HELP reports_total Reports made.\n"));
//! assert!(page.contains("\nreports_total 1\n"));
//! # Ok::<(), rehearsal_metrics::RegisterError>(())
//! ```
//!
//! # What to use when
//!
//! | what is measured | instrument | number | a record, ns |
//! |---|---|---|---|
//! | what only ever grows | [`Counter`] | u64, stops at the top | 1 |
//! | what is taken and given back | [`UpDownCounter`] | i64, exact | 1 |
//! | a level that the program sets | [`Gauge`] | f64 | 1 |
//! | a level that somebody else knows | [`ObservableCallback`], [`ObservableFamily`] | f64, asked for at collection | – |
//! | how samples are distributed | [`Histogram`] | buckets; with [`Precision`] also exact quantiles | 3 |
//!
//! And by the labels:
//!
//! | labels | made by | on the page | a record costs more, ns |
//! |---|---|---|---|
//! | none, or a handle that is kept | [`Registry::counter`] and its like | from then on | 0 |
//! | closed sets, as enums | [`Registry::counters`] and its like, a [`CounterFamily`] | all from the start, at 0 | 0 to 1 |
//! | one with open values | [`DynamicFamily`], a cache of handles | from the first record of each value | 7 |
//! | whatever third-party code has | the macros of the `metrics` crate | from the first record | 1 by handle, 24 by macro |
//!
//! Nanoseconds are those of one current core, and but for gauges and macros the same for one thread
//! and for two, on one instrument or on several; `docs/performance.md` has the table, with peers and the command.
//!
//! # Reading
//!
//! [`Registry::snapshot`] is plain data, [`Registry::visit`] shows the same series by series and
//! allocates nothing for them, and [`exposition::ExpositionWriter`] is a visitor that streams the page, in
//! memory that doesn't grow with it. [`TimeSeriesStore`] keeps what scrapes of many processes saw.
//!
//! Reading resets nothing and never makes a recording thread wait. Of a histogram the reader gets
//! one untorn picture: its count is the sum of its buckets, and its sum that of just those samples.
//!
//! # What can't be recorded
//!
//! - A sample that is NaN, infinite or negative changes no histogram. It is counted, by reason, in
//!   `metrics_samples_refused_total`.
//! - A counter at [`u64::MAX`] stays there, and so do buckets; a sum stays at [`f64::MAX`]. Nothing
//!   wraps, nothing falls, and no sum becomes infinite or NaN.
//! - An invalid name or label, a taken name, another kind or other bounds: [`RegisterError`], which
//!   says the remedy. Macros can't return one; they record nothing then, and it is counted in
//!   `metrics_series_refused_total`, with the reasons in [`Registry::refusals`].
//! - Past [`RegistryOptions::series_max`] series of an instrument, further ones are recorded
//!   together in the series whose label values are [`OVERFLOW`], and counted in
//!   `metrics_series_overflowed_total`. Nothing is lost.
//!
//! # Threads, and the order of memory
//!
//! Every recording thread has a copy of each cell, of which it is the only writer. So an increment
//! is a load, an addition and a store, all relaxed: no lock, no atomic read-modify-write, no cache
//! line that moves between cores. A reader adds up the copies.
//!
//! - *Nothing is lost*, because no word has two writers. When a thread ends, its copies stay, and
//!   go on with the next thread that takes its place; a lock passes them on, so that the new owner
//!   sees all that the old one wrote.
//! - *What happened before is seen.* Relaxed loads and stores of one word are coherent: a counter
//!   never falls between two readings of one thread. Who learned of a record through a channel, a
//!   lock or a join sees it, since that synchronises everything before it.
//! - *A histogram's reading is whole.* A copy has several words, so it begins with a sequence
//!   number, odd while its thread writes (a seqlock). Writer: sequence odd, *release fence*, bucket
//!   and sum, sequence even with *release*. Reader: sequence with *acquire*, bucket and sum,
//!   *acquire fence*, sequence again; it repeats if the sequence was odd or has changed. If the
//!   reader saw one of the writer's stores, the two fences synchronise, and it sees the odd sequence
//!   as well. All words are atomics, so there is no data race, and no `unsafe` anywhere.
//! - *Series are not ordered among each other.* What is recorded while a page is read may be in a
//!   later series and not in an earlier one.
//!
//! `RUSTFLAGS="--cfg rehearsal_loom" cargo test --lib loom_model` explores the cells under every
//! order that the memory model allows.
//!
//! # Memory
//!
//! A recording thread takes, of each registry, a page of 8 bytes for a counter or an up/down
//! counter, and of 8 · (buckets + 2) for a histogram; exact quantiles come on top (see
//! [`Precision`]). A gauge has one cell for all threads. Besides, a series with open labels takes
//! about 270 bytes for its labels, its handle and its place in the index, whatever its kind.
//! The first record of a thread allocates its page, and later ones allocate nothing.

pub mod bounds;
mod cells;
pub mod counter;
pub mod definition;
pub mod dynamic_family;
pub mod exact;
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
pub use gauge::Gauge;
pub use histogram::{Histogram, HistogramFamily, HistogramReading};
pub use inner::RegistryOptions;
pub use label::{LabelDefinition, LabelSet, SampleFault, StaticLabel};
pub use labels::{Labels, OVERFLOW};
pub use observable::{CollectContext, ObservableCallback};
pub use observable_family::ObservableFamily;
pub use registry::Registry;
pub use series::TimeSeriesStore;
pub use snapshot::{
    FamilySnapshot, Reading, SampleValue, SeriesSnapshot, Snapshot, SnapshotVisitor,
};
