//! Asks the recorded series, in `PromQL`.

use std::collections::BTreeSet;

use super::legend::LabelMap;
use super::step_grid::StepGrid;
use super::variable::LabelQuery;
use crate::metrics::{Family, Labels, TimeSeriesStore};
use crate::promql::rules::{MergedQueryable, RecordedRules, Rule, RuleFile};
use crate::promql::suggest::closest;
use crate::promql::{Engine, Query, QueryValue, Semantics};

/// The answer for one series.
#[derive(Clone, Debug, PartialEq)]
pub struct PanelSeries {
    /// Its labels, `__name__` included if it has one.
    pub labels: LabelMap,
    /// Its value at each instant of the grid; one value for a question about an instant.
    pub values: Vec<Option<f64>>,
}

/// Everything that can be asked about.
pub struct QueryableRun<'r> {
    /// What was scraped.
    pub series: &'r TimeSeriesStore,
    /// The rules that were evaluated over it.
    pub rules: &'r RuleFile,
    /// What they recorded.
    pub recorded: &'r RecordedRules,
}

impl QueryableRun<'_> {
    /// Whether there are series of that name, or could have been.
    fn knows(&self, name: &str) -> bool {
        let belongs = |family: &Family| {
            let part = name.strip_prefix(family.name.as_ref());
            part.is_some_and(|part| matches!(part, "" | "_bucket" | "_sum" | "_count"))
        };
        !self.series.named(name).is_empty()
            || self.series.families().any(belongs)
            || self.rules.rules().any(|rule| rule.name() == name)
            || ALERT_SERIES.contains(&name)
    }

    fn names(&self) -> impl Iterator<Item = &str> {
        let families = self.series.families().map(|family| family.name.as_ref());
        families.chain(self.rules.rules().map(Rule::name))
    }
}

/// The series that tell of alerts.
const ALERT_SERIES: [&str; 2] = ["ALERTS", "ALERTS_FOR_STATE"];

/// Answers questions about one run.
pub struct PanelQueries<'r> {
    queryable: &'r QueryableRun<'r>,
    source: MergedQueryable<'r, TimeSeriesStore, RecordedRules>,
    grid: StepGrid,
    end_ms: i64,
}

impl<'r> PanelQueries<'r> {
    /// Answers over the instants of `grid`, and at the run's end.
    pub fn new(queryable: &'r QueryableRun<'r>, grid: StepGrid, end_ms: i64) -> Self {
        Self {
            queryable,
            source: MergedQueryable(queryable.series, queryable.recorded),
            grid,
            end_ms,
        }
    }

    /// The answer over time.
    ///
    /// # Errors
    /// Why there is none, as a sentence.
    pub fn over_time(&self, text: &str) -> Result<Vec<PanelSeries>, String> {
        let query = self.understand(text)?;
        let StepGrid {
            start_ms, step_ms, ..
        } = self.grid;
        let matrix = Engine::new(&self.source)
            .range(&query, start_ms, self.grid.end_ms(), step_ms)
            .map_err(|error| error.to_string())?;
        let lines = matrix.series.iter().map(|series| PanelSeries {
            labels: map(&series.labels),
            values: self.grid.column(&series.points),
        });
        Ok(lines.collect())
    }

    /// The answer at the end of the run.
    ///
    /// # Errors
    /// Why there is none, as a sentence.
    pub fn at_end(&self, text: &str) -> Result<Vec<PanelSeries>, String> {
        let query = self.understand(text)?;
        let value = Engine::new(&self.source).instant(&query, self.end_ms);
        let line = |labels: LabelMap, value: f64| PanelSeries {
            labels,
            values: vec![Some(value)],
        };
        match value.map_err(|error| error.to_string())? {
            QueryValue::Scalar(value) => Ok(vec![line(LabelMap::new(), value)]),
            QueryValue::Vector(samples) => Ok(samples
                .iter()
                .map(|sample| line(map(&sample.labels), sample.value))
                .collect()),
            QueryValue::String(_) | QueryValue::Matrix(_) => {
                Err(format!("`{text}` is neither a number nor a list of series"))
            }
        }
    }

    /// The values of a label, over the whole run.
    ///
    /// # Errors
    /// The selector is none.
    pub fn label_values(&self, query: &LabelQuery) -> Result<Vec<String>, String> {
        let selector = match query.selector.as_str() {
            "" => "{__name__!=\"\"}",
            selector => selector,
        };
        let lines = self.over_time(&format!(
            "last_over_time({selector}[{}ms])",
            self.grid.step_ms
        ))?;
        let values = lines
            .into_iter()
            .filter_map(|mut line| line.labels.remove(&query.label));
        let values: BTreeSet<String> = values.collect();
        Ok(values.into_iter().collect())
    }

    /// The query, if it asks for metrics that were recorded.
    fn understand(&self, text: &str) -> Result<Query, String> {
        let query = Query::parse(text, Semantics::V3)
            .map_err(|error| format!("`{text}` is no query that can be answered: {error}"))?;
        for name in query.metric_names() {
            if !self.queryable.knows(name) {
                let hint = closest(name, self.queryable.names());
                let hint = hint.map(|name| format!("; did you mean `{name}`?"));
                let hint = hint.unwrap_or_default();
                return Err(format!("the run recorded no metric `{name}`{hint}"));
            }
        }
        Ok(query)
    }
}

fn map(labels: &Labels) -> LabelMap {
    let owned = |(label, value): (&str, &str)| (label.to_owned(), value.to_owned());
    labels.iter().map(owned).collect()
}
