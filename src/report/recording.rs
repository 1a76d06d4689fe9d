//! Recording of a finished rehearsal: one gzipped JSON document, so that `gunzip -c` shows it and
//! the checksum detects damage.

use std::fs;
use std::io::{self, BufRead, BufReader, BufWriter, Read, Write};
use std::path::{Path, PathBuf};

use flate2::Compression;
use flate2::read::MultiGzDecoder;
use flate2::write::GzEncoder;
use serde::{Deserialize, Serialize};

use super::RunReport;
use crate::check::{FaultInterval, SloBreach};
use crate::files::{ByteLimit, FileError, InputFile};
use crate::metrics::TimeSeriesStore;
use crate::metrics::series::SavedTimeSeries;
use crate::rehearsal::FinishedRun;
use crate::scenario::write::{to_table, to_text};
use crate::scenario::{Scenario, ScenarioParameter, parameters};

/// Schema version of the file format.
pub const SCHEMA: &str = "rehearsal.recording@2";

/// Previous schema version, still read: `run.sloBreaches` was `run.brokenPromises`.
const SCHEMA_1: &str = "rehearsal.recording@1";

/// File name extension.
pub const EXTENSION: &str = "run";

/// Maximum size of the document in bytes, before compression.
const SIZE_MAX: u64 = 1 << 30;

/// Maximum size of the document in bytes if the file is small.
const SMALL_SIZE_MAX: u64 = 32 << 20;

/// Maximum ratio of the sizes before and after compression, above [`SMALL_SIZE_MAX`]. Recordings
/// have 10 to 40; gzip can have 1,000.
const RATIO_MAX: u64 = 100;

/// First bytes of every gzip file.
const GZIP: [u8; 2] = [0x1f, 0x8b];

/// Error of finding or reading a recording.
#[derive(Debug, thiserror::Error)]
pub enum RecordingError {
    /// The file can't be read.
    #[error(transparent)]
    Unreadable(#[from] FileError),
    /// The path names no recording, or several.
    #[error("{}: {reason}", path.display())]
    NotOne {
        /// Path that was searched.
        path: PathBuf,
        /// Files that were found, and the remedy.
        reason: String,
    },
    /// The file has another format or schema version.
    #[error("{} is no recording of a run: {reason}", path.display())]
    Foreign {
        /// Path of the file.
        path: PathBuf,
        /// Cause and remedy.
        reason: String,
    },
    /// The file is a recording, but its content is damaged.
    #[error("{} is damaged: {reason}; make it again with `rehearsal run --out`", path.display())]
    Damaged {
        /// Path of the file.
        path: PathBuf,
        /// Position and kind of the damage.
        reason: String,
    },
}

/// Everything that is kept of a finished rehearsal except its recorded series.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct RecordedRun {
    /// Version of the program that made the recording.
    pub version: String,
    /// Report of the run.
    pub report: RunReport,
    /// Start of virtual time, in ms since 1970.
    pub start_ms: i64,
    /// End of triggers and faults and start of the drain, in ms since 1970.
    pub drain_ms: i64,
    /// End of virtual time, in ms since 1970.
    pub end_ms: i64,
    /// Interval between two scrapes, in ms.
    pub scrape_interval_ms: i64,
    /// Parameters of the scenario, and which of them differ from their defaults.
    pub parameters: Vec<ScenarioParameter>,
    /// Scenario file that repeats the run.
    pub scenario: String,
    /// Time spans of the faults.
    pub faults: Vec<FaultInterval>,
    /// SLO breaches, against which alerts are scored.
    #[serde(alias = "brokenPromises")]
    pub slo_breaches: Vec<SloBreach>,
}

/// Returns the interval between two scrapes, in ms.
fn scrape_interval_ms(scenario: &Scenario) -> i64 {
    let interval = scenario.workers.scrape_interval.std();
    i64::try_from(interval.as_millis()).unwrap_or(i64::MAX)
}

impl RecordedRun {
    /// Creates the record of a finished rehearsal with this report.
    pub fn new(finished: &FinishedRun, report: &RunReport) -> Self {
        let scenario = &finished.scenario;
        Self {
            version: env!("CARGO_PKG_VERSION").into(),
            report: report.clone(),
            start_ms: scenario.start.millis(),
            drain_ms: scenario.start.after(scenario.duration.std()).millis(),
            end_ms: finished.ended_at.millis(),
            scrape_interval_ms: scrape_interval_ms(scenario),
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
    run: RecordedRun,
    series: SavedTimeSeries,
}

#[derive(Deserialize)]
struct RecordingHeader {
    schema: Option<String>,
}

/// Writes a recording.
///
/// # Errors
/// A write fails.
pub fn write_recording(
    out: &mut dyn Write,
    run: &RecordedRun,
    series: &TimeSeriesStore,
) -> io::Result<()> {
    let document = RecordingDocument {
        schema: SCHEMA.into(),
        run: run.clone(),
        series: series.save(),
    };
    let mut file = BufWriter::new(GzEncoder::new(out, Compression::fast()));
    serde_json::to_writer(&mut file, &document)?;
    let file = file.into_inner().map_err(io::IntoInnerError::into_error)?;
    file.finish().map(drop)
}

/// Reads a recording.
///
/// # Errors
/// The file can't be read, is damaged, or is no recording of this version.
pub fn read_recording(path: &Path) -> Result<(RecordedRun, TimeSeriesStore), RecordingError> {
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

/// Origin of recordings, for error messages.
const ORIGIN: &str = "`rehearsal run --out DIR` writes such files, as NAME-SEED.run";

fn unpack(path: &Path) -> Result<String, RecordingError> {
    let unreadable = |error| FileError::reading(path, error);
    let mut packed = Vec::new();
    let mut file = BufReader::new(InputFile::open(path, ByteLimit::RECORDING)?);
    if !file.fill_buf().map_err(unreadable)?.starts_with(&GZIP) {
        return Err(RecordingError::Foreign {
            path: path.to_owned(),
            reason: format!("it is not gzipped; {ORIGIN}"),
        });
    }
    file.read_to_end(&mut packed).map_err(unreadable)?;
    let ratio_limit = (packed.len() as u64).saturating_mul(RATIO_MAX);
    let limit = ratio_limit.clamp(SMALL_SIZE_MAX, SIZE_MAX);
    let damaged = |reason: String| RecordingError::Damaged {
        path: path.to_owned(),
        reason,
    };
    let mut text = String::new();
    let mut unpacked = MultiGzDecoder::new(packed.as_slice()).take(limit + 1);
    unpacked
        .read_to_string(&mut text)
        .map_err(|error| damaged(error.to_string()))?;
    if text.len() as u64 > limit {
        let mebibytes = limit >> 20;
        return Err(damaged(format!("it unpacks to more than {mebibytes} MiB")));
    }
    Ok(text)
}

/// Finds the recording that a path refers to: the file itself, the one beside another document of
/// the same run, or the only one in a directory.
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
    let entries = fs::read_dir(path).map_err(|error| FileError::reading(path, error))?;
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
