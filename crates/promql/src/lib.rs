//! `PromQL` over recorded series.
//!
//! ```text
//!   text ──parse──> Query ──┐
//!                           ├── prepare ──> operators ──blocks of steps──> QueryValue, Matrix
//!   Recording, MemoryStore ───────┘              (series found, labels done)
//! ```
//!
//! A [`Query`] is parsed and checked once. An [`Engine`] evaluates it over a [`Queryable`]: it
//! finds the series of each selector, works out which of them are grouped, matched and joined, and
//! then computes values only, column by column, some thousand steps at a time. A range query costs
//! a few nanoseconds for each series and step.

mod annotation;
mod budget;
mod comparison;
mod engine;
mod error;
mod labels;
mod operators;
mod parse;
mod plan;
pub mod promqltest;
pub mod rules;
mod storage;
pub mod suggest;
mod value;

pub use annotation::{Annotation, AnnotationLevel};
pub use comparison::ThresholdComparison;
pub use engine::Engine;
pub use error::{EvalError, QueryError};
pub use parse::query::{AnswerKind, Query};
pub use parse::selector_info::{MatchedLabel, SelectorInfo};
pub use parse::semantics::{Semantics, UnknownSemantics};
pub use storage::memory_store::MemoryStore;
pub use storage::queryable::{Queryable, SelectHints, SeriesData};
pub use value::{InstantSample, Matrix, QueryValue, RangeSeries};
