//! Events for Notify.

use std::fmt;

use serde::{Deserialize, Serialize, Serializer};
use std::sync::Arc;
use xxhash_rust::xxh3::Xxh3;

use super::{DeltaSummary, ImageDigest, RunId, TenantId, Timestamp};

/// The kinds of event.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum EventKind {
    /// A report was committed.
    #[serde(rename = "scanner.report.ready@1")]
    ReportReady,
    /// A meaningful delta passed the schedule's filter.
    #[serde(rename = "scheduler.rescan.delta@1")]
    RescanDelta,
}

impl EventKind {
    /// Every kind.
    pub const ALL: [Self; 2] = [Self::ReportReady, Self::RescanDelta];

    /// The kind's name and version.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::ReportReady => "scanner.report.ready@1",
            Self::RescanDelta => "scheduler.rescan.delta@1",
        }
    }
}

/// An event's identity: a hash of kind, run and image, so that a repeat has the same.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct EventId(pub u128);

impl EventId {
    /// The identity of the event of this kind for this image of this run.
    pub fn of(kind: EventKind, run: &RunId, image: &ImageDigest) -> Self {
        let mut hash = Xxh3::new();
        hash.update(kind.as_str().as_bytes());
        hash.update(&[0]);
        hash.update(run.as_str().as_bytes());
        hash.update(&[0]);
        hash.update(image.as_bytes());
        Self(hash.digest128())
    }
}

impl fmt::Display for EventId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:032x}", self.0)
    }
}

impl Serialize for EventId {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

/// What an event tells.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(untagged)]
pub enum EventPayload {
    /// Of [`EventKind::ReportReady`].
    #[serde(rename_all = "camelCase")]
    ReportReady {
        /// The image.
        image_digest: ImageDigest,
        /// Findings in the report.
        findings: u64,
    },
    /// Of [`EventKind::RescanDelta`].
    RescanDelta(Arc<DeltaSummary>),
}

/// The envelope.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Event {
    /// Identity.
    pub event_id: EventId,
    /// Kind and version.
    pub kind: EventKind,
    /// The owner.
    pub tenant: TenantId,
    /// When the report was made.
    pub ts: Timestamp,
    /// What it tells.
    pub payload: EventPayload,
    /// The run and the image that it belongs to.
    pub attributes: EventAttributes,
}

/// Attributes of an event.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct EventAttributes {
    /// The run.
    pub run: RunId,
    /// The image.
    pub image: ImageDigest,
}
