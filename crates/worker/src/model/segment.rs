//! Segments: the portions in which a run's images are worked.

use std::fmt;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::{CommitToken, DeltaCounts, ImageDigest, RunId, Timestamp};

/// Names a segment.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct SegmentKey {
    /// The run.
    pub run: RunId,
    /// Position in the run, from 0.
    pub index: u32,
}

impl fmt::Display for SegmentKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.run, self.index)
    }
}

/// What working a segment gave.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct SegmentOutcome {
    /// Images with a report and without a meaningful delta.
    pub unchanged: u64,
    /// Images with a meaningful delta.
    pub changed: u64,
    /// Images that the scanner refused for good.
    pub failed: u64,
    /// The sum of the meaningful deltas.
    pub deltas: DeltaCounts,
}

/// A segment as the store keeps it.
#[derive(Debug, Clone, PartialEq)]
pub struct Segment {
    /// Its name.
    pub key: SegmentKey,
    /// Its images.
    pub digests: Arc<[ImageDigest]>,
    /// When it was last released for work, or enqueued again by repair.
    pub released_at: Option<Timestamp>,
    /// How often repair enqueued it again; part of the idempotency key.
    pub requeued: u32,
    /// The newest delivery that began work on it (a fence).
    pub delivery: u64,
    /// Who committed it.
    pub committed_by: Option<CommitToken>,
    /// When a holder last began work on it or said that it goes on, on the store's clock.
    pub worked_at: Option<Timestamp>,
    /// The segments that its commit released.
    pub released_next: Vec<SegmentKey>,
}
