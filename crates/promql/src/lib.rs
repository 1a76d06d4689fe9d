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

mod absent;
mod aggregate;
mod annotation;
mod binary;
mod block;
mod budget;
mod call;
mod check;
mod choose;
mod clock;
mod clock_face;
mod comparison;
mod count_values;
mod duration;
mod dynamic;
mod elementwise;
mod engine;
mod error;
mod histogram;
mod info;
mod join;
mod labels;
mod matching;
mod operator;
mod order;
mod plan;
pub mod promqltest;
mod quantiles;
mod query;
mod range_function;
mod recording;
mod relabel;
pub mod rules;
mod scalar;
mod selected;
mod selector;
mod semantics;
mod series;
mod set_operation;
mod source;
mod steps;
mod store;
mod subquery;
pub mod suggest;
mod sum;
mod syntax;
mod value;
mod when;
mod window;

pub use annotation::{Annotation, Severity};
pub use comparison::Comparison;
pub use engine::Engine;
pub use error::{EvalError, QueryError};
pub use query::{AnswerKind, Query};
pub use selected::{Selected, SelectedLabel};
pub use semantics::{Semantics, UnknownSemantics};
pub use source::{Selection, Source, Track};
pub use store::Store;
pub use value::{InstantSample, Matrix, RangeSeries, Value};
