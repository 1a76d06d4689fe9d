//! Event by which the owner of an image tells that its SBOM is ready, or that the image is gone.
//!
//! It is an image line; with `"removed": true` the image leaves the inventory.

use std::time::Duration;

use rehearsal_worker::model::Image;
use rehearsal_worker::ports::PortResult;

use super::image_line::{ImageLine, ImageLineError};
use super::{SqliteInventory, table};
use crate::recent_keys;

/// Scope of the identifiers of messages.
const SCOPE: &str = "sbom-ready";

/// Time for which the identifier of a message is remembered. A receiver takes messages whose
/// timestamp differs by 5 minutes at most, so the same message may come during 10 minutes.
const MESSAGE_WINDOW: Duration = Duration::from_secs(15 * 60);

/// Change of one image in the inventory.
#[derive(Debug, Clone, PartialEq)]
pub struct SbomEvent {
    /// Image, with the components of its SBOM.
    pub image: Image,
    /// Whether the image leaves the inventory.
    pub is_removed: bool,
}

impl SbomEvent {
    /// Reads an event.
    ///
    /// # Errors
    /// The text is no JSON object, or a field is missing, unknown or wrong.
    pub fn read(json: &[u8]) -> Result<Self, ImageLineError> {
        let mut fields = ImageLine::read(json)?;
        let is_removed = fields.take_or("removed", false)?;
        let image = fields.into_image()?;
        Ok(Self { image, is_removed })
    }
}

impl SqliteInventory {
    /// Carries out an event in one transaction, and remembers its message. Returns false if the
    /// message was received before; nothing has changed then.
    pub async fn receive(&self, message: &str, event: SbomEvent) -> PortResult<bool> {
        let message = message.to_owned();
        self.database
            .write(move |file, now| {
                if !recent_keys::admit(file, SCOPE, &message, MESSAGE_WINDOW, now)? {
                    return Ok(false);
                }
                match event.is_removed {
                    true => table::remove_image(file, &event.image)?,
                    false => table::put(file, &event.image)?,
                }
                Ok(true)
            })
            .await
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(more: &str) -> String {
        let digest = "ab".repeat(32);
        format!(
            "{{\"tenant\":\"acme\",\"digest\":\"sha256:{digest}\",\
             \"registry\":\"registry.example\",\"repository\":\"shop/web\"{more}}}"
        )
    }

    #[test]
    fn event_is_an_image_line_which_may_say_that_the_image_is_removed() {
        for (more, is_removed) in [("", false), (",\"removed\":true", true)] {
            let event = SbomEvent::read(line(more).as_bytes()).unwrap();
            assert_eq!(
                (&*event.image.repository, event.is_removed),
                ("shop/web", is_removed)
            );
        }
        let error = SbomEvent::read(line(",\"removed\":1").as_bytes()).unwrap_err();
        assert!(
            error.to_string().starts_with("field `removed`: "),
            "{error}"
        );
        let error = SbomEvent::read(b"{\"tenant\":\"acme\"").unwrap_err();
        assert!(error.to_string().contains("at line 1 column 16"), "{error}");
    }
}
