//! The text page of a scrape, compared with the recording.

use std::collections::BTreeMap;

use super::{CheckContext, ScrapeRecorded};
use crate::check::instruments::RecordedScrape;
use crate::check::invariant::results::ViolationDetail;
use crate::metrics::exposition::{ExpositionLine, ExpositionSample, parse};
use crate::metrics::{InstrumentKind, stored_bound};
use crate::model::ProcessName;

/// Labels that the scraper adds.
const TARGET_LABELS: [&str; 2] = ["instance", "job"];

/// Length of most spelled series, bytes.
const TEXT_CAPACITY: usize = 128;

/// Parses the page that the process serves now, and compares it with the recorded scrape.
pub(super) fn check(
    context: &mut CheckContext<'_>,
    process: &ProcessName,
    scrape: &dyn RecordedScrape,
) {
    let text = scrape.page();
    let mut page = ParsedPage::default();
    for line in parse(&text) {
        match line {
            Ok(ExpositionLine::Type { name, kind }) => {
                check_type(context, process, scrape, name, kind);
            }
            Ok(ExpositionLine::Sample(sample)) => page.add(sample),
            Err(error) => context.violate(
                ScrapeRecorded,
                ViolationDetail::of(format_args!("the page of {process}"))
                    .is(format_args!("unreadable ({error})"))
                    .expected("samples in the Prometheus text format")
                    .because("a scrape parses the whole page"),
            ),
        }
    }
    for (series, histogram) in &page.histograms {
        histogram.check(context, process, series);
    }
    page.samples.sort_by(|a, b| a.0.cmp(&b.0));
    check_samples(context, process, &page.samples, &recorded_samples(scrape));
}

/// Samples of a page as Prometheus would store them, and its histograms.
#[derive(Default)]
struct ParsedPage {
    /// Samples by spelled series.
    samples: Vec<(String, f64)>,
    /// Histograms by name and labels without `le`.
    histograms: BTreeMap<String, ParsedHistogram>,
}

/// Parts of a histogram on a page.
#[derive(Default)]
struct ParsedHistogram {
    /// Upper bounds and cumulative counts, in the order of the page.
    buckets: Vec<(f64, f64)>,
    count: Option<f64>,
}

impl ParsedPage {
    fn add(&mut self, sample: ExpositionSample<'_>) {
        let ExpositionSample {
            name,
            mut labels,
            value,
        } = sample;
        labels.sort_unstable();
        let bound = name.strip_suffix("_bucket").and_then(|histogram| {
            let at = labels.iter().position(|(label, _)| *label == "le")?;
            Some((histogram, at, labels[at].1.parse().ok()?))
        });
        if let Some((histogram, at, bound)) = bound {
            let others = labels.iter().filter(|(label, _)| *label != "le");
            let key = spelled(histogram, others.map(|(label, value)| (*label, &**value)));
            let parts = self.histograms.entry(key).or_default();
            parts.buckets.push((bound, value));
            labels[at].1 = stored_bound(bound).into();
        }
        let pairs = labels.iter().map(|(label, value)| (*label, &**value));
        if let Some(histogram) = name.strip_suffix("_count") {
            let key = spelled(histogram, pairs.clone());
            if let Some(parts) = self.histograms.get_mut(&key) {
                parts.count = Some(value);
            }
        }
        self.samples.push((spelled(name, pairs), value));
    }
}

impl ParsedHistogram {
    fn check(&self, context: &mut CheckContext<'_>, process: &ProcessName, series: &str) {
        let rises = self.buckets.is_sorted_by(|a, b| a.0 < b.0 && a.1 <= b.1);
        let last = self.buckets.last().copied();
        let holds = rises && last == Some((f64::INFINITY, self.count.unwrap_or(-1.0)));
        context.check(ScrapeRecorded, false, holds, || {
            let counts = self.buckets.iter().map(|bucket| bucket.1.to_string());
            let counts: Vec<String> = counts.collect();
            let count = self
                .count
                .map_or("absent".to_owned(), |count| count.to_string());
            ViolationDetail::of(format_args!(
                "the buckets of {series} on the page of {process}"
            ))
            .is(format_args!("[{}]", counts.join(", ")))
            .expected(format_args!("rising to the count, which is {count}"))
            .because("buckets are cumulative and the last one, +Inf, holds every sample")
        });
    }
}

/// `name{a="1",b="2"}`
fn spelled<'l>(name: &str, labels: impl Iterator<Item = (&'l str, &'l str)>) -> String {
    let mut text = String::with_capacity(TEXT_CAPACITY);
    text.push_str(name);
    let mut separator = '{';
    for (label, value) in labels {
        text.push(separator);
        text.push_str(label);
        text.push_str("=\"");
        text.push_str(value);
        text.push('"');
        separator = ',';
    }
    if separator == ',' {
        text.push('}');
    }
    text
}

/// Recorded samples by series, spelled as on a page, without the labels of the scraper.
fn recorded_samples(scrape: &dyn RecordedScrape) -> Vec<(String, f64)> {
    let mut samples = Vec::new();
    scrape.show_samples(&mut |name, labels, value| {
        let own = labels
            .iter()
            .filter(|(label, _)| !TARGET_LABELS.contains(label));
        samples.push((spelled(name, own), value));
    });
    samples.sort_by(|a, b| a.0.cmp(&b.0));
    samples
}

fn check_type(
    context: &mut CheckContext<'_>,
    process: &ProcessName,
    scrape: &dyn RecordedScrape,
    metric: &str,
    kind: &str,
) {
    let recorded = scrape.kind(metric).map(InstrumentKind::exposed);
    context.check(ScrapeRecorded, false, recorded == Some(kind), || {
        ViolationDetail::of(format_args!("the recorded type of {metric} of {process}"))
            .is(recorded.unwrap_or("absent"))
            .expected(kind)
            .because("the page of that instant says so")
    });
}

/// Merges the samples of page and recording, both sorted, and checks that they agree.
fn check_samples(
    context: &mut CheckContext<'_>,
    process: &ProcessName,
    page: &[(String, f64)],
    recorded: &[(String, f64)],
) {
    let (mut page, mut recorded) = (page.iter().peekable(), recorded.iter().peekable());
    loop {
        let (shown, kept) = (page.peek().copied(), recorded.peek().copied());
        let series = match (shown, kept) {
            (Some(shown), Some(kept)) => shown.0.as_str().min(&kept.0),
            (Some(one), None) | (None, Some(one)) => &one.0,
            (None, None) => return,
        };
        let next = |sample: Option<&(String, f64)>| {
            let sample = sample.filter(|sample| sample.0 == series)?;
            Some(sample.1)
        };
        let (expected, found) = (next(shown), next(kept));
        page.next_if(|_| expected.is_some());
        recorded.next_if(|_| found.is_some());
        let holds = expected.map(f64::to_bits) == found.map(f64::to_bits);
        let is_exercised = expected.is_some_and(|value| value != 0.0);
        context.check(ScrapeRecorded, is_exercised, holds, || {
            let text = |value: Option<f64>| value.map_or("absent".to_owned(), |v| v.to_string());
            ViolationDetail::of(format_args!("the recorded {series} of {process}"))
                .is(text(found))
                .expected(text(expected))
                .because("the page of that instant says so")
        });
    }
}
