//! Properties of single cells for arbitrary numbers.

use proptest::prelude::*;
use rehearsal_convert::{Nearest, Saturating};
use rehearsal_metrics::exposition::{ExpositionFormat, render};
use rehearsal_metrics::{
    Bounds, BoundsError, CollectContext, Family, Histogram, Labels, Precision, Registry,
    SampleValue,
};

/// Latency bounds, 0.1 s to 30 min.
const LATENCY_BOUNDS: [f64; 13] = [
    0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 120.0, 300.0, 600.0, 1800.0,
];

/// Duration bounds, 1 s to 24 h.
const DURATION_BOUNDS: [f64; 13] = [
    1.0, 5.0, 15.0, 30.0, 60.0, 300.0, 900.0, 1800.0, 3600.0, 7200.0, 14_400.0, 43_200.0, 86_400.0,
];

fn histogram(bounds: &[f64]) -> (Registry, Histogram) {
    let registry = Registry::new();
    let family = Family::histogram("h", Bounds::new(bounds).expect("valid bounds"));
    let histogram = registry
        .histogram(&family, Labels::none())
        .expect("a new name");
    (registry, histogram)
}

fn rising_bounds() -> impl Strategy<Value = Vec<f64>> {
    let any_scale = prop::collection::btree_set(0_u64..f64::MAX.to_bits(), 1..20)
        .prop_map(|bits| bits.into_iter().map(f64::from_bits).collect());
    let close_together =
        (0.0..1e6_f64, prop::collection::vec(1_u64..1000, 1..63)).prop_map(|(start, steps)| {
            let mut bits = start.to_bits();
            steps
                .iter()
                .map(|step| {
                    bits += step;
                    f64::from_bits(bits)
                })
                .collect()
        });
    let usual = prop_oneof![
        Just(LATENCY_BOUNDS.to_vec()),
        Just(DURATION_BOUNDS.to_vec())
    ];
    prop_oneof![any_scale, close_together, usual]
}

fn naive_bucket(bounds: &[f64], value: f64) -> usize {
    bounds.iter().filter(|bound| **bound < value).count()
}

