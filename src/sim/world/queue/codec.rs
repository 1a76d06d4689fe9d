//! Bodies of messages as JSON, which is what a queue outside of the simulator carries.
//!
//! A body that does not survive JSON is unreadable here, too: the worker gives the message up, and
//! `blame` finds no fault that explains it. JSON for every message was rejected: it costs more than
//! the scans of the message's images. One message in [`SAMPLE`] finds a wrong key within the first
//! minutes of any run.

use crate::model::DecodeError;
use crate::model::document::VersionedJson;

/// Every message with a number that is one more than a multiple of this is written as JSON.
const SAMPLE: u64 = 16;

/// Returns the body of message `number`, counted from 1, as its receiver reads it.
///
/// Every second sample is written by the previous schema version, as during a deploy.
pub(super) fn received<M>(message: M, number: u64) -> Result<M, DecodeError>
where
    M: VersionedJson + PartialEq,
{
    if number % SAMPLE != 1 {
        return Ok(message);
    }
    let is_previous = number / SAMPLE % 2 == 1;
    let previous = is_previous.then(|| message.to_previous_json()).flatten();
    let json = previous.unwrap_or_else(|| message.to_json());
    let read = M::from_json(json.as_bytes())?;
    if read == message {
        Ok(read)
    } else {
        Err(DecodeError(format!("it is not what was sent as {json}")))
    }
}

#[cfg(test)]
mod tests {
    use serde::{Deserialize, Serialize};

    use super::*;

    #[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
    struct Forgetful {
        #[serde(skip)]
        count: u32,
    }

    impl VersionedJson for Forgetful {
        const SCHEMA: &'static str = "forgetful@2";
        const PREVIOUS: Option<&'static str> = Some("forgetful@1");

        fn to_previous_json(&self) -> Option<String> {
            Some("{\"schemaVersion\":\"forgetful@0\"}".to_owned())
        }
    }

    #[test]
    fn received_sample_with_a_lost_field_is_unreadable() {
        let error = received(Forgetful { count: 1 }, 1).unwrap_err();
        assert!(error.to_string().contains("not what was sent"), "{error}");
        assert_eq!(
            received(Forgetful { count: 0 }, 1),
            Ok(Forgetful { count: 0 })
        );
        assert_eq!(
            received(Forgetful { count: 1 }, 2),
            Ok(Forgetful { count: 1 })
        );
    }

    #[test]
    fn received_sample_of_an_unknown_previous_version_is_unreadable() {
        let error = received(Forgetful { count: 0 }, 1 + SAMPLE).unwrap_err();
        assert!(error.to_string().contains("forgetful@0"), "{error}");
    }
}
