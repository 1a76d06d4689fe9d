//! Text exposition: Prometheus text 0.0.4 and OpenMetrics 1.0.
//!
//! Sorted by name and labels, byte for byte the same for the same values, and streamed: memory
//! doesn't grow with the number of series.
//!
//! ```
//! use rehearsal_metrics::exposition::{ExpositionFormat, ExpositionWriter};
//! use rehearsal_metrics::{CollectContext, Family, Labels, Registry};
//!
//! let registry = Registry::new();
//! let active = registry.up_down(&Family::up_down("runs_active"), Labels::none())?;
//! let mut writer = ExpositionWriter::new(ExpositionFormat::Text, Vec::new());
//! registry.visit(&CollectContext::default(), &mut writer);
//! let text = String::from_utf8(writer.finish()?)?;
//! assert!(text.contains("\nruns_active 0\n"));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod parse;

use std::io;

pub use parse::{ExpositionLine, ExpositionParseError, ExpositionSample, parse};

use super::bounds::Bounds;
use super::definition::{Family, InstrumentKind};
use super::histogram::HistogramReading;
use super::labels::Labels;
use super::number_format::{push_canonical, push_f64, push_i64, push_u64};
use super::observable::CollectContext;
use super::registry::Registry;
use super::snapshot::{Reading, SnapshotVisitor};
use rehearsal_convert::LowBits;

/// Which text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ExpositionFormat {
    /// Prometheus text 0.0.4.
    Text,
    /// OpenMetrics 1.0.
    OpenMetrics,
}

impl ExpositionFormat {
    /// The value of the `Content-Type` header.
    pub const fn content_type(self) -> &'static str {
        match self {
            Self::Text => "text/plain; version=0.0.4; charset=utf-8",
            Self::OpenMetrics => "application/openmetrics-text; version=1.0.0; charset=utf-8",
        }
    }
}

/// Amount of text that is buffered before a write, bytes.
const CHUNK: usize = 64 * 1024;

/// A visitor that writes the exposition.
pub struct ExpositionWriter<W> {
    format: ExpositionFormat,
    out: W,
    pending: Vec<u8>,
    /// ` 1700000000000\n`, or just the line's end.
    line_end: Vec<u8>,
    /// The family's name as samples carry it, `_total` and all.
    name: Vec<u8>,
    /// For each bucket `le="0.1"} `.
    bounds: Vec<Vec<u8>>,
    /// Room for a histogram's labels, which stand on many lines.
    labels: Vec<u8>,
    failed: Option<io::Error>,
}

impl<W: io::Write> ExpositionWriter<W> {
    /// Writes to `out`.
    pub fn new(format: ExpositionFormat, out: W) -> Self {
        let (name, bounds, labels) = (Vec::new(), Vec::new(), Vec::new());
        let (pending, line_end) = (Vec::with_capacity(CHUNK + 4096), b"\n".to_vec());
        Self {
            format,
            out,
            pending,
            line_end,
            name,
            bounds,
            labels,
            failed: None,
        }
    }

    /// With this timestamp on every sample, ms since 1970.
    #[must_use]
    pub fn at_ms(mut self, timestamp_ms: i64) -> Self {
        self.line_end.clear();
        self.line_end.push(b' ');
        match self.format {
            ExpositionFormat::Text => push_i64(&mut self.line_end, timestamp_ms),
            ExpositionFormat::OpenMetrics => push_seconds(&mut self.line_end, timestamp_ms),
        }
        self.line_end.push(b'\n');
        self
    }

    /// Writes the end of the exposition and gives back where it went.
    ///
    /// # Errors
    ///
    /// The first error that writing met; nothing was written after it.
    pub fn finish(mut self) -> io::Result<W> {
        if self.format == ExpositionFormat::OpenMetrics {
            self.pending.extend_from_slice(b"# EOF\n");
        }
        self.flush();
        match self.failed {
            Some(error) => Err(error),
            None => Ok(self.out),
        }
    }

    fn flush(&mut self) {
        if self.failed.is_none()
            && let Err(error) = self.out.write_all(&self.pending)
        {
            self.failed = Some(error);
        }
        self.pending.clear();
    }

    /// `# WORD name `
    fn header(&mut self, word: &str, name: &str) {
        push_all(
            &mut self.pending,
            &[b"# ", word.as_bytes(), b" ", name.as_bytes(), b" "],
        );
    }

    /// `name{labels} value`
    fn scalar(&mut self, labels: &Labels, push: impl FnOnce(&mut Vec<u8>)) {
        self.pending.extend_from_slice(&self.name);
        if labels.iter().len() > 0 {
            self.pending.push(b'{');
            push_labels(&mut self.pending, labels);
            self.pending.push(b'}');
        }
        self.pending.push(b' ');
        push(&mut self.pending);
        self.pending.extend_from_slice(&self.line_end);
    }

