//! `delta-truth`: what the commits say of each image adds up to what the world did to it.
//!
//! Looked at with each report, against the baseline in force: the sum over an image's reports then
//! adds up by itself, and a mistake is told with its segment.

use crate::check::format::findings;
use crate::check::invariant_name::InvariantName::DeltaTruth;
use crate::check::results::{CheckResults, ViolationDetail};
use crate::check::state::WorldState;
use crate::check::state::image::NO_SLOT;
use crate::model::DeltaCounts;
use crate::model::commit::{ReportWrite, SegmentCommit};

/// Compares each report's delta with the growth of its image since its baseline. `slots` go with
/// the reports one by one. To be called before the reports are booked.
pub(crate) fn judge(
    results: &mut CheckResults,
    state: &WorldState,
    segment: &SegmentCommit,
    slots: &[u32],
) {
    let mut deltas = segment.deltas.iter();
    let mut quiet = 0;
    let mut matched = 0;
    for (report, slot) in segment.reports.iter().zip(slots) {
        if *slot == NO_SLOT {
            continue;
        }
        let due = growth(state, report, *slot);
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
        results.check(DeltaTruth, true, told == due, || {
            complaint(
                segment,
                report,
                "its delta is not what the world changed since its last report",
            )
            .expected(findings(&due), findings(&told))
        });
    }
    results.held(DeltaTruth, quiet, 0);
    if matched < segment.deltas.len() {
        report_unfounded(results, state, segment, slots);
    }
}

fn growth(state: &WorldState, report: &ReportWrite, slot: u32) -> DeltaCounts {
    match state.images.baseline(slot) {
        Some(baseline) if baseline < report.revision => {
            state
                .images
                .growth(&report.image, baseline, report.revision)
        }
        // The first report sets the baseline, and one that is as new or older changes nothing.
        _ => DeltaCounts::default(),
    }
}

/// Names each delta of an image that did not change.
#[cold]
fn report_unfounded(
    results: &mut CheckResults,
    state: &WorldState,
    segment: &SegmentCommit,
    slots: &[u32],
) {
    for delta in &segment.deltas {
        let mut reports = segment.reports.iter().zip(slots);
        let report = reports.find(|(report, _)| report.image == delta.image_digest);
        let Some((report, slot)) = report.filter(|(_, slot)| **slot != NO_SLOT) else {
            continue;
        };
        if !growth(state, report, *slot).is_meaningful() {
            let what = "it tells of a delta, but the image did not change since its last report";
            let complaint =
                complaint(segment, report, what).expected("no delta", findings(&delta.counts));
            results.violate(DeltaTruth, complaint);
        }
    }
}

fn complaint(segment: &SegmentCommit, report: &ReportWrite, what: &str) -> ViolationDetail {
    ViolationDetail::new(
        format_args!("image {} in segment {}", report.image, segment.key),
        what,
    )
}
