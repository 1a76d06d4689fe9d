//! Segments: the parts in which a run's images are scanned.

use std::fmt;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::{CommitToken, DeltaCounts, ImageDigest, RunId, Timestamp};

/// Identifier of a segment.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct SegmentKey {
    /// Run that the segment belongs to.
    pub run: RunId,
    /// Position in the run, from 0.
    pub index: u32,
}

impl fmt::Display for SegmentKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.run, self.index)
    }
}

/// Totals of a worked segment.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct SegmentOutcome {
    /// Number of images with a report and without a meaningful delta.
    pub unchanged: u64,
    /// Number of images with a meaningful delta.
    pub changed: u64,
    /// Number of images that the Scanner refused permanently.
    pub failed: u64,
    /// Sum of the meaningful deltas.
    pub deltas: DeltaCounts,
}

/// A segment in the store.
#[derive(Debug, Clone, PartialEq)]
pub struct Segment {
    /// Identifier of the segment.
    pub key: SegmentKey,
    /// Digests of its images.
    pub digests: Arc<[ImageDigest]>,
    /// Time at which it was last released for work, or enqueued again by repair.
    pub released_at: Option<Timestamp>,
    /// Number of times that repair enqueued it again; part of the idempotency key.
    pub requeued: u32,
    /// Newest delivery that began work on it (the fence).
    pub delivery: u64,
    /// Token of the commit that completed it.
    pub committed_by: Option<CommitToken>,
    /// Time at which a holder last began or continued work, on the store's clock.
    pub worked_at: Option<Timestamp>,
    /// Segments that its commit released.
    pub released_next: Vec<SegmentKey>,
}

impl Segment {
    /// Creates a segment that is not released yet.
    pub fn new(key: SegmentKey, digests: Arc<[ImageDigest]>) -> Self {
        Self {
            key,
            digests,
            released_at: None,
            requeued: 0,
            delivery: 0,
            committed_by: None,
            worked_at: None,
            released_next: Vec::new(),
        }
    }
}
