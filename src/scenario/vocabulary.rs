//! The names that a scenario may speak of: instruments with their labels, and invariants.

use crate::metrics::{Definition, Kind};

use super::query::{Comparison, QueryError, Series};
use super::suggest;

/// The labels that a scrape adds to every series.
const SCRAPE_LABELS: [&str; 2] = ["job", "instance"];

/// What a process's scrape is called when it is a series itself.
const UP: &str = "up";

/// The names that a scenario may speak of.
#[derive(Clone, Debug, Default)]
pub struct Vocabulary {
    /// The instruments. None: any name will do.
    pub instruments: Vec<Instrument>,
    /// The names of the invariants. None: any name will do.
    pub invariants: Vec<String>,
}

/// An instrument by name.
#[derive(Clone, Debug)]
pub struct Instrument {
    /// Its name.
    pub name: String,
    /// Whether it is a histogram, with `_bucket`, `_sum` and `_count`.
    pub histogram: bool,
    /// Its labels, with the values of each, or none if its values are open.
    pub labels: Vec<(String, Vec<String>)>,
}

impl Vocabulary {
    /// Checks the names, labels and values that a query speaks of.
    pub fn check(&self, comparison: &Comparison) -> Result<(), QueryError> {
        let series = comparison.series();
        if self.instruments.is_empty() || series.name == UP {
            return Ok(());
        }
        self.check_series(series, comparison.asks_quantile())
    }

    fn check_series(&self, series: &Series, of_buckets: bool) -> Result<(), QueryError> {
        let Some((instrument, bucket)) = self.find(&series.name) else {
            let names = self
                .instruments
                .iter()
                .map(|instrument| instrument.name.as_str());
            let help = match suggest::closest(&series.name, names) {
                Some(meant) => format!("did you mean `{meant}`?"),
                None => "docs/scenarios.md lists the instruments".into(),
            };
            let message = format!("`{}` is no instrument", series.name);
            return Err(QueryError::new(series.offset, message).help(help));
        };
        if instrument.histogram && series.name == instrument.name && !of_buckets {
            let message = format!("`{}` is a histogram", instrument.name);
            let help = format!(
                "take `{0}_count`, `{0}_sum` or a `histogram_quantile`",
                series.name
            );
            return Err(QueryError::new(series.offset, message).help(help));
        }
        for matcher in &series.matchers {
            instrument.check_label(&matcher.label, bucket || of_buckets, matcher.offset)?;
            instrument.check_value(&matcher.label, &matcher.value, matcher.offset)?;
        }
        Ok(())
    }

    /// The instrument whose series have this name, and whether they are buckets.
    fn find(&self, name: &str) -> Option<(&Instrument, bool)> {
        self.instruments.iter().find_map(|instrument| {
            match name.strip_prefix(instrument.name.as_str())? {
                "" => Some((instrument, false)),
                "_sum" | "_count" if instrument.histogram => Some((instrument, false)),
                "_bucket" if instrument.histogram => Some((instrument, true)),
                _ => None,
            }
        })
    }
}

impl From<&Definition> for Instrument {
    fn from(definition: &Definition) -> Self {
        let values = |values: &[&str]| values.iter().copied().map(String::from).collect();
        let labels = definition.labels.iter();
        Self {
            name: definition.name.to_owned(),
            histogram: definition.kind == Kind::Histogram,
            labels: labels
                .map(|label| (label.name.to_owned(), values(label.values)))
                .collect(),
        }
    }
}

impl Instrument {
    fn check_label(&self, label: &str, bucket: bool, offset: usize) -> Result<(), QueryError> {
        let own = self.labels.iter().map(|(name, _)| name.as_str());
        let known = own.chain(SCRAPE_LABELS).chain(bucket.then_some("le"));
        if known.clone().any(|name| name == label) {
            return Ok(());
        }
        let message = format!("`{}` has no label `{label}`", self.name);
        Err(QueryError::new(offset, message).maybe_help(suggest::remedy(label, known)))
    }

    fn check_value(&self, label: &str, value: &str, offset: usize) -> Result<(), QueryError> {
        let Some((_, values)) = self.labels.iter().find(|(name, _)| name == label) else {
            return Ok(());
        };
        if values.is_empty() || values.iter().any(|known| known == value) {
            return Ok(());
        }
        let message = format!("`{label}` is never `{value}`");
        let remedy = suggest::remedy(value, values.iter().map(String::as_str));
        Err(QueryError::new(offset, message).maybe_help(remedy))
    }
}
