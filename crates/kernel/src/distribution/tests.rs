//! Samples against what theory says of them. Seeds are fixed, so nothing here is left to chance.

use proptest::prelude::*;
use proptest::test_runner::RngSeed;
use rehearsal_convert::Nearest;

use super::*;

const SAMPLES: usize = 100_000;

fn config() -> ProptestConfig {
    ProptestConfig {
        cases: 16,
        rng_seed: RngSeed::Fixed(1),
        ..ProptestConfig::default()
    }
}

fn sorted_samples(distribution: &Distribution, seed: u64, count: usize) -> Vec<f64> {
    let mut stream = RandomStream::new(seed, "test");
    let mut samples: Vec<f64> = (0..count)
        .map(|_| distribution.sample(&mut stream))
        .collect();
    samples.sort_by(f64::total_cmp);
    samples
}

/// The largest distance between the samples' distribution function and the true one, in units of
/// 1 / sqrt(n): above 2 once in 1,500 times (Kolmogorov).
fn distance(samples: &[f64], truth: impl Fn(f64) -> f64) -> f64 {
    let count = samples.len().nearest_f64();
    let gap = |(index, &sample): (usize, &f64)| {
        let expected = truth(sample);
        (expected - index.nearest_f64() / count)
            .abs()
            .max((expected - (index + 1).nearest_f64() / count).abs())
    };
    samples.iter().enumerate().map(gap).fold(0.0, f64::max) * count.sqrt()
}

fn normal_probability(x: f64) -> f64 {
    0.5 * libm::erfc(-x * std::f64::consts::FRAC_1_SQRT_2)
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn uniform_samples_follow_distribution(low in 0.0..1e9, width in 1.0..1e9, seed: u64) {
        let distribution = Distribution::uniform(low, low + width).unwrap();
        let samples = sorted_samples(&distribution, seed, 10_000);
        prop_assert!(samples[0] >= low && samples[9_999] <= low + width);
        prop_assert!(distance(&samples, |x| (x - low) / width) < 2.5);
    }

    #[test]
    fn exponential_samples_follow_distribution(mean in 1e-9..1e18, seed: u64) {
        let samples = sorted_samples(&Distribution::exponential(mean).unwrap(), seed, 10_000);
        prop_assert!(distance(&samples, |x| -libm::expm1(-x / mean)) < 2.5);
    }

    #[test]
    fn pareto_samples_follow_distribution(scale in 1e-9..1e18, shape in 0.1..10.0, seed: u64) {
        let samples = sorted_samples(&Distribution::pareto(scale, shape).unwrap(), seed, 10_000);
        prop_assert!(samples[0] >= scale && samples[9_999].is_finite());
        prop_assert!(distance(&samples, |x| 1.0 - libm::pow(scale / x, shape)) < 2.5);
    }

    #[test]
    fn log_normal_samples_have_median_and_p99(
        median in 1e-9..1e18,
        spread in 1.01..1e6,
        seed: u64,
    ) {
        let distribution = Distribution::log_normal(median, median * spread).unwrap();
        let samples = sorted_samples(&distribution, seed, 10_000);
        let sigma = libm::log(spread) / NORMAL_P99;
        let truth = |x| normal_probability(libm::log(x / median) / sigma);
        prop_assert!(distance(&samples, truth) < 2.5);
    }

    #[test]
    fn zipf_samples_have_rank_frequencies(
        ranks in 1_u64..200,
        exponent in 0.0..3.0,
        seed: u64,
    ) {
        let samples = sorted_samples(&Distribution::zipf(ranks, exponent).unwrap(), seed, 10_000);
        let weight = |rank: u64| libm::pow(rank.nearest_f64(), -exponent);
        let weights: Vec<f64> = (1..=ranks).map(weight).collect();
        let total: f64 = weights.iter().sum();
        let mut cumulated = 0.0;
        for (rank, weight) in (1..).zip(&weights) {
            cumulated += weight / total;
            let below = samples.partition_point(|&sample| sample <= f64::from(rank));
            prop_assert!((below.nearest_f64() / 10_000.0 - cumulated).abs() < 0.025);
        }
    }

    #[test]
    fn empirical_samples_have_weight_frequencies(
        weights in prop::collection::vec(0.0..1e6, 1..50),
        seed: u64,
    ) {
        let total: f64 = weights.iter().sum();
        prop_assume!(total > 0.0);
        let values = weights
            .iter()
            .enumerate()
            .map(|(value, &weight)| (value.nearest_f64(), weight));
        let samples = sorted_samples(&Distribution::empirical(values).unwrap(), seed, 10_000);
        let mut cumulated = 0.0;
        for (value, weight) in weights.iter().enumerate() {
            cumulated += weight / total;
            let below = samples.partition_point(|&sample| sample <= value.nearest_f64());
            prop_assert!((below.nearest_f64() / 10_000.0 - cumulated).abs() < 0.025);
        }
    }

    #[test]
    fn sample_depends_on_stream_only(seed: u64) {
        let distribution = Distribution::log_normal(5.0, 50.0).unwrap();
        let left = sorted_samples(&distribution, seed, 100);
        prop_assert_eq!(left, sorted_samples(&distribution, seed, 100));
    }
}

