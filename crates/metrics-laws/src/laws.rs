//! The laws, each a function that returns the smallest input which breaks it.

use std::fmt;

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::test_runner::{Config, RngAlgorithm, TestCaseError, TestRng, TestRunner};

use crate::{Exposition, RegistryUnderTest};
use rehearsal_convert::Nearest;

/// Inputs tried for each law.
const CASES: u32 = 64;

/// Upper bucket bounds of the histograms under test.
const BOUNDS: [f64; 4] = [1.0, 10.0, 100.0, 1000.0];

/// Maximum of a single addition or sample: sums of all stay below 2^53.
const AMOUNT_MAX: u32 = 1 << 20;

/// A law that a registry breaks.
#[derive(Clone, Debug)]
pub struct LawViolation {
    /// Name of the law.
    pub law: &'static str,
    /// Value found and value expected, with the smallest input that shows the difference.
    pub detail: String,
}

impl fmt::Display for LawViolation {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            formatter,
            "the registry breaks the law `{}`: {}",
            self.law, self.detail
        )
    }
}

impl std::error::Error for LawViolation {}

fn check<S: Strategy>(
    law: &'static str,
    inputs: S,
    test: impl Fn(S::Value) -> Result<(), TestCaseError>,
) -> Result<(), LawViolation> {
    let config = Config {
        cases: CASES,
        failure_persistence: None,
        ..Config::default()
    };
    let rng = TestRng::deterministic_rng(RngAlgorithm::ChaCha);
    TestRunner::new_with_rng(config, rng)
        .run(&inputs, test)
        .map_err(|error| LawViolation {
            law,
            detail: error.to_string(),
        })
}

fn scrape(registry: &impl RegistryUnderTest) -> Result<Exposition, TestCaseError> {
    let text = registry.render();
    Exposition::parse(&text)
        .map_err(|error| TestCaseError::fail(format!("the exposition is malformed: {error}")))
}

/// Value of a series that must exist.
fn value(
    exposition: &Exposition,
    name: &str,
    labels: &[(&str, &str)],
) -> Result<f64, TestCaseError> {
    exposition
        .get(name, labels)
        .ok_or_else(|| TestCaseError::fail(format!("the series {name} {labels:?} is missing")))
}

/// Requires that a counter's value is the sum of what was added to it, through any of its handles.
///
/// # Errors
///
/// The smallest sequence of additions after which the exposition shows another value.
pub fn counter_is_exact<R: RegistryUnderTest>() -> Result<(), LawViolation> {
    check("counter_is_exact", vec(0..AMOUNT_MAX, 0..50), |additions| {
        let registry = R::create();
        let handles = [0, 1].map(|_| registry.counter("requests_total", &[("method", "GET")]));
        for (index, addition) in additions.iter().enumerate() {
            handles[index % 2](u64::from(*addition));
        }
        let expected: f64 = additions.iter().map(|addition| f64::from(*addition)).sum();
        let shown = scrape(&registry)?.get("requests_total", &[("method", "GET")]);
        prop_assert_eq!(shown.unwrap_or(0.0), expected, "value of requests_total");
        Ok(())
    })
}

/// Requires that no exposition shows a smaller counter than an earlier one.
///
/// # Errors
///
/// The smallest sequence of additions during which the counter falls.
pub fn counter_never_falls<R: RegistryUnderTest>() -> Result<(), LawViolation> {
    check(
        "counter_never_falls",
        vec(0..AMOUNT_MAX, 1..20),
        |additions| {
            let registry = R::create();
            let add = registry.counter("requests_total", &[]);
            let mut before = 0.0;
            for addition in additions {
                add(u64::from(addition));
                let now = value(&scrape(&registry)?, "requests_total", &[])?;
                prop_assert!(now >= before, "requests_total fell from {before} to {now}");
                before = now;
            }
            Ok(())
        },
    )
}

/// Samples at, below and above the bounds, all whole numbers.
fn samples() -> impl Strategy<Value = Vec<u32>> {
    let at_a_bound = prop::sample::select(vec![0, 1, 2, 10, 11, 100, 999, 1000, 1001]);
    vec(prop_oneof![at_a_bound, 0..AMOUNT_MAX], 0..50)
}

