//! Imports a run's samples as `OpenMetrics` into Prometheus's storage and reads them back.

use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;

use rehearsal::metrics::TimeSeriesStore;
use rehearsal::metrics::series::write_openmetrics;
use rehearsal::rehearsal::{RunOptions, run};
use rehearsal::scenario::Loader;

use crate::promtool;

/// Samples by series and timestamp.
type Samples = BTreeMap<(String, i64), f64>;

/// All recorded samples, with series in the format of `promtool tsdb dump`.
fn recorded(recording: &TimeSeriesStore) -> Samples {
    let mut all = Samples::new();
    for id in recording.select(None, &[]) {
        let labels = recording.labels(id).iter();
        let labels = [("__name__", recording.name(id))].into_iter().chain(labels);
        let labels: Vec<String> = labels
            .map(|(name, value)| format!("{name}={value:?}"))
            .collect();
        let series = format!("{{{}}}", labels.join(", "));
        for sample in recording.samples(id, i64::MIN, i64::MAX) {
            all.insert((series.clone(), sample.at_ms), sample.value);
        }
    }
    all
}

fn dumped(text: &str) -> Samples {
    let sample = |line: &str| {
        let (rest, at_ms) = line.rsplit_once(' ')?;
        let (series, value) = rest.rsplit_once(' ')?;
        Some((
            (series.to_owned(), at_ms.parse().ok()?),
            value.parse().ok()?,
        ))
    };
    let lines = text
        .lines()
        .map(|line| sample(line).unwrap_or_else(|| panic!("{line}")));
    lines.collect()
}

#[test]
fn openmetrics_import_into_prometheus_keeps_every_sample() {
    let scenario = Loader::default()
        .load("tests/scenarios/tiny.toml".as_ref())
        .unwrap();
    let finished = run(&scenario, &RunOptions::default(), |_| {}).unwrap();
    let directory = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("openmetrics");
    let _ = fs::remove_dir_all(&directory);
    // `promtool tsdb dump` requires a write-ahead log, even an empty one.
    fs::create_dir_all(directory.join("data/wal")).unwrap();
    let (page, data) = (directory.join("run.openmetrics"), directory.join("data"));
    let mut text = Vec::new();
    write_openmetrics(&finished.recording, &mut text).unwrap();
    fs::write(&page, &text).unwrap();
    let (page, data) = (page.to_str().unwrap(), data.to_str().unwrap());
    let create = ["tsdb", "create-blocks-from", "openmetrics", page, data];
    let Some(said) = promtool::run(&create, b"") else {
        return;
    };
    assert!(
        said.contains("BLOCK ULID"),
        "promtool made no blocks: {said}"
    );
    let read = dumped(&promtool::run(&["tsdb", "dump", data], b"").unwrap());
    let due = recorded(&finished.recording);
    let wrong = due.iter().find(|(key, value)| read.get(key) != Some(value));
    assert_eq!(
        wrong,
        None,
        "it was read back as {:?}",
        wrong.and_then(|(key, _)| read.get(key))
    );
    assert_eq!(read.len(), due.len());
    assert!(due.len() > 10_000, "{} samples", due.len());
    fs::remove_dir_all(&directory).unwrap();
}