#[test]
fn ziggurat_is_normal_in_middle_and_tail() {
    let mut stream = RandomStream::new(1, "normal");
    let normal = Normal::shared();
    let mut samples: Vec<f64> = (0..10 * SAMPLES)
        .map(|_| normal.sample(&mut stream))
        .collect();
    samples.sort_by(f64::total_cmp);
    assert!(distance(&samples, normal_probability) < 1.8);
    let mean = samples.iter().sum::<f64>() / samples.len().nearest_f64();
    let variance = samples.iter().map(|x| x * x).sum::<f64>() / samples.len().nearest_f64();
    assert!(
        mean.abs() < 0.004 && (variance - 1.0).abs() < 0.006,
        "{mean} {variance}"
    );
    // Beyond 3.7 there is nothing but the tail's own method: 216 in a million.
    let beyond = samples.iter().filter(|x| x.abs() > 3.7).count();
    assert!((170..262).contains(&beyond), "{beyond}");
}

#[test]
fn exponential_samples_have_mean() {
    let samples = sorted_samples(&Distribution::exponential(3.0).unwrap(), 2, SAMPLES);
    let mean = samples.iter().sum::<f64>() / SAMPLES.nearest_f64();
    assert!((mean - 3.0).abs() < 0.05, "{mean}");
}

#[test]
fn sample_is_platform_independent() {
    let mut stream = RandomStream::new(42, "golden");
    let distributions = [
        Distribution::uniform(1.0, 2.0),
        Distribution::exponential(1e9),
        Distribution::log_normal(200e6, 2e9),
        Distribution::pareto(1e6, 1.5),
        Distribution::zipf(1_000_000, 1.1),
        Distribution::empirical([(1.0, 1.0), (2.0, 3.0)]),
    ];
    let samples = distributions.map(|it| it.unwrap().sample(&mut stream).to_bits());
    let expected = [
        0x3FFA_02BA_ECD1_0DB5,
        0x41C0_49C8_46EE_A0A0,
        0x41DD_6018_CD36_A461,
        0x4141_53C2_6948_7D54,
        0x4026_0000_0000_0000,
        0x4000_0000_0000_0000,
    ];
    assert_eq!(samples, expected, "{samples:#x?}");
}

#[test]
fn constant_sample_draws_nothing() {
    let mut stream = RandomStream::new(3, "test");
    let distribution = Distribution::constant(2.5).unwrap();
    assert_eq!(distribution.sample_ns(&mut stream), 3);
    assert_eq!(stream.draws(), 0);
}

#[test]
fn sample_above_u64_saturates() {
    let mut stream = RandomStream::new(3, "test");
    assert_eq!(
        Distribution::constant(1e99).unwrap().sample_ns(&mut stream),
        u64::MAX
    );
}

#[test]
fn distribution_with_invalid_parameters_is_refused() {
    for bad in [f64::NAN, f64::INFINITY, -1.0, 1e101] {
        assert!(Distribution::constant(bad).is_err());
        assert!(Distribution::uniform(bad, 1.0).is_err());
        assert!(Distribution::uniform(0.0, bad).is_err());
        assert!(Distribution::exponential(bad).is_err());
        assert!(Distribution::log_normal(bad, 1.0).is_err());
        assert!(Distribution::log_normal(1.0, bad).is_err());
        assert!(Distribution::pareto(bad, 1.0).is_err());
        assert!(Distribution::pareto(1.0, bad).is_err());
        assert!(Distribution::zipf(1, bad).is_err());
        assert!(Distribution::empirical([(bad, 1.0)]).is_err());
        assert!(Distribution::empirical([(1.0, bad)]).is_err());
    }
    assert!(Distribution::exponential(0.0).is_err());
    assert!(Distribution::uniform(2.0, 1.0).is_err());
    assert!(Distribution::zipf(0, 1.0).is_err());
    assert!(Distribution::empirical([(1.0, 0.0)]).is_err());
    assert_eq!(
        Distribution::empirical([]).unwrap_err(),
        DistributionError::Count { count: 0 }
    );
    assert_eq!(
        Distribution::log_normal(2.0, 1.0).unwrap_err().to_string(),
        "p99 is 1, but must be from median to 1e9 times median"
    );
}
