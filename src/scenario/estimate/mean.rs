//! Expected values of distributions.

use crate::scenario::{CountDistribution, DistributionSpec, Duration, DurationDistribution};

use super::part::count;

/// Quantile of the standard normal distribution at 99 %.
const NORMAL_P99: f64 = 2.326_347_874;

/// Mean of a distribution of counts.
pub fn mean_count(distribution: &CountDistribution) -> f64 {
    mean(distribution, |value| *value)
}

/// Mean of a distribution of durations, in seconds.
pub fn mean_seconds(distribution: &DurationDistribution) -> f64 {
    mean(distribution, |value: &Duration| value.as_secs_f64())
}

/// Mean of a distribution; of a Pareto distribution without mean its median.
fn mean<T>(distribution: &DistributionSpec<T>, number: impl Fn(&T) -> f64) -> f64 {
    match distribution {
        DistributionSpec::Constant { value } => number(value),
        DistributionSpec::Uniform { min, max } => f64::midpoint(number(min), number(max)),
        DistributionSpec::Exponential { mean } => number(mean),
        DistributionSpec::Lognormal { median, p99 } => {
            let median = number(median);
            let sigma = libm::log(number(p99) / median) / NORMAL_P99;
            median * libm::exp(sigma * sigma / 2.0)
        }
        DistributionSpec::Pareto { min, shape } if *shape > 1.0 => {
            number(min) * shape / (shape - 1.0)
        }
        DistributionSpec::Pareto { min, shape } => number(min) * libm::exp2(1.0 / shape),
        DistributionSpec::Zipf {
            scale,
            ranks,
            exponent,
        } => {
            let ranks = count(*ranks);
            number(scale) * harmonic(ranks, exponent - 1.0) / harmonic(ranks, *exponent)
        }
        DistributionSpec::Empirical { values, .. } => {
            let sum: f64 = values.iter().map(number).sum();
            sum / count(values.len() as u64).max(1.0)
        }
    }
}

/// Sum of 1 / k ^ `exponent` for k from 1 to `ranks`, by the trapezoidal rule.
pub fn harmonic(ranks: f64, exponent: f64) -> f64 {
    let ends = f64::midpoint(1.0, libm::pow(ranks, -exponent));
    let rest = 1.0 - exponent;
    match rest.abs() < 1e-9 {
        true => libm::log(ranks) + ends,
        false => (libm::pow(ranks, rest) - 1.0) / rest + ends,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn means_are_those_of_the_textbook() {
        let near = |distribution: CountDistribution, expected: f64| {
            let found = mean_count(&distribution);
            assert!((found / expected - 1.0).abs() < 0.02, "{found}, {expected}");
        };
        near(DistributionSpec::Uniform { min: 2.0, max: 6.0 }, 4.0);
        // exp(ln 10 + 0.5 · (ln 4 / 2.326)²)
        near(
            DistributionSpec::Lognormal {
                median: 10.0,
                p99: 40.0,
            },
            11.94,
        );
        near(
            DistributionSpec::Pareto {
                min: 3.0,
                shape: 1.5,
            },
            9.0,
        );
        near(
            DistributionSpec::Pareto {
                min: 3.0,
                shape: 1.0,
            },
            6.0,
        );
        // 1,000 / (1 + 1/2 + … + 1/1,000)
        let zipf = DistributionSpec::Zipf {
            scale: 1.0,
            ranks: 1_000,
            exponent: 1.0,
        };
        near(zipf, 1_000.0 / 7.4855);
        let values = [1.0, 2.0, 6.0].into();
        near(
            DistributionSpec::Empirical {
                file: String::new(),
                values,
            },
            3.0,
        );
    }
}
