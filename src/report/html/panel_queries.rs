//! Evaluation of panel queries over the recorded series.

use std::collections::BTreeSet;

use super::legend::LabelMap;
use super::step_grid::StepGrid;
use super::variable::LabelQuery;
use crate::metrics::{Family, Labels, TimeSeriesStore};
use crate::promql::rules::{MergedQueryable, RecordedRules, Rule, RuleFile};
use crate::promql::suggest::closest;
use crate::promql::{Engine, Query, QueryValue, Semantics};

/// Series of a query result, sampled at the instants of the grid.
#[derive(Clone, Debug, PartialEq)]
pub struct PanelSeries {
    /// Labels, including `__name__` if the series has one.
    pub labels: LabelMap,
    /// Value at each instant; one value for a query at the end of the run.
    pub values: Vec<Option<f64>>,
}

/// Recorded series and evaluated rules of one run.
pub struct QueryableRun<'r> {
    /// Scraped series.
    pub series: &'r TimeSeriesStore,
    /// Rules that were evaluated over the series.
    pub rules: &'r RuleFile,
    /// Series that the rules recorded.
    pub recorded: &'r RecordedRules,
}

impl QueryableRun<'_> {
    /// Returns whether a metric of that name exists or is declared.
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

/// Series that Prometheus derives from alerts.
const ALERT_SERIES: [&str; 2] = ["ALERTS", "ALERTS_FOR_STATE"];

/// Evaluator of queries over one run.
pub struct PanelQueries<'r> {
    queryable: &'r QueryableRun<'r>,
    source: MergedQueryable<'r, TimeSeriesStore, RecordedRules>,
    grid: StepGrid,
    end_ms: i64,
}

impl<'r> PanelQueries<'r> {
    /// Creates an evaluator for the instants of `grid`, and for the end of the run.
    pub fn new(queryable: &'r QueryableRun<'r>, grid: StepGrid, end_ms: i64) -> Self {
        Self {
            queryable,
            source: MergedQueryable(queryable.series, queryable.recorded),
            grid,
            end_ms,
        }
    }

    /// Evaluates a query at every instant of the grid.
    ///
    /// # Errors
    /// The query is invalid, names an unknown metric, or fails.
    pub fn over_time(&self, text: &str) -> Result<Vec<PanelSeries>, String> {
        let query = self.parse(text)?;
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

    /// Evaluates a query at the end of the run.
    ///
    /// # Errors
    /// The query is invalid, names an unknown metric, or has no vector or scalar as result.
    pub fn at_end(&self, text: &str) -> Result<Vec<PanelSeries>, String> {
        let query = self.parse(text)?;
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
                Err(format!("the result of `{text}` is not a scalar or vector"))
            }
        }
    }

    /// Returns the values of a label over the whole run.
    ///
    /// # Errors
    /// The selector is invalid.
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

    /// Parses a query and refuses unknown metrics.
    fn parse(&self, text: &str) -> Result<Query, String> {
        let query = Query::parse(text, Semantics::V3)
            .map_err(|error| format!("can't evaluate `{text}`: {error}"))?;
        for name in query.metric_names() {
            if !self.queryable.knows(name) {
                let hint = closest(name, self.queryable.names());
                let hint = hint.map(|name| format!("; did you mean `{name}`?"));
                let hint = hint.unwrap_or_default();
                return Err(format!("the run has no metric `{name}`{hint}"));
            }
        }
        Ok(query)
    }
}

fn map(labels: &Labels) -> LabelMap {
    let owned = |(label, value): (&str, &str)| (label.to_owned(), value.to_owned());
    labels.iter().map(owned).collect()
}
