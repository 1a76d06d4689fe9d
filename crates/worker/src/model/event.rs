//! Events that Notify delivers.

use std::fmt;

use serde::de::Error;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::sync::Arc;
use xxhash_rust::xxh3::Xxh3;

use super::{DeltaSummary, ImageDigest, RunId, TenantId, Timestamp};

/// Kind of an event, with the version of its schema.
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

    /// Returns name and version of the kind.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::ReportReady => "scanner.report.ready@1",
            Self::RescanDelta => "scheduler.rescan.delta@1",
        }
    }
}

/// Identifier of an event: a hash of kind, run and image, so that a repeat has the same.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct EventId(pub u128);

impl EventId {
    /// Returns the identifier of the event of this kind for an image of a run.
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

impl<'de> Deserialize<'de> for EventId {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = std::borrow::Cow::<'de, str>::deserialize(deserializer)?;
        u128::from_str_radix(&text, 16)
            .map(Self)
            .map_err(D::Error::custom)
    }
}

/// Content of an event.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum EventPayload {
    /// Content of [`EventKind::ReportReady`].
    #[serde(rename_all = "camelCase")]
    ReportReady {
        /// Image that the report is about.
        image_digest: ImageDigest,
        /// Number of findings in the report.
        findings: u64,
    },
    /// Content of [`EventKind::RescanDelta`].
    RescanDelta(Arc<DeltaSummary>),
}

/// Event with its envelope.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Event {
    /// Identifier, by which subscribers drop duplicates.
    pub event_id: EventId,
    /// Kind and version.
    pub kind: EventKind,
    /// Tenant that owns the image.
    pub tenant: TenantId,
    /// Time of the report.
    pub ts: Timestamp,
    /// Content of the event.
    pub payload: EventPayload,
    /// Run and image that the event belongs to.
    pub attributes: EventAttributes,
}

/// Attributes by which subscribers filter events.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct EventAttributes {
    /// Run that committed the report.
    pub run: RunId,
    /// Digest of the image.
    pub image: ImageDigest,
}
