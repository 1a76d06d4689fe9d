//! Bodies of messages as JSON, which is what a queue outside of the simulator carries.
//!
//! A body that does not survive JSON is unreadable here, too: the worker gives the message up, and
//! `blame` finds no fault that explains it. JSON for every message was rejected: it costs more than
//! the scans of the message's images. One message in [`SAMPLE`] finds a wrong key within the first
//! minutes of any run.

use super::headers::SimQueueMessage;
use crate::model::DecodeError;
use crate::scenario::MessageSchema;

/// Every message with a number that is one more than a multiple of this is written as JSON.
const SAMPLE: u64 = 16;

/// Returns the body of message `number`, counted from 1, as its receiver reads it.
///
/// A process of the previous schema version writes every message in it, and any other process every
/// second sample.
pub(super) fn received<M: SimQueueMessage>(
    message: M,
    number: u64,
    schema: MessageSchema,
) -> Result<M, DecodeError> {
    let is_old = schema == MessageSchema::Previous;
    if number % SAMPLE != 1 && !is_old {
        return Ok(message);
    }
    let is_previous = is_old || number / SAMPLE % 2 == 1;
    let previous = is_previous.then(|| message.to_previous_json()).flatten();
    let json = previous.unwrap_or_else(|| message.to_json());
    decoded(message, &json)
}

/// Returns a message as it is read from JSON, or an error if that is another message.
fn decoded<M: SimQueueMessage>(message: M, json: &str) -> Result<M, DecodeError> {
    let read = M::from_json(json.as_bytes())?;
    if read == message {
        Ok(read)
    } else {
        Err(DecodeError(format!("it is not what was sent as {json}")))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::document::VersionedJson;
    use crate::model::{ImageDigest, Mode, SegmentMessage};

    fn segment() -> SegmentMessage {
        SegmentMessage {
            run: "run".into(),
            schedule: "nightly".into(),
            tenant: "acme".into(),
            index: 3,
            mode: Mode::ContentRefresh,
            digests: [ImageDigest::new([1; 32])].into(),
        }
    }

    #[test]
    fn received_messages_of_both_schema_versions_are_those_sent() {
        for number in 1..=2 * SAMPLE + 1 {
            for schema in [MessageSchema::Current, MessageSchema::Previous] {
                let received = received(segment(), number, schema);
                assert_eq!(received, Ok(segment()), "{number}");
            }
        }
    }

    #[test]
    fn decoded_message_with_another_field_or_version_is_unreadable() {
        let error = |json: &str| decoded(segment(), json).unwrap_err().to_string();
        let other = segment().to_json().replace("acme", "globex");
        assert!(error(&other).contains("it is not what was sent as {"));
        let unknown = segment().to_previous_json().unwrap().replace("@1", "@0");
        assert!(error(&unknown).contains("its schemaVersion is"));
    }
}