proptest! {
    #[test]
    fn histogram_value_is_in_first_bucket_with_bound_at_or_above(
        bounds in rising_bounds(),
        bits in 0_u64..f64::INFINITY.to_bits(),
    ) {
        let checked = Bounds::new(&bounds).expect("rising");
        let around = bounds.iter().flat_map(|bound| [bound.next_down(), *bound, bound.next_up()]);
        let values = around.filter(|v| v.is_finite() && *v >= 0.0).chain([f64::from_bits(bits)]);
        for value in values {
            prop_assert_eq!(checked.locate(value), naive_bucket(&bounds, value), "{}", value);
        }
    }

    #[test]
    fn histogram_count_and_sum_are_exact(
        bounds in rising_bounds(),
        samples in prop::collection::vec((0_u32..1_000_000, 1_u64..5), 0..200),
    ) {
        let (_registry, histogram) = histogram(&bounds);
        let mut counts = vec![0; bounds.len() + 1];
        let mut sum = 0.0;
        for (value, count) in samples {
            let value = f64::from(value);
            match count {
                1 => histogram.record(value),
                _ => histogram.record_many(value, count),
            }
            counts[naive_bucket(&bounds, value)] += count;
            sum += value * count.nearest_f64();
        }
        let reading = histogram.read();
        prop_assert_eq!(reading.counts(), &counts[..]);
        prop_assert_eq!(reading.count(), counts.iter().sum::<u64>());
        // Integers far below 2^53 are exact in any order.
        prop_assert_eq!(reading.sum(), sum);
    }

    #[test]
    fn quantile_bucket_holds_sample_of_its_rank(
        mut samples in prop::collection::vec(0.0..4000.0_f64, 1..100),
        quantile in 0.001..=1.0_f64,
    ) {
        let (_registry, histogram) = histogram(&LATENCY_BOUNDS);
        samples.iter().for_each(|sample| histogram.record(*sample));
        samples.sort_by(f64::total_cmp);
        let rank = (quantile * samples.len().nearest_f64()).ceil().saturating_usize();
        let bucket = histogram.read().quantile_bucket(quantile);
        prop_assert_eq!(bucket, Some(naive_bucket(&LATENCY_BOUNDS, samples[rank - 1])));
    }

    #[test]
    fn histogram_merge_is_associative_and_commutative(
        parts in prop::collection::vec(prop::collection::vec(0_u32..4000, 0..30), 3),
    ) {
        let read = |part: &Vec<u32>| {
            let (_registry, histogram) = histogram(&LATENCY_BOUNDS);
            part.iter().for_each(|value| histogram.record(f64::from(*value)));
            histogram.read()
        };
        let merged = |order: &[usize]| {
            let mut all = read(&parts[order[0]]);
            for part in &order[1..] {
                assert!(all.merge(&read(&parts[*part])));
            }
            all
        };
        let mut right = read(&parts[1]);
        prop_assert!(right.merge(&read(&parts[2])));
        let mut nested = read(&parts[0]);
        prop_assert!(nested.merge(&right));
        prop_assert_eq!(merged(&[0, 1, 2]), merged(&[2, 0, 1]));
        prop_assert_eq!(merged(&[0, 1, 2]), nested);
        prop_assert_eq!(nested, read(&parts.concat()));
    }

    #[test]
    fn exact_quantiles_are_within_precision(
        mut samples in prop::collection::vec(0.0..60.0_f64, 1..200),
        digits in 1_u8..=3,
    ) {
        let registry = Registry::new();
        let bounds = Bounds::new(&LATENCY_BOUNDS).expect("rising");
        let precision = Precision { unit: 0.001, max: 60.0, digits };
        let family = Family::histogram("h", bounds).exact(precision);
        let histogram = registry.histogram(&family, Labels::none()).expect("a new name");
        samples.iter().for_each(|sample| histogram.record(*sample));
        samples.sort_by(f64::total_cmp);
        let quantiles = histogram.quantiles().expect("asked for");
        prop_assert_eq!(quantiles.count(), samples.len() as u64);
        for quantile in [0.01, 0.5, 0.9, 0.99, 1.0] {
            let rank = (quantile * samples.len().nearest_f64()).ceil().max(1.0).saturating_usize();
            let (exact, found) = (samples[rank - 1], quantiles.at(quantile).expect("samples"));
            let tolerance = (exact * 10.0_f64.powi(-i32::from(digits))).max(0.0005) * 1.001;
            prop_assert!((found - exact).abs() <= tolerance, "{found} for {exact}");
        }
    }

    #[test]
    fn up_down_counter_is_exact(steps in prop::collection::vec(any::<i64>(), 0..100)) {
        let registry = Registry::new();
        let up_down = registry.up_down(&Family::up_down("u"), Labels::none()).expect("a new name");
        let mut expected = 0_i64;
        for step in steps {
            up_down.add(step);
            expected = expected.wrapping_add(step);
            prop_assert_eq!(up_down.get(), expected);
        }
    }

    #[test]
    fn counter_at_maximum_saturates_and_never_falls(
        steps in prop::collection::vec(prop_oneof![0..1000_u64, any::<u64>()], 0..50),
    ) {
        let registry = Registry::new();
        let counter = registry.counter(&Family::counter("c"), Labels::none()).expect("a new name");
        let mut expected = 0_u64;
        for step in steps {
            counter.add(step);
            expected = expected.saturating_add(step);
            prop_assert_eq!(counter.get(), expected);
        }
    }

    #[test]
    fn gauge_of_integers_is_exact(
        steps in prop::collection::vec(-(1_i64 << 40)..1 << 40, 0..100),
    ) {
        let registry = Registry::new();
        let gauge = registry.gauge(&Family::gauge("g"), Labels::none()).expect("a new name");
        let mut expected = 0;
        for step in steps {
            gauge.add(step.nearest_f64());
            expected += step;
            prop_assert_eq!(gauge.get(), Some(expected.nearest_f64()));
        }
    }
}

