//! Names and labels of the series that the checks read, as a page spells them.

use std::fmt::Display;
use std::sync::LazyLock;

use crate::check::{GaugeSeries, InfoSeries, ProcessSeries};
use crate::metrics::{Labels, catalog};

/// Name of a series without the suffix of a histogram's part, and its labels without those of the
/// scraper.
pub struct SeriesName {
    /// Name of the instrument.
    pub metric: String,
    /// Labels of the series.
    pub labels: Labels,
}

/// Names by [`ProcessSeries::index`].
pub static PROCESS_SERIES: LazyLock<Vec<SeriesName>> = LazyLock::new(|| {
    let named = |index| match ProcessSeries::at(index) {
        ProcessSeries::Info(InfoSeries::Build) => SeriesName::of_build(),
        series => SeriesName::spelled(series),
    };
    (0..ProcessSeries::COUNT).map(named).collect()
});

/// Names in the order of [`GaugeSeries::ALL`].
pub static GAUGES: LazyLock<Vec<SeriesName>> =
    LazyLock::new(|| GaugeSeries::ALL.map(SeriesName::spelled).into());

/// Name of the backlog, which has one series for each mode and schedule.
pub const BACKLOG: &str = catalog::BACKLOG.name;

impl SeriesName {
    /// Reads `metric{label="value"}`, as the checks spell their series. No value has a quotation
    /// mark or a comma.
    fn spelled(series: impl Display) -> Self {
        let text = series.to_string();
        let (metric, labels) = text.split_once('{').unwrap_or((&text, ""));
        let pairs = labels.trim_end_matches('}').split(',').filter_map(|pair| {
            let (name, value) = pair.split_once('=')?;
            let value = value.trim_matches('"').to_owned();
            Some((name.to_owned().into(), value.into()))
        });
        Self {
            metric: metric.to_owned(),
            labels: Labels::of_pairs(pairs),
        }
    }

    /// The build's series has the version as a label, which the checks do not know.
    fn of_build() -> Self {
        let labels = Labels::of_closed(catalog::BUILD_INFO.labels).next();
        Self {
            metric: catalog::BUILD_INFO.name.to_owned(),
            labels: labels.unwrap_or_else(Labels::none),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::metrics::{Registry, SchedulerWorkerMetrics};

    #[test]
    fn process_series_are_each_exposed_under_their_names() {
        let registry = Registry::new();
        let _metrics = SchedulerWorkerMetrics::new(&registry).unwrap();
        for name in PROCESS_SERIES.iter().chain(&*GAUGES) {
            let series = registry.series(&name.metric, &name.labels);
            assert!(series.is_some(), "{}{}", name.metric, name.labels);
        }
    }
}
