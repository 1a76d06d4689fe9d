//! The commit of a scanned segment: its reports, deltas and events, and the run's progress.
//!
//! Everything that a segment changes is one atomic commit. Separate writes of reports, run and
//! outbox were rejected: a crash between them would count findings without an event, or twice.

use std::sync::Arc;

use super::report_delta;
use crate::context::WorkerContext;
use crate::model::commit::{ActiveRunsDelta, ReportWrite, SegmentCommit};
use crate::model::{
    Baseline, Commit, CommitStep, Event, ImageDigest, RunState, ScanReport, Segment, SegmentOutcome,
};
use crate::ports::{Ports, RunDocument};
use crate::run_lifecycle::concurrency_window;

/// Results of the scan requests of a segment, before they are compared with the baselines.
pub struct ScanResults {
    /// Reports, one for each image that has one.
    pub reports: Vec<ScanReport>,
    /// Images that the Scanner refused permanently.
    pub failed: Vec<ImageDigest>,
}

impl ScanResults {
    /// Creates results without a report, with room for `images` of them.
    pub fn with_capacity(images: usize) -> Self {
        Self {
            reports: Vec::with_capacity(images),
            failed: Vec::new(),
        }
    }
}

/// Returns the commit of a segment, and its totals. `baselines` has one element for each of
/// `results.reports`. If the segment is the last of its run, the commit completes the run.
pub fn segment_commit<P: Ports>(
    context: &WorkerContext<P>,
    document: &RunDocument,
    segment: &Segment,
    results: &ScanResults,
    baselines: &[Option<Baseline>],
    delivery: u64,
) -> (Commit, SegmentOutcome) {
    let (content, events) = compare(document, segment, results, baselines);
    let outcome = content.outcome;
    debug_assert_eq!(
        results.reports.len() + results.failed.len(),
        segment.digests.len(),
        "each image has a report or a refusal"
    );
    let mut run = document.run.value.clone();
    let mut state = document.schedule.state.value.clone();
    run.stats.add_segment(&outcome);
    let mut commit = context.new_commit(CommitStep::Segment(content), delivery);
    commit.events = events;
    if concurrency_window::commit(&mut state, &run.id) {
        run.state = RunState::Completed;
        concurrency_window::close(&mut state, &run.id);
        commit.active_runs_delta = Some(ActiveRunsDelta {
            mode: run.mode,
            change: -1,
        });
    }
    concurrency_window::write(&mut commit, document, run, state);
    (commit, outcome)
}

/// Compares each report with its baseline.
fn compare(
    document: &RunDocument,
    segment: &Segment,
    results: &ScanResults,
    baselines: &[Option<Baseline>],
) -> (SegmentCommit, Vec<Arc<Event>>) {
    let run = &document.run.value;
    let notify = &document.schedule.schedule.notify;
    let mut events = Vec::new();
    let mut content = SegmentCommit {
        key: segment.key.clone(),
        outcome: SegmentOutcome {
            failed: results.failed.len() as u64,
            ..SegmentOutcome::default()
        },
        reports: Vec::with_capacity(results.reports.len()),
        deltas: Vec::new(),
        failed: results.failed.clone(),
    };
    for (report, baseline) in results.reports.iter().zip(baselines) {
        if notify.enabled {
            let event = report_delta::report_ready(&run.tenant, &run.id, report);
            events.push(Arc::new(event));
        }
        match report_delta::summarize(report, baseline.as_ref()) {
            None => content.outcome.unchanged += 1,
            Some(summary) => {
                content.outcome.changed += 1;
                content.outcome.deltas.add(&summary.counts);
                if report_delta::passes(notify, &summary.counts) {
                    let event = report_delta::rescan_delta(&run.tenant, &run.id, report, &summary);
                    events.push(Arc::new(event));
                }
                content.deltas.push(summary);
            }
        }
        content.reports.push(ReportWrite {
            image: report.image,
            expected: baseline.as_ref().map(|baseline| baseline.revision),
            revision: report.revision,
            findings: report.findings.clone(),
        });
    }
    (content, events)
}
