//! Commands of a script.

use super::expectation::Expected;
use super::series::{SeriesLine, SeriesPoint};
use crate::annotation::Annotation;
use crate::engine::Engine;
use crate::error::EvalError;
use crate::parse::query::Query;
use crate::storage::memory_store::MemoryStore;
use crate::value::QueryValue;
use rehearsal_convert::Index;
use rehearsal_metrics::Labels;

/// Command with its arguments.
#[derive(Debug)]
pub(super) enum TestCommand {
    /// Deletes all data.
    Clear,
    /// Adds series.
    Load(Load),
    /// Evaluates a query and compares the result.
    Eval(Box<Eval>),
}

/// Series with points one step apart from time 0.
#[derive(Debug)]
pub(super) struct Load {
    pub(super) step_ms: i64,
    pub(super) series: Vec<SeriesLine>,
    /// Whether classic histograms are loaded as native ones too.
    pub(super) with_native: bool,
}

/// Query with its expectations.
#[derive(Debug)]
pub(super) struct Eval {
    pub(super) line: usize,
    pub(super) text: String,
    pub(super) query: String,
    pub(super) when: EvalTimes,
    pub(super) expected: Expected,
}

/// Evaluation times of a query.
#[derive(Clone, Copy, Debug)]
pub(super) enum EvalTimes {
    At(i64),
    Range {
        start_ms: i64,
        end_ms: i64,
        step_ms: i64,
    },
}

impl EvalTimes {
    /// Evaluates a query at these times.
    pub(super) fn ask(
        self,
        engine: &Engine<'_, MemoryStore>,
        query: &Query,
    ) -> Result<(QueryValue, Vec<Annotation>), EvalError> {
        match self {
            Self::At(at_ms) => engine.instant_annotated(query, at_ms),
            Self::Range {
                start_ms,
                end_ms,
                step_ms,
            } => {
                let (matrix, annotations) =
                    engine.range_annotated(query, start_ms, end_ms, step_ms)?;
                Ok((QueryValue::Matrix(matrix), annotations))
            }
        }
    }
}

impl Load {
    pub(super) fn into_store(self, store: &mut MemoryStore) {
        for SeriesLine { labels, points } in &self.series {
            let base = self.with_native.then(|| native_base(labels)).flatten();
            for (index, point) in points.iter().enumerate() {
                let at_ms = index.index_i64() * self.step_ms;
                match point {
                    SeriesPoint::Omitted => continue,
                    SeriesPoint::Stale => store.push(labels, at_ms, None),
                    SeriesPoint::Value(value) => store.push(labels, at_ms, Some(*value)),
                    SeriesPoint::Native => store.push_native(labels, at_ms),
                }
                if let Some(base) = &base {
                    store.push_native(base, at_ms);
                }
            }
        }
    }
}

/// Labels of the native histogram that a classic series belongs to.
fn native_base(labels: &Labels) -> Option<Labels> {
    let name = labels.get("__name__")?;
    let endings = ["_bucket", "_count", "_sum"];
    let base = endings
        .iter()
        .find_map(|ending| name.strip_suffix(ending))?;
    Some(labels.without("le").with("__name__", base))
}
