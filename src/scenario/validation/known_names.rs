//! Names that a scenario may refer to: instruments with their labels, and invariants.

use crate::metrics::{Definition, InstrumentKind};

use crate::promql::{MatchedLabel, Query, QueryError, SelectorInfo, suggest};

/// Labels that a scrape adds to every series.
const SCRAPE_LABELS: [&str; 2] = ["job", "instance"];

/// Series of the success of each scrape: 1 or 0.
const UP: &str = "up";

/// Names that a scenario may refer to.
#[derive(Clone, Debug, Default)]
pub struct KnownNames {
    /// Known instruments. If empty, any name is accepted.
    pub instruments: Vec<KnownInstrument>,
    /// Names of the invariants. If empty, any name is accepted.
    pub invariants: Vec<String>,
}

/// An instrument by name.
#[derive(Clone, Debug)]
pub struct KnownInstrument {
    /// Metric name, without suffixes such as `_bucket`.
    pub name: String,
    /// Whether it is a histogram, with `_bucket`, `_sum` and `_count`.
    pub histogram: bool,
    /// Its labels, with the values of each, or none if its values are open.
    pub labels: Vec<(String, Vec<String>)>,
}

impl KnownNames {
    /// Checks the names, labels and values that a query speaks of.
    pub fn check(&self, query: &Query) -> Result<(), QueryError> {
        let selected = query.selectors();
        let mut known = selected.iter().filter(|_| !self.instruments.is_empty());
        known.try_for_each(|selected| self.check_selected(selected))
    }

    fn check_selected(&self, selected: &SelectorInfo<'_>) -> Result<(), QueryError> {
        let Some(name) = selected.name.filter(|name| *name != UP) else {
            return Ok(());
        };
        let Some((instrument, is_bucket)) = self.find(name) else {
            let names = self
                .instruments
                .iter()
                .map(|instrument| instrument.name.as_str());
            let help = match suggest::closest(name, names) {
                Some(meant) => format!("did you mean `{meant}`?"),
                None => "docs/scenarios.md lists the instruments".into(),
            };
            let message = format!("there is no instrument `{name}`");
            return Err(QueryError::new(selected.offset, message).help(help));
        };
        if instrument.histogram && name == instrument.name {
            let message = format!("`{name}` is a histogram");
            let help = format!(
                "use `{name}_bucket` in `histogram_quantile`, or `{name}_count` or `{name}_sum`"
            );
            return Err(QueryError::new(selected.offset, message).help(help));
        }
        selected
            .labels
            .iter()
            .try_for_each(|label| instrument.check_label(label, is_bucket))
    }

    /// Instrument of a series name, and whether the series are buckets.
    fn find(&self, name: &str) -> Option<(&KnownInstrument, bool)> {
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

impl From<&Definition> for KnownInstrument {
    fn from(definition: &Definition) -> Self {
        let values = |values: &[&str]| values.iter().copied().map(String::from).collect();
        let labels = definition.labels.iter();
        Self {
            name: definition.name.to_owned(),
            histogram: definition.kind == InstrumentKind::Histogram,
            labels: labels
                .map(|label| (label.name.to_owned(), values(label.values)))
                .collect(),
        }
    }
}

impl KnownInstrument {
    fn check_label(&self, label: &MatchedLabel<'_>, is_bucket: bool) -> Result<(), QueryError> {
        let own = self.labels.iter().map(|(name, _)| name.as_str());
        let known = own.chain(SCRAPE_LABELS).chain(is_bucket.then_some("le"));
        if !known.clone().any(|name| name == label.name) {
            let message = format!("`{}` has no label `{}`", self.name, label.name);
            let help = suggest::remedy(label.name, known);
            return Err(QueryError::new(label.offset, message).help(help));
        }
        self.check_value(label)
    }

    fn check_value(&self, label: &MatchedLabel<'_>) -> Result<(), QueryError> {
        let MatchedLabel { name, value, .. } = *label;
        let Some((_, values)) = self.labels.iter().find(|(known, _)| known == name) else {
            return Ok(());
        };
        let is_known = values.iter().any(|known| known == value);
        if values.is_empty() || is_known || label.is_pattern || value.is_empty() {
            return Ok(());
        }
        let message = format!("label `{name}` never has the value `{value}`");
        let remedy = suggest::remedy(value, values.iter().map(String::as_str));
        Err(QueryError::new(label.offset, message).help(remedy))
    }
}
