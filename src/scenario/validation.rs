//! Validation of a parsed document, in two stages.
//!
//! The first holds the document against the JSON Schema: keys, types, ranges and text formats. The
//! second looks for contradictions between values, which no schema can state.

mod formats;
mod known_names;
mod schema_validation;
mod semantics;

pub use formats::is_slug;
pub use known_names::{KnownInstrument, KnownNames};
pub use schema_validation::check as check_schema;
pub use semantics::{check as check_semantics, check_alert};
