//! Versioned JSON: `schemaVersion` first, then the document's own keys, always in the same order.
//!
//! Writing is byte-stable: the same value gives the same bytes. Reading accepts the current and the
//! previous version, so that a fleet can be upgraded process by process.

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use super::{DecodeError, ImpactSet, PlannerMessage, Run, Schedule, SegmentMessage};

/// A document with a versioned JSON schema.
pub trait VersionedJson: Serialize + DeserializeOwned {
    /// Schema version that is written.
    const SCHEMA: &'static str;
    /// Older schema version that is still read.
    const PREVIOUS: Option<&'static str> = None;

    /// Returns the document as JSON.
    fn to_json(&self) -> String {
        #[derive(Serialize)]
        #[serde(rename_all = "camelCase")]
        struct DocumentWriter<'a, T> {
            schema_version: &'static str,
            #[serde(flatten)]
            body: &'a T,
        }
        // Every document is a struct with text keys, so writing it cannot fail.
        serde_json::to_string(&DocumentWriter {
            schema_version: Self::SCHEMA,
            body: self,
        })
        .unwrap_or_default()
    }

    /// Reads the document.
    ///
    /// # Errors
    /// The text is not JSON, has another schema version, or lacks a key.
    fn from_json(json: &[u8]) -> Result<Self, DecodeError> {
        #[derive(Deserialize)]
        #[serde(rename_all = "camelCase")]
        struct VersionReader {
            schema_version: String,
        }
        let error = |error: serde_json::Error| DecodeError(error.to_string());
        // The text is read twice: a tree of the whole text would cost several times as much.
        let read: VersionReader = serde_json::from_slice(json).map_err(error)?;
        let version = read.schema_version.as_str();
        if version != Self::SCHEMA && Some(version) != Self::PREVIOUS {
            return Err(DecodeError(format!(
                "its schemaVersion is `{version}`, and this build reads `{}`{}",
                Self::SCHEMA,
                Self::PREVIOUS
                    .map(|previous| format!(" and `{previous}`"))
                    .unwrap_or_default()
            )));
        }
        serde_json::from_slice(json).map_err(error)
    }
}

impl VersionedJson for Schedule {
    const SCHEMA: &'static str = "scheduler.schedule@1";
}

impl VersionedJson for Run {
    const SCHEMA: &'static str = "scheduler.run@1";
}

impl VersionedJson for ImpactSet {
    const SCHEMA: &'static str = "scheduler.impact-set@1";
}

impl VersionedJson for PlannerMessage {
    const SCHEMA: &'static str = "scheduler.planner-message@1";
}

/// Version 1 names the digests `images`.
impl VersionedJson for SegmentMessage {
    const SCHEMA: &'static str = "scheduler.runner-segment@2";
    const PREVIOUS: Option<&'static str> = Some("scheduler.runner-segment@1");
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{ImageDigest, Mode};

    fn segment() -> SegmentMessage {
        SegmentMessage {
            run: "run:acme:nightly:cron:2024-01-01T02:00:00Z".into(),
            schedule: "nightly".into(),
            tenant: "acme".into(),
            index: 3,
            mode: Mode::ContentRefresh,
            digests: [ImageDigest::new([1; 32])].into(),
        }
    }

    #[test]
    fn json_starts_with_the_schema_version_and_is_stable() {
        let json = segment().to_json();
        assert_eq!(
            json,
            format!(
                "{{\"schemaVersion\":\"scheduler.runner-segment@2\",\
                 \"run\":\"run:acme:nightly:cron:2024-01-01T02:00:00Z\",\
                 \"schedule\":\"nightly\",\"tenant\":\"acme\",\"index\":3,\
                 \"mode\":\"contentRefresh\",\"digests\":[\"sha256:{}\"]}}",
                "01".repeat(32)
            )
        );
        let again = SegmentMessage::from_json(json.as_bytes()).unwrap();
        assert_eq!(again, segment());
        assert_eq!(again.to_json(), json);
    }

    #[test]
    fn json_of_the_previous_version_is_read_others_are_not() {
        let json = segment().to_json();
        let previous = json
            .replace("segment@2", "segment@1")
            .replace("digests", "images");
        assert_eq!(
            SegmentMessage::from_json(previous.as_bytes()).unwrap(),
            segment()
        );
        let error = SegmentMessage::from_json(json.replace("@2", "@9").as_bytes()).unwrap_err();
        assert_eq!(
            error.to_string(),
            "the message can't be read: its schemaVersion is `scheduler.runner-segment@9`, and \
             this build reads `scheduler.runner-segment@2` and `scheduler.runner-segment@1`"
        );
    }
}
