//! Random distributions of durations and counts, and probabilities.

use std::sync::Arc;

use rehearsal_kernel::distribution::{Distribution, DistributionError};
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::scenario::Duration;

/// Probability, or share of a whole: 0 to 1.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, PartialOrd, Serialize, Deserialize, JsonSchema,
)]
#[serde(transparent)]
#[schemars(inline)]
pub struct Share(#[schemars(range(min = 0, max = 1))] pub f64);

/// Distribution of durations.
pub type DurationDistribution = DistributionSpec<Duration>;

/// Distribution of counts; draws are rounded to the nearest whole number.
pub type CountDistribution = DistributionSpec<f64>;

/// Random distribution. In a file, a bare value is a `constant` distribution.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(
    tag = "kind",
    rename_all = "camelCase",
    deny_unknown_fields,
    remote = "Self"
)]
#[schemars(rename = "distribution-of-{T}", transform = allow_bare_value::<T>)]
pub enum DistributionSpec<T> {
    /// Constant distribution.
    Constant {
        /// Value of every draw.
        value: T,
    },
    /// Uniform distribution from `min` to `max`.
    Uniform {
        /// Minimum value.
        min: T,
        /// Maximum value.
        max: T,
    },
    /// Exponential distribution: gaps between independent events.
    Exponential {
        /// Mean of the distribution.
        mean: T,
    },
    /// Log-normal distribution, as of round-trip times and sizes.
    Lognormal {
        /// Median: half of the draws are below.
        median: T,
        /// 99th percentile: one draw in a hundred is above.
        p99: T,
    },
    /// Pareto distribution: the probability of a draw above x is (min / x) ^ shape.
    Pareto {
        /// Minimum value.
        min: T,
        /// Shape of the tail; with 1 or less the mean is infinite.
        shape: f64,
    },
    /// Zipf distribution: `scale` × k, where rank k has a weight of 1 / k ^ exponent.
    Zipf {
        /// Value of a draw of rank 1.
        scale: T,
        /// Number of ranks.
        ranks: u64,
        /// Exponent of the weights.
        exponent: f64,
    },
    /// Empirical distribution: equally likely values of a file, one per line.
    Empirical {
        /// Path of the file, relative to the scenario file.
        file: String,
        /// Values of the file, ascending; filled when the scenario is loaded.
        #[serde(skip, default = "no_values")]
        values: Arc<[T]>,
    },
}

impl<T> DistributionSpec<T> {
    /// Converts to the distribution from which values are drawn, and the factor of every draw.
    /// `number` converts a value of the scenario.
    ///
    /// # Errors
    /// A parameter is out of range.
    pub fn distribution(
        &self,
        number: impl Fn(&T) -> f64,
    ) -> Result<(Distribution, f64), DistributionError> {
        let mut factor = 1.0;
        let distribution = match self {
            Self::Constant { value } => Distribution::constant(number(value)),
            Self::Uniform { min, max } => Distribution::uniform(number(min), number(max)),
            Self::Exponential { mean } => Distribution::exponential(number(mean)),
            Self::Lognormal { median, p99 } => {
                Distribution::log_normal(number(median), number(p99))
            }
            Self::Pareto { min, shape } => Distribution::pareto(number(min), *shape),
            Self::Zipf {
                scale,
                ranks,
                exponent,
            } => {
                factor = number(scale);
                Distribution::zipf(*ranks, *exponent)
            }
            Self::Empirical { values, .. } => {
                Distribution::empirical(values.iter().map(|value| (number(value), 1.0)))
            }
        }?;
        Ok((distribution, factor))
    }
}

impl<T> From<T> for DistributionSpec<T> {
    fn from(value: T) -> Self {
        Self::Constant { value }
    }
}

impl<T: Serialize> Serialize for DistributionSpec<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Constant { value } => value.serialize(serializer),
            _ => Self::serialize(self, serializer),
        }
    }
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for DistributionSpec<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Ok(match DistributionForm::deserialize(deserializer)? {
            DistributionForm::Bare(value) => Self::Constant { value },
            DistributionForm::Named(distribution) => distribution,
        })
    }
}

/// Form in a file: a bare value, or a table with a `kind`.
#[derive(Deserialize)]
#[serde(untagged, bound = "T: Deserialize<'de>")]
enum DistributionForm<T> {
    Bare(T),
    Named(#[serde(with = "DistributionSpec::<T>")] DistributionSpec<T>),
}

fn allow_bare_value<T: JsonSchema>(schema: &mut Schema) {
    let bare = T::json_schema(&mut SchemaGenerator::default());
    let named = std::mem::take(schema);
    *schema = json_schema!({ "anyOf": [bare, named] });
}

fn no_values<T>() -> Arc<[T]> {
    Arc::new([])
}
