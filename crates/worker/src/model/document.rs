//! Versioned JSON: `schemaVersion` first, then the document's own keys, always in the same order.
//!
//! What is written is byte-stable: the same value gives the same bytes. What is read may be of the
//! current or the previous version.

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use super::{DecodeError, ImpactSet, PlannerMessage, Run, Schedule, SegmentMessage};

/// A document with a versioned schema.
pub trait VersionedJson: Serialize + DeserializeOwned {
    /// Written.
    const SCHEMA: &'static str;
    /// Read as well.
    const PREVIOUS: Option<&'static str> = None;

    /// The document as JSON.
    fn to_json(&self) -> String {
        #[derive(Serialize)]
        #[serde(rename_all = "camelCase")]
        struct Outgoing<'a, T> {
            schema_version: &'static str,
            #[serde(flatten)]
            body: &'a T,
        }
        // Every document is a struct with text keys: writing it can't fail.
        serde_json::to_string(&Outgoing {
            schema_version: Self::SCHEMA,
            body: self,
        })
        .unwrap_or_default()
    }

    /// Reads the document.
    ///
    /// # Errors
    /// The text is no JSON, or of another schema, or lacks a key.
    fn from_json(json: &[u8]) -> Result<Self, DecodeError> {
        #[derive(Deserialize)]
        #[serde(rename_all = "camelCase")]
        struct Incoming<T> {
            schema_version: String,
            #[serde(flatten)]
            body: T,
        }
        let error = |error: serde_json::Error| DecodeError(error.to_string());
        let read: Incoming<serde_json::Value> = serde_json::from_slice(json).map_err(error)?;
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
        serde_json::from_value(read.body).map_err(error)
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

/// Version 1 called the digests `images`.
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
    fn the_schema_version_comes_first_and_the_bytes_are_stable() {
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
    fn the_previous_version_is_still_read_and_an_unknown_one_is_refused() {
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
