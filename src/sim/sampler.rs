//! From a distribution as a scenario states it to one that can be drawn from.

use crate::scenario::{CountDistribution, DistributionSpec, Duration, DurationDistribution};
use crate::sim::distribution::{Distribution, DistributionError};
use crate::sim::kernel::RandomStream;

/// Draws what a scenario has stated.
#[derive(Clone, Debug)]
pub struct Sampler {
    distribution: Distribution,
    /// What a draw is multiplied with.
    scale: f64,
}

impl Sampler {
    /// Draws durations, in nanoseconds.
    ///
    /// # Errors
    /// The distribution can't be.
    pub fn of_durations(stated: &DurationDistribution) -> Result<Self, DistributionError> {
        Self::build(stated, |duration: &Duration| duration.as_nanos() as f64)
    }

    /// Draws counts.
    ///
    /// # Errors
    /// The distribution can't be.
    pub fn of_counts(stated: &CountDistribution) -> Result<Self, DistributionError> {
        Self::build(stated, |count: &f64| *count)
    }

    fn build<T>(
        stated: &DistributionSpec<T>,
        number: impl Fn(&T) -> f64,
    ) -> Result<Self, DistributionError> {
        let mut factor = 1.0;
        let distribution = match stated {
            DistributionSpec::Constant { value } => Distribution::constant(number(value)),
            DistributionSpec::Uniform { min, max } => {
                Distribution::uniform(number(min), number(max))
            }
            DistributionSpec::Exponential { mean } => Distribution::exponential(number(mean)),
            DistributionSpec::Lognormal { median, p99 } => {
                Distribution::log_normal(number(median), number(p99))
            }
            DistributionSpec::Pareto { min, shape } => Distribution::pareto(number(min), *shape),
            DistributionSpec::Zipf {
                scale,
                ranks,
                exponent,
            } => {
                factor = number(scale);
                Distribution::zipf(*ranks, *exponent)
            }
            DistributionSpec::Empirical { values, .. } => {
                Distribution::empirical(values.iter().map(|value| (number(value), 1.0)))
            }
        }?;
        Ok(Self {
            distribution,
            scale: factor,
        })
    }

    /// Draws a number: never negative.
    pub fn draw(&self, stream: &mut RandomStream) -> f64 {
        self.scale * self.distribution.sample(stream)
    }

    /// Draws a whole number of nanoseconds, or a count.
    pub fn draw_whole(&self, stream: &mut RandomStream) -> u64 {
        // The cast saturates.
        (self.draw(stream) + 0.5) as u64
    }
}
