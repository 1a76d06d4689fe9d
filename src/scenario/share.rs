//! A part of a whole, or a probability.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// A number from 0 to 1: a probability, or a part of a whole.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, PartialOrd, Serialize, Deserialize, JsonSchema,
)]
#[serde(transparent)]
#[schemars(inline)]
pub struct Share(#[schemars(range(min = 0, max = 1))] pub f64);
