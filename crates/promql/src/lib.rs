//! `PromQL` over recorded series.
//!
//! ```text
//!   text ──parse──> Query ──┐
//!                           ├── prepare ──> operators ──blocks of steps──> QueryValue, Matrix
//!   Recording, MemoryStore ───────┘              (series found, labels done)
//! ```
//!
//! A [`Query`] is parsed and checked once. An [`Engine`] evaluates it over a [`Queryable`]: it finds the
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
mod comparison;
mod count_values;
mod date_functions;
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
mod memory_store;
mod operator;
mod order;
mod plan;
pub mod promqltest;
mod quantiles;
mod query;
mod queryable;
mod range_function;
mod range_windows;
mod recording;
mod relabel;
pub mod rules;
mod scalar;
mod selector;
mod selector_info;
mod semantics;
mod series;
mod set_operation;
mod steps;
mod subquery;
pub mod suggest;
mod sum;
mod syntax;
mod time_modifier;
mod timestamp_groups;
mod topk;
mod value;

pub use annotation::{Annotation, AnnotationLevel};
pub use comparison::ThresholdComparison;
pub use engine::Engine;
pub use error::{EvalError, QueryError};
pub use memory_store::MemoryStore;
pub use query::{AnswerKind, Query};
pub use queryable::{Queryable, SelectHints, SeriesData};
pub use selector_info::{MatchedLabel, SelectorInfo};
pub use semantics::{Semantics, UnknownSemantics};
pub use value::{InstantSample, Matrix, QueryValue, RangeSeries};
