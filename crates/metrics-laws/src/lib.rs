//! Property tests that any metrics registry with a Prometheus text exposition can run.
//!
//! The laws are checked on the exposition, because that is what a scraper stores. A registry is
//! adapted by one trait, [`RegistryUnderTest`], and tested by one macro, [`registry_laws!`].
//!
//! Inputs are drawn from a fixed seed, so that a failure in one CI job is a failure in all. Counts
//! and sums stay below 2^53, where every registry can be exact: a registry that keeps `f64` has no
//! excuse there.
//!
//! ```
//! use std::cell::RefCell;
//! use std::collections::BTreeMap;
//! use std::rc::Rc;
//!
//! use rehearsal_metrics_laws::{RegistryUnderTest, laws};
//!
//! /// A registry of counters that forgets every addition above 100.
//! #[derive(Default)]
//! struct Forgetful(Rc<RefCell<BTreeMap<String, u64>>>);
//!
//! impl RegistryUnderTest for Forgetful {
//!     fn create() -> Self {
//!         Self::default()
//!     }
//!     fn counter(&self, name: &str, _: &[(&str, &str)]) -> Box<dyn Fn(u64)> {
//!         let (values, name) = (Rc::clone(&self.0), name.to_owned());
//!         Box::new(move |count| {
//!             *values.borrow_mut().entry(name.clone()).or_default() += count.min(100);
//!         })
//!     }
//!     # fn gauge(&self, _: &str, _: &[(&str, &str)]) -> Box<dyn Fn(f64)> { unimplemented!() }
//!     # fn histogram(&self, _: &str, _: &[(&str, &str)], _: &[f64]) -> Box<dyn Fn(f64)> {
//!     #     unimplemented!()
//!     # }
//!     fn render(&self) -> String {
//!         let lines = self.0.borrow();
//!         lines.iter().map(|(name, value)| format!("{name} {value}\n")).collect()
//!     }
//! }
//!
//! let violation = laws::counter_is_exact::<Forgetful>().unwrap_err();
//! assert!(violation.to_string().contains("counter_is_exact"));
//! ```
#![forbid(unsafe_code)]

mod exposition;
pub mod laws;

pub use exposition::{Exposition, ParseError, ParsedSeriesKey};
pub use laws::LawViolation;

/// A metrics registry, as the laws see it.
///
/// Names are valid Prometheus names. Counter names end in `_total`; a registry that appends the
/// suffix itself has to strip it. Histogram bounds rise and exclude `+Inf`.
pub trait RegistryUnderTest {
    /// Returns an empty registry.
    fn create() -> Self;

    /// Registers a counter series, or finds it, and returns its "add" operation.
    fn counter(&self, name: &str, labels: &[(&str, &str)]) -> Box<dyn Fn(u64)>;

    /// Registers a gauge series, or finds it, and returns its "set" operation.
    fn gauge(&self, name: &str, labels: &[(&str, &str)]) -> Box<dyn Fn(f64)>;

    /// Registers a histogram series, or finds it, and returns its "observe" operation.
    fn histogram(&self, name: &str, labels: &[(&str, &str)], bounds: &[f64]) -> Box<dyn Fn(f64)>;

    /// Returns the exposition in the Prometheus text format 0.0.4. Lines of `OpenMetrics` that are
    /// comments there, such as `# EOF`, are skipped.
    fn render(&self) -> String;
}

/// Generates one test for each law in [`laws`], for a type that implements [`RegistryUnderTest`].
#[macro_export]
macro_rules! registry_laws {
    ($registry:ty) => {
        $crate::registry_laws!($registry:
            counter_is_exact,
            counter_never_falls,
            histogram_conserves_samples,
            merge_equals_one_registry,
            exposition_parses_back,
            exposition_is_repeatable,
        );
    };
    ($registry:ty: $($law:ident),+ $(,)?) => {
        $(
            #[test]
            fn $law() {
                if let Err(violation) = $crate::laws::$law::<$registry>() {
                    panic!("{violation}");
                }
            }
        )+
    };
}
