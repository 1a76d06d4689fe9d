//! Which series a query means.

use super::{InstanceId, SeriesId, TimeSeriesStore};

/// A condition on one label. A label that a series doesn't have counts as the empty text, as in
/// `PromQL`.
pub enum Matcher<'m> {
    /// `label="text"`
    Equal(&'m str, &'m str),
    /// `label!="text"`
    NotEqual(&'m str, &'m str),
    /// Any other condition, such as a compiled regular expression.
    Matches(&'m str, Box<dyn Fn(&str) -> bool + 'm>),
}

impl Matcher<'_> {
    fn fits(&self, recording: &TimeSeriesStore, id: SeriesId) -> bool {
        let value = |label: &str| match label {
            "__name__" => recording.name(id),
            _ => recording.labels(id).get(label).unwrap_or_default(),
        };
        match self {
            Self::Equal(label, text) => value(label) == *text,
            Self::NotEqual(label, text) => value(label) != *text,
            Self::Matches(label, fits) => fits(value(label)),
        }
    }
}

impl TimeSeriesStore {
    /// The series of a metric, by the name in the exposition (`x_bucket`, not `x`).
    pub fn named(&self, name: &str) -> &[SeriesId] {
        self.by_name.get(name).map_or(&[], Vec::as_slice)
    }

    /// All series, by name.
    pub fn all(&self) -> impl Iterator<Item = SeriesId> {
        self.by_name.values().flatten().copied()
    }

    /// When a series changed, ms since 1970, and the bits of what it changed to; the bits of
    /// Prometheus's staleness marker where it ended.
    pub fn changes_of(&self, id: SeriesId) -> (&[i64], &[u64]) {
        self.series[id.0 as usize].column.changes()
    }

    /// The process that a series was scraped from.
    pub fn instance_of(&self, id: SeriesId) -> InstanceId {
        self.series[id.0 as usize].instance
    }

    /// The series of a metric that fit all matchers, sorted by labels. `name` is the name on the
    /// exposition (`x_bucket`, not `x`); without it every series is looked at.
    pub fn select(&self, name: Option<&str>, matchers: &[Matcher<'_>]) -> Vec<SeriesId> {
        let fits = |id: &SeriesId| matchers.iter().all(|matcher| matcher.fits(self, *id));
        let mut found: Vec<SeriesId> = match name {
            Some(name) => {
                let ids = self.by_name.get(name).into_iter().flatten();
                ids.copied().filter(fits).collect()
            }
            None => self
                .by_name
                .values()
                .flatten()
                .copied()
                .filter(fits)
                .collect(),
        };
        found.sort_by_key(|id| (self.name(*id), self.labels(*id)));
        found
    }
}