#[test]
fn invalid_samples_are_refused_and_counted() {
    let (registry, histogram) = histogram(&[1.0]);
    histogram.record(0.5);
    for value in [
        f64::NAN,
        f64::INFINITY,
        f64::NEG_INFINITY,
        -1.0,
        -f64::MIN_POSITIVE,
    ] {
        histogram.record(value);
    }
    histogram.record_many(f64::NAN, 3);
    histogram.record(-0.0);
    let reading = histogram.read();
    assert_eq!((reading.counts(), reading.sum()), (&[2, 0][..], 0.5));
    let snapshot = registry.snapshot(&CollectContext::default());
    let refused = |reason| {
        let value = snapshot.get("metrics_samples_refused_total", &[("reason", reason)]);
        value.cloned()
    };
    assert_eq!(refused("nan"), Some(SampleValue::Counter(4)));
    assert_eq!(refused("infinite"), Some(SampleValue::Counter(2)));
    assert_eq!(refused("negative"), Some(SampleValue::Counter(2)));
}

#[test]
fn histogram_with_invalid_bounds_is_refused() {
    let error = |bounds: &[f64]| Bounds::new(bounds).expect_err("no bounds").to_string();
    assert_eq!(error(&[]), "a histogram needs at least one bucket bound");
    assert!(error(&[1.0, f64::INFINITY]).starts_with("bucket bound inf is not finite"));
    assert!(error(&[f64::NAN]).starts_with("bucket bound NaN is not finite"));
    assert!(error(&[-1.0, 1.0]).starts_with("bucket bound -1 is negative"));
    assert!(error(&[1.0, 0.5]).starts_with("bucket bound 0.5 doesn't stand above 1;"));
    assert!(error(&[1.0, 1.0]).starts_with("bucket bound 1 doesn't stand above 1;"));
    let many: Vec<f64> = (0..64).map(f64::from).collect();
    assert_eq!(Bounds::new(&many), Err(BoundsError::TooMany(64)));
    assert!(Bounds::new(&many[..63]).is_ok());
}

#[test]
fn merge_of_histograms_with_other_bounds_changes_nothing() {
    let (_a, one) = histogram(&[1.0]);
    let (_b, other) = histogram(&[1.0, 2.0]);
    one.record(0.5);
    other.record(1.5);
    let mut reading = one.read();
    assert!(!reading.merge(&other.read()));
    assert_eq!(reading, one.read());
}

#[test]
fn counter_set_to_absolute_value_only_rises() {
    let registry = Registry::new();
    let counter = registry
        .counter(&Family::counter("c"), Labels::none())
        .expect("a new name");
    counter.absolute(10);
    assert_eq!(counter.get(), 10);
    counter.absolute(3);
    assert_eq!(counter.get(), 10, "a lower count changes nothing");
    counter.add(1);
    counter.absolute(11);
    assert_eq!(counter.get(), 11);
    counter.absolute(12);
    assert_eq!(counter.get(), 12);
}

/// Counts and sums saturate: nothing wraps or becomes infinite.
#[test]
fn histogram_at_maximum_saturates() {
    let (registry, histogram) = histogram(&[1.0, 2.0]);
    histogram.record_many(0.5, u64::MAX);
    histogram.record_many(0.5, 3);
    histogram.record(1.5);
    let reading = histogram.read();
    assert_eq!(reading.counts(), [u64::MAX, 1, 0]);
    assert_eq!(reading.count(), u64::MAX);
    assert!(reading.cumulative().all(|below| below == u64::MAX));
    histogram.record(f64::MAX);
    histogram.record(f64::MAX);
    histogram.record_many(f64::MAX, 2);
    let mut reading = histogram.read();
    assert_eq!(reading.sum(), f64::MAX);
    assert!(reading.merge(&histogram.read()));
    assert_eq!(reading.sum(), f64::MAX);
    let page = render(
        ExpositionFormat::Text,
        &registry,
        &CollectContext::default(),
    );
    assert!(
        page.contains(&format!("\nh_count {}\n", u64::MAX)),
        "{page}"
    );
    assert!(page.contains("\nh_sum 1.7976931348623157e308\n"), "{page}");
}

/// The maximum is reached by the shards of several threads, and by their total.
#[test]
fn counter_over_threads_saturates() {
    let registry = Registry::new();
    let counter = registry
        .counter(&Family::counter("c"), Labels::none())
        .expect("a new name");
    for _ in 0..2 {
        let counter = &counter;
        std::thread::scope(|scope| {
            scope.spawn(|| {
                counter.add(u64::MAX - 1);
                counter.add(7);
            });
            counter.add(1 << 63);
        });
        assert_eq!(counter.get(), u64::MAX);
    }
}
