//! A finished rehearsal as a file: one gzipped JSON document, so that `gunzip -c` shows it to
//! anybody, and a damaged one is noticed.

use std::fs::{self, File};
use std::io::{self, BufRead, BufReader, BufWriter, Read, Write};
use std::path::{Path, PathBuf};

use flate2::Compression;
use flate2::read::MultiGzDecoder;
use flate2::write::GzEncoder;
use serde::{Deserialize, Serialize};

use super::RunReport;
use crate::check::{Episode, SloBreach};
use crate::metrics::TimeSeriesStore;
use crate::metrics::series::SavedTimeSeries;
use crate::rehearsal::FinishedRun;
use crate::scenario::write::{to_table, to_text};
use crate::scenario::{ScenarioParameter, parameters};

/// The version of the file format.
pub const SCHEMA: &str = "rehearsal.recording@2";

/// The version before, which is still read: `run.sloBreaches` was `run.brokenPromises`.
const SCHEMA_1: &str = "rehearsal.recording@1";

/// How the name of such a file ends.
pub const EXTENSION: &str = "run";

/// So large can the document be, in bytes before compression.
const SIZE_MAX: u64 = 4 << 30;

/// What every gzip file begins with.
const GZIP: [u8; 2] = [0x1f, 0x8b];

/// Why there is no finished rehearsal to be had from a file.
#[derive(Debug, thiserror::Error)]
pub enum RecordingError {
    /// The file can't be read.
    #[error("can't read {}: {reason}", path.display())]
    Unreadable {
        /// Which.
        path: PathBuf,
        /// Why.
        reason: io::Error,
    },
    /// There is not exactly one recording where one was looked for.
    #[error("{}: {reason}", path.display())]
    NotOne {
        /// Where.
        path: PathBuf,
        /// What was found, and what to do.
        reason: String,
    },
    /// It is another file, or one of another version.
    #[error("{} is no recording of a run: {reason}", path.display())]
    Foreign {
        /// Which.
        path: PathBuf,
        /// Why, and what to do.
        reason: String,
    },
    /// It was a recording once.
    #[error("{} is damaged: {reason}; make it again with `rehearsal run --out`", path.display())]
    Damaged {
        /// Which.
        path: PathBuf,
        /// Where.
        reason: String,
    },
}

/// Everything about a finished rehearsal but its recorded series.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct RunRecord {
    /// The version of the program that made it.
    pub version: String,
    /// The report.
    pub report: RunReport,
    /// When virtual time began, ms since 1970.
    pub start_ms: i64,
    /// When triggers and faults ended and the drain began, ms since 1970.
    pub drain_ms: i64,
    /// When virtual time ended, ms since 1970.
    pub end_ms: i64,
    /// How often processes were scraped, ms.
    pub scrape_interval_ms: i64,
    /// The scenario's parameters, and which of them are not the defaults.
    pub parameters: Vec<ScenarioParameter>,
    /// The scenario as a file that gives the same rehearsal.
    pub scenario: String,
    /// When faults went on.
    pub faults: Vec<Episode>,
    /// When SLOs were broken: the truth behind alerts.
    #[serde(alias = "brokenPromises")]
    pub slo_breaches: Vec<SloBreach>,
}