    /// The cumulative buckets, the sum and the count.
    fn histogram(&mut self, labels: &Labels, reading: &HistogramReading) {
        let Self {
            name,
            bounds,
            labels: text,
            pending,
            line_end,
            ..
        } = self;
        text.clear();
        push_labels(text, labels);
        let comma: &[u8] = if text.is_empty() { b"" } else { b"," };
        for (below, bound) in reading.cumulative().zip(bounds) {
            push_all(pending, &[name, b"_bucket{", text, comma, bound]);
            push_u64(pending, below);
            pending.extend_from_slice(line_end);
        }
        let (open, close): (&[u8], &[u8]) = if text.is_empty() {
            (b"", b" ")
        } else {
            (b"{", b"} ")
        };
        push_all(pending, &[name, b"_sum", open, text, close]);
        push_f64(pending, reading.sum());
        push_all(pending, &[line_end, name, b"_count", open, text, close]);
        push_u64(pending, reading.count());
        pending.extend_from_slice(line_end);
    }
}

impl<W: io::Write> SnapshotVisitor for ExpositionWriter<W> {
    fn family(&mut self, family: &Family) {
        let name = match self.format {
            ExpositionFormat::Text => &family.name,
            ExpositionFormat::OpenMetrics => family.base_name(),
        };
        if !family.help.is_empty() {
            self.header("HELP", name);
            push_escaped(
                &mut self.pending,
                &family.help,
                self.format == ExpositionFormat::OpenMetrics,
            );
            self.pending.push(b'\n');
        }
        self.header("TYPE", name);
        let kind = match (self.format, family.kind) {
            (ExpositionFormat::OpenMetrics, InstrumentKind::Info) => "info",
            (_, kind) => kind.exposed(),
        };
        self.pending.extend_from_slice(kind.as_bytes());
        self.pending.push(b'\n');
        if self.format == ExpositionFormat::OpenMetrics && !family.unit.as_str().is_empty() {
            self.header("UNIT", name);
            self.pending
                .extend_from_slice(family.unit.as_str().as_bytes());
            self.pending.push(b'\n');
        }
        self.name.clear();
        self.name.extend_from_slice(name.as_bytes());
        let suffix: &[u8] = match (self.format, family.kind) {
            (ExpositionFormat::OpenMetrics, InstrumentKind::Counter) => b"_total",
            (ExpositionFormat::OpenMetrics, InstrumentKind::Info) => b"_info",
            _ => b"",
        };
        self.name.extend_from_slice(suffix);
        let bounds = family.bounds.iter().flat_map(Bounds::as_slice).copied();
        self.bounds = bounds
            .chain([f64::INFINITY])
            .map(|bound| self.format.le(bound))
            .collect();
    }

    fn series(&mut self, labels: &Labels, reading: Reading<'_>) {
        match reading {
            Reading::Counter(value) => self.scalar(labels, |to| push_u64(to, value)),
            Reading::UpDownCounter(value) => self.scalar(labels, |to| push_i64(to, value)),
            Reading::Gauge(value) => self.scalar(labels, |to| push_f64(to, value)),
            Reading::Histogram(reading) => self.histogram(labels, reading),
        }
        if self.pending.len() >= CHUNK {
            self.flush();
        }
    }
}

impl ExpositionFormat {
    fn le(self, bound: f64) -> Vec<u8> {
        let mut text = b"le=\"".to_vec();
        match self {
            Self::Text => push_f64(&mut text, bound),
            Self::OpenMetrics => push_canonical(&mut text, bound),
        }
        text.extend_from_slice(b"\"} ");
        text
    }
}

/// The whole exposition as one text. For many series, prefer a [`ExpositionWriter`], which streams.
pub fn render(format: ExpositionFormat, registry: &Registry, context: &CollectContext) -> String {
    let mut writer = ExpositionWriter::new(format, Vec::new());
    registry.visit(context, &mut writer);
    // A vector takes everything, and all that was written came from text.
    let page = writer.finish().unwrap_or_default();
    String::from_utf8(page).unwrap_or_default()
}

fn push_all(to: &mut Vec<u8>, parts: &[&[u8]]) {
    for part in parts {
        to.extend_from_slice(part);
    }
}

/// `a="1",b="2"`
pub(crate) fn push_labels(to: &mut Vec<u8>, labels: &Labels) {
    for (index, (name, value)) in labels.iter().enumerate() {
        if index > 0 {
            to.push(b',');
        }
        to.extend_from_slice(name.as_bytes());
        to.extend_from_slice(b"=\"");
        push_escaped(to, value, true);
        to.push(b'"');
    }
}

/// Text with backslashes, line feeds and (if asked) double quotes escaped.
fn push_escaped(to: &mut Vec<u8>, text: &str, quotes: bool) {
    let special = |byte: &u8| matches!(byte, b'\\' | b'\n') || (quotes && *byte == b'"');
    let mut rest = text.as_bytes();
    while let Some(at) = rest.iter().position(special) {
        to.extend_from_slice(&rest[..at]);
        to.push(b'\\');
        to.push(if rest[at] == b'\n' { b'n' } else { rest[at] });
        rest = &rest[at + 1..];
    }
    to.extend_from_slice(rest);
}

/// Milliseconds as seconds, exactly.
pub(crate) fn push_seconds(to: &mut Vec<u8>, timestamp_ms: i64) {
    if timestamp_ms < 0 {
        to.push(b'-');
    }
    let ms = timestamp_ms.unsigned_abs();
    push_u64(to, ms / 1000);
    to.push(b'.');
    for digit in [ms / 100 % 10, ms / 10 % 10, ms % 10] {
        to.push(b'0' + digit.low_u8());
    }
}
