//! `delta-truth`: what the commits say of each image adds up to what the world did to it.
//!
//! Looked at with each report, against the baseline in force: the sum over an image's reports then
//! adds up by itself, and a mistake is told with its segment.

use crate::check::board::{Board, Complaint};
use crate::check::ledger::image::NO_SLOT;
use crate::check::ledger::truth::Truth;
use crate::check::name::InvariantName::DeltaTruth;
use crate::check::words::findings;
use crate::model::DeltaCounts;
use crate::model::commit::{ReportWrite, SegmentCommit};

/// Compares each report's delta with the growth of its image since its baseline. `slots` go with
/// the reports one by one. To be called before the reports are booked.
pub(crate) fn judge(board: &mut Board, truth: &Truth, segment: &SegmentCommit, slots: &[u32]) {
    let mut deltas = segment.deltas.iter();
    let mut quiet = 0;
    let mut matched = 0;
    for (report, slot) in segment.reports.iter().zip(slots) {
        if *slot == NO_SLOT {
            continue;
        }
        let due = growth(truth, report, *slot);
        if !due.is_meaningful() {
            quiet += 1;
            continue;
        }
        matched += 1;
        // Deltas mostly come in the order of the reports.
        let next = deltas
            .clone()
            .next()
            .filter(|delta| delta.image_digest == report.image);
        let told = match next {
            Some(_) => deltas.next(),
            None => segment
                .deltas
                .iter()
                .find(|delta| delta.image_digest == report.image),
        };
        let told = told.map_or(DeltaCounts::default(), |delta| delta.counts);
        board.check(DeltaTruth, true, told == due, || {
            complaint(
                segment,
                report,
                "its delta is not what the world changed since its last report",
            )
            .expected(findings(&due), findings(&told))
        });
    }
    board.held(DeltaTruth, quiet, 0);
    if matched < segment.deltas.len() {
        board_unfounded(board, truth, segment, slots);
    }
}

fn growth(truth: &Truth, report: &ReportWrite, slot: u32) -> DeltaCounts {
    match truth.images.baseline(slot) {
        Some(baseline) if baseline < report.revision => {
            truth
                .images
                .growth(&report.image, baseline, report.revision)
        }
        // The first report sets the baseline, and one that is as new or older changes nothing.
        _ => DeltaCounts::default(),
    }
}

/// Names each delta of an image that did not change.
#[cold]
fn board_unfounded(board: &mut Board, truth: &Truth, segment: &SegmentCommit, slots: &[u32]) {
    for delta in &segment.deltas {
        let mut reports = segment.reports.iter().zip(slots);
        let report = reports.find(|(report, _)| report.image == delta.image_digest);
        let Some((report, slot)) = report.filter(|(_, slot)| **slot != NO_SLOT) else {
            continue;
        };
        if !growth(truth, report, *slot).is_meaningful() {
            let what = "it tells of a delta, but the image did not change since its last report";
            let complaint =
                complaint(segment, report, what).expected("no delta", findings(&delta.counts));
            board.violate(DeltaTruth, complaint);
        }
    }
}

fn complaint(segment: &SegmentCommit, report: &ReportWrite, what: &str) -> Complaint {
    Complaint::new(
        format_args!("image {} in segment {}", report.image, segment.key),
        what,
    )
}
