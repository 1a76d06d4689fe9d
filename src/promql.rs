//! `PromQL` over recorded series.
//!
//! ```text
//!   text ──parse──> Query ──┐
//!                           ├── prepare ──> operators ──blocks of steps──> Value, Matrix
//!   Recording, Store ───────┘              (series found, labels done)
//! ```
//!
//! A [`Query`] is parsed and checked once. An [`Engine`] evaluates it over a [`Source`]: it finds the
//! series of each selector, works out which of them are grouped, matched and joined, and then
//! computes values only, column by column, some thousand steps at a time. A range query costs a few
//! nanoseconds for each series and step.

mod aggregate;
mod annotation;
mod binary;
mod block;
mod call;
mod clock;
mod engine;
mod error;
mod join;
mod labels;
mod matching;
mod operator;
mod plan;
mod query;
mod range_function;
mod recording;
pub mod rules;
mod scalar;
mod selector;
mod semantics;
mod series;
mod set_operation;
mod source;
mod steps;
mod sum;
mod value;
mod when;
mod window;

pub use annotation::{Annotation, Severity};
pub use engine::Engine;
pub use error::{EvalError, QueryError};
pub use query::Query;
pub use semantics::{Semantics, UnknownSemantics};
pub use source::{Selection, Source, Track};
pub use value::{InstantSample, Matrix, RangeSeries, Value};
