//! Probability distributions.
//!
//! A sample is a pure function of its random stream, the same to the last bit on every platform.
//! Only basic arithmetic and `libm` are used, never the platform's `ln`, `exp` or `pow`.
//!
//! ```
//! use rehearsal_kernel::distribution::Distribution;
//! use rehearsal_kernel::RandomStream;
//!
//! let latency_ns = Distribution::log_normal(200e6, 2e9)?;
//! let mut stream = RandomStream::new(7, "scanner/latency");
//! assert!(latency_ns.sample_ns(&mut stream) > 0);
//! # Ok::<(), rehearsal_kernel::distribution::DistributionError>(())
//! ```

mod alias_table;
mod normal;
mod zipf;

use thiserror::Error;

pub use self::alias_table::AliasTable;
use self::normal::Normal;
use self::zipf::Zipf;
use crate::RandomStream;
use rehearsal_convert::{Nearest, Saturating};

/// Quantile 0.99 of the standard normal distribution.
const NORMAL_P99: f64 = 2.326_347_874_040_841;
/// Maximum of a parameter, so that no sample is infinite.
const PARAMETER_MAX: f64 = 1e100;
/// Maximum ratio of p99 to median.
const SPREAD_MAX: f64 = 1e9;
/// Minimum shape of a Pareto tail: below it, samples could overflow.
const PARETO_SHAPE_MIN: f64 = 0.1;
/// Maximum number of ranks of a Zipf distribution: a larger rank is not exact as `f64`.
const ZIPF_RANKS_MAX: u64 = 1 << 48;
/// Maximum number of values of an empirical distribution.
pub const VALUES_MAX: usize = 1 << 24;

/// Invalid parameter of a distribution.
#[derive(Clone, Debug, PartialEq, Error)]
pub enum DistributionError {
    /// A parameter is out of range.
    #[error("{parameter} is {value}, but must be {expected}")]
    Parameter {
        /// Name of the parameter.
        parameter: &'static str,
        /// Value that was given.
        value: f64,
        /// Range that is allowed.
        expected: &'static str,
    },
    /// The number of values is out of range.
    #[error("there are {count} values, but there must be 1 to {VALUES_MAX}")]
    Count {
        /// Number that was given.
        count: usize,
    },
}

/// Probability distribution with validated parameters.
#[derive(Clone, Debug)]
pub struct Distribution(DistributionShape);

#[derive(Clone, Debug)]
enum DistributionShape {
    Constant {
        value: f64,
    },
    Uniform {
        low: f64,
        width: f64,
    },
    Exponential {
        mean: f64,
    },
    LogNormal {
        median: f64,
        sigma: f64,
        normal: &'static Normal,
    },
    Pareto {
        scale: f64,
        inverse_shape: f64,
    },
    Zipf(Zipf),
    Empirical {
        values: Vec<f64>,
        choice: AliasTable,
    },
}

impl Distribution {
    /// Constant `value`, from 0 to 1e100.
    pub fn constant(value: f64) -> Result<Self, DistributionError> {
        non_negative("value", value)?;
        Ok(Self(DistributionShape::Constant { value }))
    }

    /// Uniform in `[low, high)`; constant if they are equal. Both are 0 to 1e100.
    pub fn uniform(low: f64, high: f64) -> Result<Self, DistributionError> {
        non_negative("low", low)?;
        non_negative("high", high)?;
        check(high >= low, "high", high, "at least as large as low")?;
        Ok(Self(DistributionShape::Uniform {
            low,
            width: high - low,
        }))
    }

    /// Exponential: the time between events of a Poisson process. `mean` is above 0 and at most
    /// 1e100.
    pub fn exponential(mean: f64) -> Result<Self, DistributionError> {
        positive("mean", mean)?;
        Ok(Self(DistributionShape::Exponential { mean }))
    }

    /// Log-normal, typical of latencies: half of the samples are below `median`, one in a hundred
    /// is above `p99`. `median` is above 0 and at most 1e100; `p99` is 1 to 1e9 times as large.
    pub fn log_normal(median: f64, p99: f64) -> Result<Self, DistributionError> {
        positive("median", median)?;
        let in_range = p99 >= median && p99 <= median * SPREAD_MAX;
        check(in_range, "p99", p99, "from median to 1e9 times median")?;
        let sigma = libm::log(p99 / median) / NORMAL_P99;
        Ok(Self(DistributionShape::LogNormal {
            median,
            sigma,
            normal: Normal::shared(),
        }))
    }

