//! Every write to an instrument, with the invariants that fail if it is broken.

use rehearsal::check::InvariantName::{
    self, ActiveTruth, AppliedLearned, BacklogTruth, DeltaConservation, ImageConservation,
    LatencyCount, PlannerConservation, SegmentOnce,
};

/// Each method of `InstrumentWrites`, the number of its labels, and the invariants that fail if a
/// write is skipped, doubled, late or has a wrong label.
pub const WRITES: [(&str, usize, &[InvariantName]); 26] = [
    ("backlog_confirm", 0, &[BacklogTruth]),
    ("backlog_refresh", 1, &[BacklogTruth]),
    ("backlog_set", 1, &[BacklogTruth]),
    ("dead_letter", 1, &[AppliedLearned]),
    ("deltas", 1, &[DeltaConservation]),
    ("drop_message", 1, &[AppliedLearned]),
    ("event_published", 1, &[AppliedLearned]),
    ("images", 2, &[ImageConservation]),
    ("images_failed", 1, &[AppliedLearned]),
    ("late_permit", 1, &[AppliedLearned]),
    ("lease_loss", 1, &[AppliedLearned]),
    ("lease_renewal", 1, &[AppliedLearned]),
    ("outbox_depth", 0, &[BacklogTruth]),
    ("planner_attempt", 2, &[AppliedLearned]),
    ("planner_run", 2, &[PlannerConservation, LatencyCount]),
    ("queue_depth", 1, &[BacklogTruth]),
    ("queue_oldest_ready", 1, &[BacklogTruth]),
    ("redelivery", 1, &[AppliedLearned]),
    ("run_cancelled", 1, &[AppliedLearned]),
    ("run_completed", 1, &[LatencyCount]),
    ("runs_active_add", 1, &[ActiveTruth]),
    ("scanner_request", 2, &[AppliedLearned]),
    ("schedule_fires", 2, &[AppliedLearned]),
    ("segment", 2, &[SegmentOnce]),
    ("segment_discarded", 1, &[AppliedLearned]),
    ("since_progress", 1, &[BacklogTruth]),
];

/// Invariants that expect what a method writes; none for an unknown method.
pub fn expected_by(method: &str) -> Option<&'static [InvariantName]> {
    let mut known = WRITES.iter();
    let (_, _, by) = known.find(|(known, _, _)| *known == method)?;
    Some(by)
}
