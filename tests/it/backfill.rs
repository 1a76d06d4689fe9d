//! Imports the samples of a rehearsal into a real Prometheus.
//!
//! Staleness markers are not included: `OpenMetrics` has no representation for them.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{BufWriter, Result, Write};
use std::path::Path;

use rehearsal::metrics::Labels;
use rehearsal::metrics::series::STALE_BITS;
use rehearsal::promql::rules::RecordedRules;
use rehearsal::promql::{MemoryStore, Queryable, SelectHints};

use crate::program::scratch;
use crate::prometheus::Prometheus;
use crate::promtool;

/// Duration of the server's blocks: the maximum for a retention of 30 days.
const BLOCK_HOURS: i64 = 54;

/// Samples of all series in a time span.
pub struct Samples {
    series: BTreeMap<Labels, Vec<(i64, f64)>>,
    pub from_ms: i64,
    pub until_ms: i64,
}

impl Samples {
    /// Selects the metrics with these names, or all if there is no name.
    pub fn between(source: &impl Queryable, from_ms: i64, until_ms: i64, names: &[&str]) -> Self {
        let selection = SelectHints {
            any_of: vec![&[]],
            from_ms,
            until_ms,
        };
        let mut series = BTreeMap::new();
        for track in source.select(&selection).unwrap() {
            let name = track.labels.get("__name__").unwrap();
            if !names.is_empty() && !names.contains(&name) {
                continue;
            }
            let times = track.times_ms.iter().copied();
            let times = times.filter(|at_ms| (from_ms..=until_ms).contains(at_ms));
            let sample = |at_ms: i64| {
                let changes = track
                    .change_times_ms
                    .partition_point(|change| *change <= at_ms);
                let bits = track.change_bits[changes.checked_sub(1)?];
                (bits != STALE_BITS).then(|| (at_ms, f64::from_bits(bits)))
            };
            let found: Vec<(i64, f64)> = times.filter_map(sample).collect();
            if !found.is_empty() {
                series.insert(track.labels.clone(), found);
            }
        }
        Self {
            series,
            from_ms,
            until_ms,
        }
    }

    /// Number of samples.
    pub fn count(&self) -> usize {
        self.series.values().map(Vec::len).sum()
    }

    /// Adds the series of recording rules, without `ALERTS`.
    pub fn add(&mut self, recorded: &RecordedRules) {
        for (id, labels) in recorded.series().enumerate() {
            if labels
                .get("__name__")
                .is_some_and(|name| name.starts_with("ALERTS"))
            {
                continue;
            }
            let found = recorded.samples(id);
            let found = found
                .filter_map(|(at_ms, value)| Some((at_ms, value?)))
                .collect();
            self.series.insert(labels.clone(), found);
        }
    }

    /// The same samples as storage for the project's evaluator.
    pub fn store(&self) -> MemoryStore {
        let mut store = MemoryStore::default();
        for (labels, samples) in &self.series {
            for (at_ms, value) in samples {
                store.push(labels, *at_ms, Some(*value));
            }
        }
        store
    }

    /// Starts a server over the samples, with files under this name. `None` without Prometheus.
    pub fn serve(&self, name: &str) -> Option<Prometheus> {
        let directory = scratch(name);
        let (page, data) = (directory.join("page"), directory.join("data"));
        let block = format!("--max-block-duration={BLOCK_HOURS}h");
        let block_ms = BLOCK_HOURS * 3_600_000;
        // One exposition per block, since a month of text would fill the disk.
        for block_index in self.from_ms / block_ms..=self.until_ms / block_ms {
            let from_ms = block_index * block_ms;
            self.write(&page, from_ms, from_ms + block_ms).unwrap();
            let (page, data) = (page.to_str().unwrap(), data.to_str().unwrap());
            let create = [
                "tsdb",
                "create-blocks-from",
                "openmetrics",
                &block,
                page,
                data,
            ];
            promtool::run(&create, b"")?;
        }
        fs::remove_file(&page).unwrap();
        Prometheus::over(&directory, BLOCK_HOURS)
    }

    /// Writes the samples of a half-open time range as `OpenMetrics`, each series as a gauge:
    /// queries ignore types.
    fn write(&self, path: &Path, from_ms: i64, until_ms: i64) -> Result<()> {
        let mut page = BufWriter::new(File::create(path)?);
        let mut by_name: BTreeMap<&str, Vec<_>> = BTreeMap::new();
        for (labels, samples) in &self.series {
            let name = labels.get("__name__").unwrap();
            by_name.entry(name).or_default().push((labels, samples));
        }
        for (name, all) in by_name {
            writeln!(page, "# TYPE {name} unknown")?;
            for (labels, samples) in all {
                let others = labels.iter().filter(|(label, _)| *label != "__name__");
                let others: Vec<String> = others
                    .map(|(label, value)| format!("{label}={value:?}"))
                    .collect();
                let head = format!("{name}{{{}}}", others.join(","));
                let place = |end_ms: i64| samples.partition_point(|(at_ms, _)| *at_ms < end_ms);
                for (at_ms, value) in &samples[place(from_ms)..place(until_ms)] {
                    let (seconds, ms) = (at_ms / 1_000, at_ms % 1_000);
                    writeln!(page, "{head} {value} {seconds}.{ms:03}")?;
                }
            }
        }
        writeln!(page, "# EOF")?;
        page.flush()
    }
}