impl RunRecord {
    /// What is kept of a finished rehearsal with this report.
    pub fn new(finished: &FinishedRun, report: &RunReport) -> Self {
        let scenario = &finished.scenario;
        Self {
            version: env!("CARGO_PKG_VERSION").into(),
            report: report.clone(),
            start_ms: scenario.start.millis(),
            drain_ms: scenario.start.after(scenario.duration.std()).millis(),
            end_ms: finished.ended_at.millis(),
            scrape_interval_ms: scenario.workers.scrape_interval.std().as_millis() as i64,
            parameters: parameters(scenario),
            scenario: to_text(&to_table(scenario)),
            faults: finished.oracle.episodes.clone(),
            slo_breaches: finished.oracle.slo_breaches.clone(),
        }
    }
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct RecordingDocument {
    schema: String,
    run: RunRecord,
    series: SavedTimeSeries,
}

#[derive(Deserialize)]
struct RecordingHeader {
    schema: Option<String>,
}

/// Writes a finished rehearsal.
///
/// # Errors
/// The file can't be written.
pub fn write_recording(path: &Path, run: &RunRecord, series: &TimeSeriesStore) -> io::Result<()> {
    let document = RecordingDocument {
        schema: SCHEMA.into(),
        run: run.clone(),
        series: series.save(),
    };
    let file = GzEncoder::new(File::create(path)?, Compression::fast());
    let mut file = BufWriter::new(file);
    serde_json::to_writer(&mut file, &document)?;
    let file = file.into_inner().map_err(io::IntoInnerError::into_error)?;
    file.finish()?.flush()
}

/// Reads a finished rehearsal.
///
/// # Errors
/// The file can't be read, is damaged, or is no recording of this version.
pub fn read_recording(path: &Path) -> Result<(RunRecord, TimeSeriesStore), RecordingError> {
    let text = unpack(path)?;
    let damaged = |reason: String| RecordingError::Damaged {
        path: path.to_owned(),
        reason,
    };
    let head: RecordingHeader =
        serde_json::from_str(&text).map_err(|error| damaged(error.to_string()))?;
    let foreign = |reason: String| RecordingError::Foreign {
        path: path.to_owned(),
        reason,
    };
    match head.schema.as_deref() {
        Some(SCHEMA | SCHEMA_1) => {}
        Some(other) => {
            let reason =
                format!("its schema is `{other}`; this version reads `{SCHEMA}` and `{SCHEMA_1}`");
            return Err(foreign(reason));
        }
        None => return Err(foreign(format!("it has no `schema`; {ORIGIN}"))),
    }
    let document: RecordingDocument =
        serde_json::from_str(&text).map_err(|error| damaged(error.to_string()))?;
    let series =
        TimeSeriesStore::restore(document.series).map_err(|error| damaged(error.to_string()))?;
    Ok((document.run, series))
}

/// Where such files come from.
const ORIGIN: &str = "`rehearsal run --out DIR` writes such files, as NAME-SEED.run";

fn unpack(path: &Path) -> Result<String, RecordingError> {
    let unreadable = |reason| RecordingError::Unreadable {
        path: path.to_owned(),
        reason,
    };
    let mut file = BufReader::new(File::open(path).map_err(unreadable)?);
    if !file.fill_buf().map_err(unreadable)?.starts_with(&GZIP) {
        return Err(RecordingError::Foreign {
            path: path.to_owned(),
            reason: format!("it is not gzipped; {ORIGIN}"),
        });
    }
    let mut text = String::new();
    let mut unpacked = MultiGzDecoder::new(file).take(SIZE_MAX);
    unpacked
        .read_to_string(&mut text)
        .map_err(|error| RecordingError::Damaged {
            path: path.to_owned(),
            reason: error.to_string(),
        })?;
    Ok(text)
}

/// The recording that a person means: the file itself, the one beside another document of the same
/// run, or the only one in a directory.
///
/// # Errors
/// There is none, or several.
pub fn find_recording(path: &Path) -> Result<PathBuf, RecordingError> {
    let not_one = |reason: String| RecordingError::NotOne {
        path: path.to_owned(),
        reason,
    };
    if !path.is_dir() {
        let beside = path.with_extension(EXTENSION);
        return Ok(if beside.exists() {
            beside
        } else {
            path.to_owned()
        });
    }
    let entries = fs::read_dir(path).map_err(|reason| RecordingError::Unreadable {
        path: path.to_owned(),
        reason,
    })?;
    let mut found: Vec<PathBuf> = entries.flatten().map(|entry| entry.path()).collect();
    found.retain(|path| path.extension().is_some_and(|it| it == EXTENSION));
    found.sort();
    match found.as_slice() {
        [one] => Ok(one.clone()),
        [] => Err(not_one(format!("there is no recording in it; {ORIGIN}"))),
        several => {
            let names = several.iter().filter_map(|path| path.file_name());
            let names: Vec<_> = names.map(|name| name.to_string_lossy()).collect();
            Err(not_one(format!("name one of {}", names.join(", "))))
        }
    }
}
