//! One side of a comparison: the numbers of every seed, from a sweep or from run reports.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use hdrhistogram::Histogram;
use serde_json::Value;

use crate::files::{ByteLimit, read_text};
use crate::report::{RunReport, SCHEMA as RUN_SCHEMA};
use crate::sweep::{ResultError, SeedRow, SweepResult, is_fresh, read_sweep};

/// Numbers of every seed of one side.
#[derive(Clone, Debug)]
pub struct ComparisonSide {
    /// Display name: path or options.
    pub label: String,
    /// Name of the scenario.
    pub scenario: String,
    /// Numbers by seed.
    pub rows: BTreeMap<u64, SeedRow>,
    /// Histograms of durations in microseconds over all seeds, by name. Run reports have none.
    pub histograms: BTreeMap<&'static str, Histogram<u64>>,
}

/// Error of reading a side.
#[derive(Debug, thiserror::Error)]
pub enum SideError {
    /// The result of a sweep cannot be read.
    #[error(transparent)]
    Sweep(#[from] ResultError),
    /// The path contains nothing that can be compared.
    #[error("{} is neither a sweep nor the report of a run: {reason}", path.display())]
    Foreign {
        /// Path of the side.
        path: PathBuf,
        /// Cause and remedy.
        reason: String,
    },
}

impl ComparisonSide {
    /// Creates a side from the result of a sweep and the rows of its seeds.
    pub fn of_sweep(label: String, result: &SweepResult, rows: Vec<SeedRow>) -> Self {
        Self {
            label,
            scenario: result.subject.scenario.clone(),
            rows: rows.into_iter().map(|row| (row.seed, row)).collect(),
            histograms: BTreeMap::from([
                ("plannerLatency", result.latency_micros.histogram()),
                ("runDuration", result.duration_micros.histogram()),
            ]),
        }
    }

    /// Reads a side: the directory of a sweep, a report that `run --out` or `run --format json`
    /// wrote, or a directory of such reports, one per seed.
    ///
    /// # Errors
    /// The path contains neither a sweep nor a run report.
    pub fn read(path: &Path) -> Result<Self, SideError> {
        let label = path.display().to_string();
        if !is_fresh(path) {
            let (result, rows) = read_sweep(path)?;
            return Ok(Self::of_sweep(label, &result, rows));
        }
        let foreign = |reason: String| SideError::Foreign {
            path: path.to_owned(),
            reason,
        };
        let mut reports = Vec::new();
        for file in documents(path).map_err(|error| foreign(error.to_string()))? {
            let text =
                read_text(&file, ByteLimit::RESULT).map_err(|error| foreign(error.reason()))?;
            let found = read_reports(&text);
            reports.extend(found.map_err(|reason| SideError::Foreign { path: file, reason })?);
        }
        let Some(first) = reports.first() else {
            let reason = "`rehearsal sweep` and `rehearsal run --out` write what can be compared";
            return Err(foreign(reason.into()));
        };
        if let Some(other) = reports
            .iter()
            .find(|other| other.scenario != first.scenario)
        {
            let reason = format!(
                "it holds runs of {} and of {}",
                first.scenario, other.scenario
            );
            return Err(foreign(reason));
        }
        Ok(Self {
            label,
            scenario: first.scenario.clone(),
            rows: reports
                .iter()
                .map(|report| (report.seed, row(report)))
                .collect(),
            histograms: BTreeMap::new(),
        })
    }
}

/// Returns the file itself, or the JSON files of a directory.
fn documents(path: &Path) -> std::io::Result<Vec<PathBuf>> {
    if !path.is_dir() {
        return Ok(vec![path.to_owned()]);
    }
    let mut files = Vec::new();
    for entry in fs::read_dir(path)? {
        let file = entry?.path();
        if file
            .extension()
            .is_some_and(|extension| extension == "json")
        {
            files.push(file);
        }
    }
    files.sort();
    Ok(files)
}

/// Parses the reports of a document: one, or an array.
fn read_reports(text: &str) -> Result<Vec<RunReport>, String> {
    let value: Value = serde_json::from_str(text).map_err(|error| error.to_string())?;
    let values = match value {
        Value::Array(values) => values,
        value => vec![value],
    };
    let read = |value: Value| match value.get("schema").and_then(Value::as_str) {
        Some(RUN_SCHEMA) => serde_json::from_value(value).map_err(|error| error.to_string()),
        Some(other) => Err(format!(
            "its schema is `{other}`; this version reads `{RUN_SCHEMA}`"
        )),
        None => Err("it has no `schema`".into()),
    };
    values.into_iter().map(read).collect()
}

/// Returns the numbers of a run. Unlike in a sweep they include the wall-clock time.
fn row(report: &RunReport) -> SeedRow {
    let mut row = SeedRow::of(report);
    row.numbers
        .insert("wallSeconds".into(), report.wall_seconds);
    row
}
