//! Samplers: distributions of a scenario in the form in which they are drawn from.

use crate::scenario::{CountDistribution, DistributionSpec, Duration, DurationDistribution};
use crate::sim::distribution::{Distribution, DistributionError};
use crate::sim::kernel::RandomStream;
use rehearsal_convert::{Nearest, Saturating};

/// Draws durations or counts from a distribution that a scenario states.
#[derive(Clone, Debug)]
pub struct Sampler {
    distribution: Distribution,
    /// Factor of every draw.
    scale: f64,
}

impl Sampler {
    /// Builds a sampler of durations, in nanoseconds.
    ///
    /// # Errors
    /// The parameters of the distribution are out of range.
    pub fn of_durations(stated: &DurationDistribution) -> Result<Self, DistributionError> {
        Self::build(stated, |duration: &Duration| {
            duration.as_nanos().nearest_f64()
        })
    }

    /// Builds a sampler of counts.
    ///
    /// # Errors
    /// The parameters of the distribution are out of range.
    pub fn of_counts(stated: &CountDistribution) -> Result<Self, DistributionError> {
        Self::build(stated, |count: &f64| *count)
    }

    fn build<T>(
        stated: &DistributionSpec<T>,
        number: impl Fn(&T) -> f64,
    ) -> Result<Self, DistributionError> {
        let (distribution, scale) = stated.distribution(number)?;
        Ok(Self {
            distribution,
            scale,
        })
    }

    /// Draws a number that is not negative.
    pub fn draw(&self, stream: &mut RandomStream) -> f64 {
        self.scale * self.distribution.sample(stream)
    }

    /// Draws a number rounded to the nearest integer, saturated to `u64`.
    pub fn draw_whole(&self, stream: &mut RandomStream) -> u64 {
        (self.draw(stream) + 0.5).saturating_u64()
    }
}
