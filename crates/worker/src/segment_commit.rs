//! The commit of a worked segment.

use std::sync::Arc;

use super::context::Context;
use super::ports::{Ports, RunDocument};
use super::{delta, window};
use crate::model::commit::{ActiveRunsDelta, ReportWrite, SegmentCommit};
use crate::model::{
    Baseline, Commit, CommitStep, Event, ImageDigest, Run, RunState, ScanReport, Segment,
    SegmentOutcome,
};

/// What working a segment gave, before it is compared with the baselines.
pub struct ScanResults {
    /// The reports.
    pub reports: Vec<ScanReport>,
    /// Images that the Scanner refused for good.
    pub failed: Vec<ImageDigest>,
}

impl ScanResults {
    /// Nothing yet, with room for `images` reports.
    pub fn with_capacity(images: usize) -> Self {
        Self {
            reports: Vec::with_capacity(images),
            failed: Vec::new(),
        }
    }
}

/// The commit of a segment and its totals. `baselines` goes with `worked.reports` one by one.
/// The commit books the end of the run if the segment is its last.
pub fn segment_commit<P: Ports>(
    context: &Context<P>,
    document: &RunDocument,
    segment: &Segment,
    results: &ScanResults,
    baselines: &[Option<Baseline>],
    delivery: u64,
) -> (Commit, SegmentOutcome) {
    let (content, events) = compare(document, segment, results, baselines);
    let outcome = content.outcome;
    let mut run = document.run.value.clone();
    let mut state = document.schedule.state.value.clone();
    grow(&mut run, &outcome);
    let mut commit = context.new_commit(CommitStep::Segment(content), delivery);
    commit.events = events;
    if window::commit(&mut state, &run.id) {
        run.state = RunState::Completed;
        window::close(&mut state, &run.id);
        commit.active_runs_delta = Some(ActiveRunsDelta {
            mode: run.mode,
            change: -1,
        });
    }
    window::write(&mut commit, document, run, state);
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
            events.push(Arc::new(delta::report_ready(&run.tenant, &run.id, report)));
        }
        match delta::summarize(report, baseline.as_ref()) {
            None => content.outcome.unchanged += 1,
            Some(summary) => {
                content.outcome.changed += 1;
                content.outcome.deltas.add(&summary.counts);
                if delta::passes(notify, &summary.counts) {
                    let event = delta::rescan_delta(&run.tenant, &run.id, report, &summary);
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

fn grow(run: &mut Run, outcome: &SegmentOutcome) {
    let stats = &mut run.stats;
    stats.completed += outcome.unchanged + outcome.changed;
    stats.failed += outcome.failed;
    stats.deltas += outcome.changed;
    stats.new_findings += outcome.deltas.new_findings;
    stats.new_criticals += outcome.deltas.new_criticals;
    stats.new_high += outcome.deltas.new_high;
    stats.kev_hits += outcome.deltas.kev_hits;
    stats.segments_completed += 1;
}
