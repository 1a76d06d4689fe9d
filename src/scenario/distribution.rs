//! Named random distributions of durations and of counts.

use std::sync::Arc;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::Duration;

/// A distribution of lengths of time.
pub type DurationDistribution = Distribution<Duration>;

/// A distribution of counts; what is drawn is rounded to the nearest whole number.
pub type CountDistribution = Distribution<f64>;

/// A random distribution of `T`. In a file a bare value stands for `constant`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(
    tag = "kind",
    rename_all = "camelCase",
    deny_unknown_fields,
    remote = "Self"
)]
#[schemars(rename = "distribution-of-{T}", transform = allow_bare_value::<T>)]
pub enum Distribution<T> {
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

impl<T> From<T> for Distribution<T> {
    fn from(value: T) -> Self {
        Self::Constant { value }
    }
}

impl<T: Serialize> Serialize for Distribution<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Constant { value } => value.serialize(serializer),
            _ => Self::serialize(self, serializer),
        }
    }
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Distribution<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Ok(match Surface::deserialize(deserializer)? {
            Surface::Bare(value) => Self::Constant { value },
            Surface::Named(distribution) => distribution,
        })
    }
}

/// What a file may say: a bare value, or a table with a `kind`.
#[derive(Deserialize)]
#[serde(untagged, bound = "T: Deserialize<'de>")]
enum Surface<T> {
    Bare(T),
    Named(#[serde(with = "Distribution::<T>")] Distribution<T>),
}

fn allow_bare_value<T: JsonSchema>(schema: &mut Schema) {
    let bare = T::json_schema(&mut SchemaGenerator::default());
    let named = std::mem::take(schema);
    *schema = json_schema!({ "anyOf": [bare, named] });
}

fn no_values<T>() -> Arc<[T]> {
    Arc::new([])
}
