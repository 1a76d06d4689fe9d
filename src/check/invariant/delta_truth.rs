//! `delta-truth`: the deltas of each image add up to the changes that the world made to it.
//!
//! Each report is checked against the baseline in force, so the sum over an image's reports is
//! right too, and a violation names the segment.

use super::{CheckContext, EvaluationTime, Invariant, InvariantDefinition, InvariantName};
use crate::check::contract;
use crate::check::format::findings;
use crate::check::invariant::InvariantName::DeltaTruth;
use crate::check::invariant::results::ViolationDetail;
use crate::check::state::image::NO_SLOT;
use crate::check::state::{AcceptedCommit, WorldState};
use crate::model::commit::{ReportWrite, SegmentCommit};
use crate::model::{CommitStep, DeltaCounts, DeltaSummary, Severity};
use rehearsal_convert::Index;

/// Name and documentation of `delta-truth`.
pub(crate) const DELTA_TRUTH: InvariantDefinition = InvariantDefinition {
    name: "delta-truth",
    evaluated: EvaluationTime::Quiescence,
    meaning: "Per image, committed deltas add up to what the world changed between its reports.",
    method: "The world says which findings each revision of an image adds, fixes or flags as KEV. \
             The delta of each committed report must be what is new against the baseline in force: \
             findings that the baseline lacks, and KEV hits that it does not have. A finding that \
             is fixed, or comes back before the next report, is none. A first report, and one that \
             is not newer, has no delta. The sum over an image's reports is then right too, and a \
             violation names its segment. Each delta names its ten most urgent findings in \
             order: by severity, then known exploited, then by name.",
    exercised_by: "reports of images that changed",
};

/// Checks `delta-truth`.
#[derive(Debug, Default)]
pub(crate) struct DeltaTruthCheck;

impl Invariant for DeltaTruthCheck {
    fn names(&self) -> &[InvariantName] {
        &[DeltaTruth]
    }

    fn commit_accepted(&mut self, context: &mut CheckContext<'_>, accepted: &AcceptedCommit<'_>) {
        if let (CommitStep::Segment(segment), false) =
            (&accepted.commit.step, accepted.changes.is_empty())
        {
            check_reports(context, segment, &accepted.slots);
        }
    }
}

/// Checks each report's delta against the growth of its image since its baseline. `slots` are the
/// reports' in order.
fn check_reports(context: &mut CheckContext<'_>, segment: &SegmentCommit, slots: &[u32]) {
    let mut deltas = segment.deltas.iter();
    let (mut unchanged, mut matched) = (0, 0);
    for (report, slot) in segment.reports.iter().zip(slots) {
        if *slot == NO_SLOT {
            continue;
        }
        let due = growth(context.state, report, *slot);
        if !contract::is_meaningful(&due) {
            unchanged += 1;
            continue;
        }
        matched += 1;
        // Deltas mostly come in the order of the reports.
        let is_of = |image| image == report.image;
        let next = deltas.clone().next();
        let delta = match next.filter(|delta| is_of(delta.image_digest)) {
            Some(_) => deltas.next(),
            None => segment
                .deltas
                .iter()
                .find(|delta| is_of(delta.image_digest)),
        };
        let found = delta.map_or(DeltaCounts::default(), |delta| delta.counts);
        context.check(DeltaTruth, true, found == due, || {
            ViolationDetail::of(format_args!(
                "the delta of image {} in segment {}",
                report.image, segment.key
            ))
            .is(findings(&found))
            .expected(findings(&due))
            .because("the world changed the image by that much since its last report")
        });
        if let Some(delta) = delta {
            check_summary(context, segment, delta);
        }
    }
    context.held(DeltaTruth, unchanged, 0);
    if matched < segment.deltas.len() {
        report_unfounded(context, segment, slots);
    }
}

/// Checks the findings that a delta names: at most ten of the highest severities, the most urgent
/// first.
fn check_summary(context: &mut CheckContext<'_>, segment: &SegmentCommit, delta: &DeltaSummary) {
    let (counts, named) = (&delta.counts, &delta.top_findings);
    let by_severity = [
        (Severity::Critical, counts.new_criticals),
        (Severity::High, counts.new_high),
        (Severity::Medium, counts.new_medium),
        (Severity::Low, counts.new_low),
    ];
    let due = by_severity
        .into_iter()
        .flat_map(|(severity, new)| (0..new).map(move |_| severity))
        .take(contract::TOP_FINDINGS);
    let is_in_order = named.is_sorted_by(contract::is_more_urgent);
    let severities = named.iter().map(|finding| finding.severity);
    // A known finding that has become a KEV hit is named too, and its severity is not counted.
    let most = contract::TOP_FINDINGS.min((counts.new_findings + counts.kev_hits).to_index());
    let is_complete = match counts.kev_hits {
        0 => severities.eq(due.clone()),
        _ => (due.clone().count()..=most).contains(&named.len()),
    };
    if is_in_order && is_complete {
        return;
    }
    let names = |severities: &mut dyn Iterator<Item = Severity>| {
        let names: Vec<_> = severities.map(Severity::as_str).collect();
        names.join(", ")
    };
    let found = names(&mut named.iter().map(|finding| finding.severity));
    context.violate(
        DeltaTruth,
        ViolationDetail::of(format_args!(
            "the list of findings in the delta of image {} in segment {}",
            delta.image_digest, segment.key
        ))
        .is(match is_in_order {
            true => found,
            false => format!("{found}, not in order"),
        })
        .expected(names(&mut due.clone()))
        .because("a summary names the ten most urgent findings, the most urgent first"),
    );
}

fn growth(state: &WorldState, report: &ReportWrite, slot: u32) -> DeltaCounts {
    let images = &state.images;
    match images.baseline(slot) {
        Some(baseline) if baseline < report.revision => {
            images.growth(&report.image, baseline, report.revision)
        }
        // The first report sets the baseline, and one that is as new or older changes nothing.
        _ => DeltaCounts::default(),
    }
}

/// Reports each delta of an image that did not change.
#[cold]
fn report_unfounded(context: &mut CheckContext<'_>, segment: &SegmentCommit, slots: &[u32]) {
    for delta in &segment.deltas {
        let mut reports = segment.reports.iter().zip(slots);
        let report = reports.find(|(report, _)| report.image == delta.image_digest);
        let Some((report, slot)) = report.filter(|(_, slot)| **slot != NO_SLOT) else {
            continue;
        };
        if !contract::is_meaningful(&growth(context.state, report, *slot)) {
            context.violate(
                DeltaTruth,
                ViolationDetail::of(format_args!(
                    "the delta of image {} in segment {}",
                    report.image, segment.key
                ))
                .is(findings(&delta.counts))
                .expected("absent")
                .because("the image did not change since its last report"),
            );
        }
    }
}
