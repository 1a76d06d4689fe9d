//! Every recorded sample as `OpenMetrics` text with timestamps: what
//! `promtool tsdb create-blocks-from openmetrics` turns into the data of a Prometheus.
//!
//! The samples of a metric stand together and rise in time, a histogram's buckets, count and sum of
//! one scrape one after another. The end of a series (a staleness marker) has no form in
//! `OpenMetrics`: its samples just end.

use std::collections::BTreeMap;
use std::io::{self, Write};

use crate::exposition::{push_labels, push_seconds};
use crate::number_format::push_f64;
use crate::series::{SampleIter, SeriesId};
use crate::{Family, InstrumentKind, Labels, TimeSeriesStore};

/// Writes all samples.
///
/// # Errors
/// The first error that `out` met.
pub fn write_openmetrics(recording: &TimeSeriesStore, out: &mut impl Write) -> io::Result<()> {
    for family in recording.families() {
        metric(recording, family, out)?;
    }
    metric(recording, &Family::gauge("up"), out)?;
    out.write_all(b"# EOF\n")
}

fn metric(recording: &TimeSeriesStore, family: &Family, out: &mut impl Write) -> io::Result<()> {
    let is_counter = family.kind == InstrumentKind::Counter && family.name.ends_with("_total");
    let (name, kind) = match family.kind {
        InstrumentKind::Counter if is_counter => (family.base_name(), "counter"),
        // OpenMetrics knows no counter whose samples don't end with `_total`.
        InstrumentKind::Counter => (&*family.name, "unknown"),
        kind => (&*family.name, kind.exposed()),
    };
    writeln!(out, "# TYPE {name} {kind}")?;
    for point in points(recording, family) {
        point.write(recording, out)?;
    }
    Ok(())
}

/// The series that make up a point of a metric: one, or a histogram's buckets, count and sum.
#[derive(Default)]
struct MetricPoint(Vec<SeriesId>);

/// The metrics of a family, sorted by labels.
fn points(recording: &TimeSeriesStore, family: &Family) -> Vec<MetricPoint> {
    let parts: &[&str] = match family.kind {
        InstrumentKind::Histogram => &["_bucket", "_count", "_sum"],
        _ => &[""],
    };
    let mut points: BTreeMap<Labels, MetricPoint> = BTreeMap::new();
    for part in parts {
        let mut ids = recording.select(Some(&format!("{}{part}", family.name)), &[]);
        let bound = |id: &SeriesId| {
            recording
                .labels(*id)
                .get("le")
                .and_then(|le| le.parse().ok())
        };
        ids.sort_by(|a, b| {
            let (a, b): (Option<f64>, Option<f64>) = (bound(a), bound(b));
            a.partial_cmp(&b).unwrap_or(std::cmp::Ordering::Equal)
        });
        for id in ids {
            let labels = recording.labels(id).without("le");
            points.entry(labels).or_default().0.push(id);
        }
    }
    points.into_values().collect()
}

impl MetricPoint {
    fn write(&self, recording: &TimeSeriesStore, out: &mut impl Write) -> io::Result<()> {
        let heads: Vec<Vec<u8>> = self.0.iter().map(|id| head(recording, *id)).collect();
        let all = |id: &SeriesId| recording.samples(*id, i64::MIN, i64::MAX);
        let mut members: Vec<SampleIter<'_>> = self.0.iter().map(all).collect();
        let mut lines = Vec::new();
        loop {
            lines.clear();
            for (head, samples) in heads.iter().zip(&mut members) {
                // Series of one exposition: they come and end together.
                let Some(sample) = samples.next() else {
                    return Ok(());
                };
                lines.extend_from_slice(head);
                push_f64(&mut lines, sample.value);
                lines.push(b' ');
                push_seconds(&mut lines, sample.at_ms);
                lines.push(b'\n');
            }
            out.write_all(&lines)?;
        }
    }
}

/// `name{labels} `
fn head(recording: &TimeSeriesStore, id: SeriesId) -> Vec<u8> {
    let mut head = recording.name(id).as_bytes().to_vec();
    head.push(b'{');
    push_labels(&mut head, recording.labels(id));
    head.extend_from_slice(b"} ");
    head
}