    /// Pareto: no sample is below `scale`, and the probability to exceed x is (scale / x)^shape.
    /// `scale` is above 0 and at most 1e100, `shape` is 0.1 to 1e100; up to 1 the mean is infinite.
    pub fn pareto(scale: f64, shape: f64) -> Result<Self, DistributionError> {
        positive("scale", scale)?;
        let in_range = (PARETO_SHAPE_MIN..=PARAMETER_MAX).contains(&shape);
        check(in_range, "shape", shape, "from 0.1 to 1e100")?;
        Ok(Self(DistributionShape::Pareto {
            scale,
            inverse_shape: 1.0 / shape,
        }))
    }

    /// Zipf, typical of popularity: a rank from 1 to `ranks`, rank k in proportion to k^-exponent.
    /// `ranks` is 1 to 2^48; `exponent` is 0 (uniform) to 100.
    pub fn zipf(ranks: u64, exponent: f64) -> Result<Self, DistributionError> {
        let in_range = (1..=ZIPF_RANKS_MAX).contains(&ranks);
        check(in_range, "ranks", ranks.nearest_f64(), "from 1 to 2^48")?;
        check(
            (0.0..=100.0).contains(&exponent),
            "exponent",
            exponent,
            "from 0 to 100",
        )?;
        Ok(Self(DistributionShape::Zipf(Zipf::new(ranks, exponent))))
    }

    /// Empirical: one of the given values, in proportion to its weight. Values and weights are 0 to
    /// 1e100, and not all weights are 0. *O*(values) to create, *O*(1) to sample.
    pub fn empirical(
        values: impl IntoIterator<Item = (f64, f64)>,
    ) -> Result<Self, DistributionError> {
        let (values, weights): (Vec<f64>, Vec<f64>) = values.into_iter().unzip();
        for value in &values {
            non_negative("value", *value)?;
        }
        let choice = AliasTable::new(&weights)?;
        Ok(Self(DistributionShape::Empirical { values, choice }))
    }

    /// Draws a sample in the unit of the parameters: finite, and not negative.
    pub fn sample(&self, stream: &mut RandomStream) -> f64 {
        match &self.0 {
            DistributionShape::Constant { value } => *value,
            DistributionShape::Uniform { low, width } => low + width * stream.uniform(),
            DistributionShape::Exponential { mean } => mean * -libm::log(above_zero(stream)),
            DistributionShape::LogNormal {
                median,
                sigma,
                normal,
            } => median * libm::exp(sigma * normal.sample(stream)),
            DistributionShape::Pareto {
                scale,
                inverse_shape,
            } => scale * libm::exp(-libm::log(above_zero(stream)) * inverse_shape),
            DistributionShape::Zipf(zipf) => zipf.sample(stream),
            DistributionShape::Empirical { values, choice } => values[choice.draw(stream) as usize],
        }
    }

    /// Draws a sample of parameters in nanoseconds, rounded to a whole number. Saturates at
    /// `u64::MAX`.
    pub fn sample_ns(&self, stream: &mut RandomStream) -> u64 {
        // The cast saturates.
        (self.sample(stream) + 0.5).saturating_u64()
    }
}

/// Draws a uniform number in `(0, 1]`, whose logarithm is finite.
fn above_zero(stream: &mut RandomStream) -> f64 {
    1.0 - stream.uniform()
}

fn check(
    is_allowed: bool,
    parameter: &'static str,
    value: f64,
    expected: &'static str,
) -> Result<(), DistributionError> {
    if is_allowed {
        Ok(())
    } else {
        Err(DistributionError::Parameter {
            parameter,
            value,
            expected,
        })
    }
}

fn non_negative(parameter: &'static str, value: f64) -> Result<(), DistributionError> {
    check(
        (0.0..=PARAMETER_MAX).contains(&value),
        parameter,
        value,
        "from 0 to 1e100",
    )
}

fn positive(parameter: &'static str, value: f64) -> Result<(), DistributionError> {
    let is_allowed = value > 0.0 && value <= PARAMETER_MAX;
    check(is_allowed, parameter, value, "above 0 and at most 1e100")
}

#[cfg(test)]
mod tests;