/// Requires that every bucket holds exactly the samples up to its bound, that the last bucket holds
/// all, and that count and sum agree with the samples.
///
/// # Errors
///
/// The smallest set of samples that a bucket, the count or the sum contradicts.
pub fn histogram_conserves_samples<R: RegistryUnderTest>() -> Result<(), LawViolation> {
    check("histogram_conserves_samples", samples(), |samples| {
        let registry = R::create();
        let observe = registry.histogram("duration_seconds", &[("route", "/")], &BOUNDS);
        samples
            .iter()
            .for_each(|sample| observe(f64::from(*sample)));
        if samples.is_empty() {
            return Ok(());
        }
        let exposition = scrape(&registry)?;
        let count_up_to = |bound: f64| {
            samples
                .iter()
                .filter(|sample| f64::from(**sample) <= bound)
                .count()
        };
        let mut buckets = exposition.iter().filter(|(key, _)| {
            key.name == "duration_seconds_bucket" && key.labels.contains_key("route")
        });
        let mut found = 0;
        buckets.try_for_each(|(key, shown)| {
            let le = key.labels.get("le").map_or("", String::as_str);
            let bound: f64 = match le {
                "+Inf" => f64::INFINITY,
                _ => le
                    .parse()
                    .map_err(|_| TestCaseError::fail(format!("le={le:?}")))?,
            };
            found += 1;
            prop_assert_eq!(shown, count_up_to(bound).nearest_f64(), "bucket le={}", le);
            Ok::<(), TestCaseError>(())
        })?;
        prop_assert_eq!(found, BOUNDS.len() + 1, "number of buckets");
        let labels = [("route", "/")];
        let count = value(&exposition, "duration_seconds_count", &labels)?;
        prop_assert_eq!(count, samples.len().nearest_f64(), "duration_seconds_count");
        let sum: f64 = samples.iter().map(|sample| f64::from(*sample)).sum();
        prop_assert_eq!(
            value(&exposition, "duration_seconds_sum", &labels)?,
            sum,
            "sum"
        );
        Ok(())
    })
}

/// Requires that the expositions of two registries add up to that of one registry which received
/// the records of both: a fleet's sum is the truth about the fleet.
///
/// # Errors
///
/// The smallest records for which a series differs.
pub fn merge_equals_one_registry<R: RegistryUnderTest>() -> Result<(), LawViolation> {
    let recorded = |records: &[&[u32]]| {
        let registry = R::create();
        let add = registry.counter("requests_total", &[]);
        let observe = registry.histogram("duration_seconds", &[], &BOUNDS);
        for record in records.iter().copied().flatten() {
            add(u64::from(*record));
            observe(f64::from(*record));
        }
        scrape(&registry)
    };
    let inputs = (samples(), samples());
    check("merge_equals_one_registry", inputs, |(first, second)| {
        let merged = recorded(&[&first])?.merged(&recorded(&[&second])?);
        prop_assert_eq!(
            merged,
            recorded(&[&first, &second])?,
            "sum of two expositions"
        );
        Ok(())
    })
}

/// Requires that any label value and any float comes back from the exposition.
///
/// # Errors
///
/// The smallest label value and float that do not.
pub fn exposition_parses_back<R: RegistryUnderTest>() -> Result<(), LawViolation> {
    let text = prop_oneof![any::<String>(), "[\\\\\"\n,{}= é\u{85}\u{2028}]{0,6}",];
    let float = prop_oneof![
        prop::num::f64::ANY,
        prop::sample::select(vec![
            f64::INFINITY,
            f64::NEG_INFINITY,
            f64::NAN,
            f64::MAX,
            -0.0
        ]),
    ];
    check("exposition_parses_back", (text, float), |(text, number)| {
        let registry = R::create();
        // A series without its label is another series, so an empty value is not asked for.
        let text = format!("v{text}");
        registry.gauge("temperature", &[("room", &text)])(number);
        let found = value(&scrape(&registry)?, "temperature", &[("room", &text)])?;
        let same = found == number || (found.is_nan() && number.is_nan());
        prop_assert!(same, "temperature is {found}, set to {number}");
        Ok(())
    })
}

/// Requires that two expositions without a record between them are the same bytes.
///
/// # Errors
///
/// The smallest set of series for which they differ.
pub fn exposition_is_repeatable<R: RegistryUnderTest>() -> Result<(), LawViolation> {
    check(
        "exposition_is_repeatable",
        vec(0..1000_u32, 0..20),
        |numbers| {
            let registry = R::create();
            for number in &numbers {
                registry.counter("requests_total", &[("user", &number.to_string())])(1);
            }
            prop_assert_eq!(registry.render(), registry.render());
            Ok(())
        },
    )
}
