//! `info`: a vector with the labels of info metrics added.

use std::collections::{BTreeMap, HashMap};

use promql_parser::label::{METRIC_NAME, Matcher};

use crate::error::EvalError;
use crate::operators::block::{Block, is_present};
use crate::operators::dynamic::DynamicOperator;
use crate::operators::operator::BoxedOperator;
use crate::operators::series::OutputSeries;
use crate::operators::steps::Steps;
use rehearsal_metrics::Labels;

/// Labels that identify the info series of a series.
const IDENTIFYING: [&str; 2] = ["instance", "job"];

/// Default info metric.
pub(crate) const TARGET_INFO: &str = "target_info";

/// `info(x, {..})`
pub(crate) struct Info<'s> {
    of: BoxedOperator<'s>,
    /// Timestamps of the info series' samples.
    info: BoxedOperator<'s>,
    /// Matchers of the added labels, without the name.
    wanted: Vec<Matcher>,
    /// Info series of each element; `None` if it is an info series itself.
    about: Vec<Option<Vec<usize>>>,
}

impl<'s> Info<'s> {
    /// Creates the operator. `matchers` select the info series, including the name.
    pub(crate) fn new(
        of: BoxedOperator<'s>,
        info: BoxedOperator<'s>,
        matchers: &[Matcher],
    ) -> Self {
        let (names, wanted): (Vec<Matcher>, Vec<Matcher>) = matchers
            .iter()
            .cloned()
            .partition(|matcher| matcher.name == METRIC_NAME);
        let mut by_identity: HashMap<Labels, Vec<usize>> = HashMap::new();
        for (index, series) in info.series().iter().enumerate() {
            by_identity
                .entry(identity(&series.labels))
                .or_default()
                .push(index);
        }
        let about = |series: &OutputSeries| {
            let name = series.labels.get(METRIC_NAME).unwrap_or_default();
            let is_info = names.iter().all(|matcher| matcher.is_match(name));
            // A series without any of the identifying labels has no info series.
            let own = identity(&series.labels);
            let found = || {
                by_identity
                    .get(&own)
                    .filter(|_| own != Labels::none())
                    .cloned()
            };
            (!is_info).then(|| found().unwrap_or_default())
        };
        let about = of.series().iter().map(about).collect();
        Self {
            of,
            info,
            wanted,
            about,
        }
    }
}

fn identity(labels: &Labels) -> Labels {
    labels.retaining(|label| IDENTIFYING.contains(&label))
}

impl DynamicOperator for Info<'_> {
    fn each(
        &self,
        steps: Steps,
        show: &mut dyn FnMut(usize, OutputSeries, f64),
    ) -> Result<(), EvalError> {
        let block = self.of.eval_block(steps)?;
        let times = self.info.eval_block(steps)?;
        for (index, series) in self.of.series().iter().enumerate() {
            for step in 0..steps.count {
                let value = block.at(index, step);
                if !is_present(value) {
                    continue;
                }
                let enriched = match &self.about[index] {
                    None => Some(series.clone()),
                    Some(about) => self.enriched(series, about, &times, step)?,
                };
                if let Some(enriched) = enriched {
                    show(step, enriched, value);
                }
            }
        }
        Ok(())
    }
}

impl Info<'_> {
    /// Adds the labels of the info series; `None` if a required one is missing.
    fn enriched(
        &self,
        series: &OutputSeries,
        about: &[usize],
        times: &Block,
        step: usize,
    ) -> Result<Option<OutputSeries>, EvalError> {
        let mut added: BTreeMap<&str, &str> = BTreeMap::new();
        let latest = self.latest(about, times, step)?;
        for index in latest.values() {
            for (name, value) in self.info.series()[*index].labels.iter() {
                let is_wanted = self.wanted.is_empty()
                    || self.wanted.iter().any(|matcher| matcher.name == name);
                if name == METRIC_NAME || !is_wanted {
                    continue;
                }
                if added.get(name).is_some_and(|other| *other != value) {
                    return Err(EvalError::refused(format!("conflicting label: {name}")));
                }
                if series.labels.get(name).is_none() {
                    added.insert(name, value);
                }
            }
        }
        if latest.is_empty() && !self.wanted.iter().all(|matcher| matcher.is_match("")) {
            return Ok(None);
        }
        let mut enriched = series.clone();
        for (name, value) in added {
            enriched.labels = enriched.labels.with(name, value);
        }
        Ok(Some(enriched))
    }

    /// Info series with the latest sample for each name.
    fn latest(
        &self,
        about: &[usize],
        times: &Block,
        step: usize,
    ) -> Result<BTreeMap<&str, usize>, EvalError> {
        let mut latest: BTreeMap<&str, usize> = BTreeMap::new();
        for index in about {
            let time = times.at(*index, step);
            if !is_present(time) {
                continue;
            }
            let series = &self.info.series()[*index];
            let name = series.labels.get(METRIC_NAME).unwrap_or_default();
            let other = *latest.entry(name).or_insert(*index);
            let other_time = times.at(other, step);
            if other != *index && other_time == time {
                return Err(EvalError::refused(format!(
                    "found duplicate series for info metric: existing {} @ {other_time}, new {} @ \
                     {time}",
                    self.info.series()[other].labels,
                    series.labels,
                )));
            }
            if time > other_time {
                latest.insert(name, *index);
            }
        }
        Ok(latest)
    }
}
