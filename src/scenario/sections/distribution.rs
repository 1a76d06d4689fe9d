//! Named random distributions of durations and of counts, and probabilities.

use std::sync::Arc;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::scenario::Duration;

/// A number from 0 to 1: a probability, or a part of a whole.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, PartialOrd, Serialize, Deserialize, JsonSchema,
)]
#[serde(transparent)]
#[schemars(inline)]
pub struct Share(#[schemars(range(min = 0, max = 1))] pub f64);

/// A distribution of lengths of time.
pub type DurationDistribution = DistributionSpec<Duration>;

/// A distribution of counts; what is drawn is rounded to the nearest whole number.
pub type CountDistribution = DistributionSpec<f64>;

/// A random distribution of `T`. In a file a bare value stands for `constant`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(
    tag = "kind",
    rename_all = "camelCase",
    deny_unknown_fields,
    remote = "Self"
)]
#[schemars(rename = "distribution-of-{T}", transform = allow_bare_value::<T>)]
pub enum DistributionSpec<T> {
    /// Always the same.
    Constant {
        /// What is always drawn.
        value: T,
    },
    /// Anything from `min` to `max`, equally likely.
    Uniform {
        /// The least.
        min: T,
        /// The most.
        max: T,
    },
    /// Gaps between events that know nothing of one another.
    Exponential {
        /// The mean.
        mean: T,
    },
    /// Round trips and sizes: most near the median, a few far above.
    Lognormal {
        /// Half of the draws are below.
        median: T,
        /// One draw in a hundred is above.
        p99: T,
    },
    /// A heavy tail: the chance of a draw above x is (min / x) ^ shape.
    Pareto {
        /// The least.
        min: T,
        /// How fast the tail thins out; with 1 or less there is no mean.
        shape: f64,
    },
    /// `scale` × rank, rank k of `ranks` having a weight of 1 / k ^ exponent.
    Zipf {
        /// What rank 1 yields.
        scale: T,
        /// How many ranks there are.
        ranks: u64,
        /// How steeply the weight falls with the rank.
        exponent: f64,
    },
    /// Draws, equally likely, from the values in a file, one to a line.
    Empirical {
        /// The path, relative to the scenario file.
        file: String,
        /// The values of the file, ascending; filled when the scenario is loaded.
        #[serde(skip, default = "no_values")]
        values: Arc<[T]>,
    },
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

/// What a file may say: a bare value, or a table with a `kind`.
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
