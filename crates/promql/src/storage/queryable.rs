//! Where samples come from.

use promql_parser::label::Matcher;

use crate::error::EvalError;
use rehearsal_metrics::Labels;

/// Series that a query can ask for.
pub trait Queryable {
    /// The series that fit the selection, without duplicates. Those that have no sample in its
    /// span may be left out.
    ///
    /// # Errors
    ///
    /// If a series that fits holds in that span what isn't a number.
    fn select(&self, selection: &SelectHints<'_>) -> Result<Vec<SeriesData<'_>>, EvalError>;
}

/// Which series, and when.
#[derive(Debug)]
pub struct SelectHints<'q> {
    /// Alternatives; of one at least all conditions must hold. `__name__` is a label here.
    pub any_of: Vec<&'q [Matcher]>,
    /// No sample is asked for that is earlier, ms since 1970.
    pub from_ms: i64,
    /// Nor any that is later.
    pub until_ms: i64,
}

impl SelectHints<'_> {
    /// Whether a series with these labels is meant; a label that it doesn't have is empty.
    pub fn fits<'l>(&self, value: impl Fn(&str) -> Option<&'l str>) -> bool {
        let fits = |matcher: &Matcher| matcher.is_match(value(&matcher.name).unwrap_or_default());
        let all = |matchers: &&[Matcher]| matchers.iter().all(fits);
        self.any_of.iter().any(all)
    }
}

/// One series: the times of its samples, and how its value changed.
///
/// There is a sample at each of the times, of the last change until then. A change to
/// Prometheus's staleness marker ends the series: until the next change it has no samples.
#[derive(Clone, Debug)]
pub struct SeriesData<'s> {
    /// All labels; the name is the label `__name__`.
    pub labels: Labels,
    /// When there may be samples, ms since 1970, rising. Tracks that share this very slice are
    /// looked up together.
    pub times_ms: &'s [i64],
    /// When the value changed, ms since 1970, rising.
    pub change_times_ms: &'s [i64],
    /// The bits of what it changed to.
    pub change_bits: &'s [u64],
}
