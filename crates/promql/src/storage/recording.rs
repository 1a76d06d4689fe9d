//! Recorded series of a run as a [`Queryable`].

use promql_parser::label::{METRIC_NAME, MatchOp, Matcher};

use crate::error::EvalError;
use crate::storage::queryable::{Queryable, SelectHints, SeriesData};
use rehearsal_metrics::TimeSeriesStore;
use rehearsal_metrics::series::SeriesId;

impl Queryable for TimeSeriesStore {
    fn select(&self, selection: &SelectHints<'_>) -> Result<Vec<SeriesData<'_>>, EvalError> {
        let fits = |id: &SeriesId| {
            selection.fits(|label| match label {
                METRIC_NAME => Some(self.name(*id)),
                _ => self.labels(*id).get(label),
            })
        };
        let data = |id: SeriesId| {
            let (change_times_ms, change_bits) = self.changes_of(id);
            SeriesData {
                labels: self.labels(id).with(METRIC_NAME, self.name(id)),
                times_ms: self.scrapes_ms(self.instance_of(id)),
                change_times_ms,
                change_bits,
            }
        };
        let series_data = match only_name(selection) {
            Some(name) => {
                let named = self.named(name).iter().copied();
                named.filter(fits).map(data).collect()
            }
            None => self.all().filter(fits).map(data).collect(),
        };
        Ok(series_data)
    }
}

/// Metric name, if the selection has exactly one.
fn only_name<'q>(selection: &SelectHints<'q>) -> Option<&'q str> {
    let [matchers] = selection.any_of[..] else {
        return None;
    };
    let is_name =
        |matcher: &&Matcher| matcher.name == METRIC_NAME && matches!(matcher.op, MatchOp::Equal);
    let name = matchers.iter().find(is_name)?;
    Some(name.value.as_str())
}
