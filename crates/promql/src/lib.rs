//! `PromQL` over recorded series.
//!
//! ```text
//!   text ──parse──> Query ──────────┐
//!                                   ├── plan ──> operators ──blocks of steps──> QueryValue, Matrix
//!   TimeSeriesStore, MemoryStore ───┘            (series resolved, labels computed)
//! ```
//!
//! A [`Query`] is parsed and checked once. An [`Engine`] evaluates it over a [`Queryable`]: it
//! selects the series, resolves grouping, matching and joining by their labels, and then computes
//! values only, column by column, in blocks of some thousand steps.
//!
//! Prometheus evaluates step by step and computes labels at each step. That suits a server with
//! many series and few steps. Rehearsals have few series and many steps, so labels are computed
//! once per query. The exceptions are operators whose labels depend on values, such as
//! `count_values`; they evaluate all steps first.

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
pub use parse::functions::function_names;
pub use parse::query::{AnswerKind, Query};
pub use parse::selector_info::{MatchedLabel, SelectorInfo};
pub use parse::semantics::{Semantics, UnknownSemantics};
pub use storage::memory_store::MemoryStore;
pub use storage::queryable::{Queryable, SelectHints, SeriesData};
pub use value::{InstantSample, Matrix, QueryValue, RangeSeries};
