//! Storage interface of the engine.

use promql_parser::label::Matcher;

use crate::error::EvalError;
use rehearsal_metrics::Labels;

/// Storage whose series can be selected.
pub trait Queryable {
    /// Returns the series that match, without duplicates. Series without samples in the time range
    /// may be omitted.
    ///
    /// # Errors
    ///
    /// If a matching series holds values other than floats in the time range.
    fn select(&self, selection: &SelectHints<'_>) -> Result<Vec<SeriesData<'_>>, EvalError>;
}

/// Matchers and time range of a selection.
#[derive(Debug)]
pub struct SelectHints<'q> {
    /// Alternatives: all matchers of at least one must match. The name is the label `__name__`.
    pub any_of: Vec<&'q [Matcher]>,
    /// Earliest sample that is needed, ms since 1970.
    pub from_ms: i64,
    /// Latest sample that is needed, ms since 1970.
    pub until_ms: i64,
}

impl SelectHints<'_> {
    /// Whether a series with these labels matches; an absent label is empty.
    pub fn fits<'l>(&self, value: impl Fn(&str) -> Option<&'l str>) -> bool {
        let fits = |matcher: &Matcher| matcher.is_match(value(&matcher.name).unwrap_or_default());
        let all = |matchers: &&[Matcher]| matchers.iter().all(fits);
        self.any_of.iter().any(all)
    }
}

/// Timestamps of a series' samples, and the changes of its value.
///
/// At each timestamp there is a sample with the value of the last change. A change to the staleness
/// marker ends the series until the next change.
#[derive(Clone, Debug)]
pub struct SeriesData<'s> {
    /// Labels including the name, `__name__`.
    pub labels: Labels,
    /// Timestamps of possible samples, ms since 1970, ascending. Series that share this slice are
    /// looked up together.
    pub times_ms: &'s [i64],
    /// Times of changes, ms since 1970, ascending.
    pub change_times_ms: &'s [i64],
    /// Bits of the new values.
    pub change_bits: &'s [u64],
}
