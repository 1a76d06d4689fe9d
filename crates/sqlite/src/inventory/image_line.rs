//! An image as a line of JSON.
//!
//! ```json
//! {"tenant": "acme", "digest": "sha256:…",
//!  "registry": "registry.example", "repository": "shop/web",
//!  "tags": ["1.2"], "namespaces": ["prod"], "labels": {"tier": "front"},
//!  "components": [{"productKey": "pkg:deb/debian/openssl", "usedByEntrypoint": true}]}
//! ```
//!
//! Tags, namespaces, labels and components may be left out.

use std::collections::BTreeMap;
use std::io::{self, BufRead};
use std::sync::Arc;

use rehearsal_worker::model::Image;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

/// Error in a line of JSON that describes an image.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ImageLineError {
    /// The line is no JSON object.
    #[error("it is no JSON object: {0}")]
    Json(String),
    /// A field is missing or empty.
    #[error("field `{0}` is missing or empty")]
    Missing(&'static str),
    /// A field has another type or form.
    #[error("field `{field}`: {error}")]
    Field {
        /// Name of the field.
        field: &'static str,
        /// Error in its value.
        error: String,
    },
    /// A field is not one of those of an image.
    #[error("field `{0}` is unknown")]
    Unknown(String),
}

/// Reason why a file of images is not read to its end.
#[derive(Debug, thiserror::Error)]
pub enum ImageFileError {
    /// The file was not read.
    #[error("line {line} can't be read: {error}")]
    Read {
        /// Number of the line, from 1.
        line: u64,
        /// Error of the file.
        error: io::Error,
    },
    /// A line is no image.
    #[error("line {line}: {error}")]
    Line {
        /// Number of the line, from 1.
        line: u64,
        /// Error in the line.
        error: ImageLineError,
    },
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct ComponentLine {
    product_key: Arc<str>,
    #[serde(default)]
    used_by_entrypoint: bool,
}

/// Fields that are not read yet.
pub(super) struct ImageLine(Map<String, Value>);

impl ImageLine {
    /// Reads the fields of a JSON object.
    pub(super) fn read(json: &[u8]) -> Result<Self, ImageLineError> {
        let fields = serde_json::from_slice(json);
        fields
            .map(Self)
            .map_err(|error| ImageLineError::Json(error.to_string()))
    }

    /// Takes a field; `default` if it is left out.
    pub(super) fn take_or<T: DeserializeOwned>(
        &mut self,
        field: &'static str,
        default: T,
    ) -> Result<T, ImageLineError> {
        let Some(value) = self.0.remove(field) else {
            return Ok(default);
        };
        serde_json::from_value(value).map_err(|error| ImageLineError::Field {
            field,
            error: error.to_string(),
        })
    }

    /// Takes a text that may not be empty.
    fn take_text(&mut self, field: &'static str) -> Result<String, ImageLineError> {
        let text = self.take_or(field, String::new())?;
        match text.is_empty() {
            true => Err(ImageLineError::Missing(field)),
            false => Ok(text),
        }
    }

    /// Makes an image of the fields, all of which must be those of an image.
    pub(super) fn into_image(mut self) -> Result<Image, ImageLineError> {
        let digest = self.take_text("digest")?.parse();
        let components = self.take_or::<Vec<ComponentLine>>("components", Vec::new())?;
        let image = Image {
            digest: digest.map_err(|error: rehearsal_worker::model::ids::ImageDigestError| {
                ImageLineError::Field {
                    field: "digest",
                    error: error.to_string(),
                }
            })?,
            tenant: self.take_text("tenant")?.as_str().into(),
            registry: self.take_text("registry")?.into(),
            repository: self.take_text("repository")?.into(),
            namespaces: self.take_or("namespaces", Vec::new())?,
            tags: self.take_or("tags", Vec::new())?,
            labels: self.take_or("labels", BTreeMap::new())?,
            components: components
                .into_iter()
                .map(|component| (component.product_key, component.used_by_entrypoint))
                .collect(),
        };
        match self.0.into_iter().next() {
            Some((name, _)) => Err(ImageLineError::Unknown(name)),
            None => Ok(image),
        }
    }
}

/// Reads an image of each line, with the number of the line, from 1. Empty lines are skipped.
pub fn read_images(
    lines: impl BufRead,
) -> impl Iterator<Item = Result<(u64, Image), ImageFileError>> {
    (1..).zip(lines.lines()).filter_map(|(line, text)| {
        let text = match text {
            Ok(text) if text.trim().is_empty() => return None,
            Ok(text) => text,
            Err(error) => return Some(Err(ImageFileError::Read { line, error })),
        };
        let image = read_image(&text);
        Some(
            image
                .map(|image| (line, image))
                .map_err(|error| ImageFileError::Line { line, error }),
        )
    })
}

/// Reads an image from a line of JSON.
fn read_image(line: &str) -> Result<Image, ImageLineError> {
    ImageLine::read(line.as_bytes())?.into_image()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn complete() -> Value {
        json!({
            "tenant": "acme",
            "digest": format!("sha256:{}", "ab".repeat(32)),
            "registry": "registry.example",
            "repository": "shop/web",
            "tags": ["1.2"],
            "namespaces": ["prod"],
            "labels": {"tier": "front"},
            "components": [
                {"productKey": "pkg:deb/debian/openssl", "usedByEntrypoint": true},
                {"productKey": "pkg:deb/debian/zlib"},
            ],
        })
    }

    /// Returns the error of a line with another value of a field.
    fn error_with(field: &str, value: Option<Value>) -> String {
        let mut line = complete();
        let fields = line.as_object_mut().unwrap();
        fields.remove(field);
        fields.extend(value.map(|value| (field.to_owned(), value)));
        read_image(&line.to_string()).unwrap_err().to_string()
    }

    #[test]
    fn image_is_read_with_all_fields_or_only_the_necessary_ones() {
        let image = read_image(&complete().to_string()).unwrap();
        assert_eq!(image.tenant, "acme".into());
        assert_eq!(image.digest.as_bytes(), &[0xab; 32]);
        assert_eq!(
            (&*image.registry, &*image.repository),
            ("registry.example", "shop/web")
        );
        assert_eq!(image.labels[&Arc::from("tier")], "front".into());
        assert_eq!((&*image.tags[0], &*image.namespaces[0]), ("1.2", "prod"));
        let components = [
            ("pkg:deb/debian/openssl".into(), true),
            ("pkg:deb/debian/zlib".into(), false),
        ];
        assert_eq!(image.components, components);
        let mut short = complete();
        for field in ["tags", "namespaces", "labels", "components"] {
            short.as_object_mut().unwrap().remove(field);
        }
        let short = read_image(&short.to_string()).unwrap();
        assert!(short.components.is_empty() && short.labels.is_empty());
    }

    #[test]
    fn errors_name_the_field() {
        for field in ["tenant", "digest", "registry", "repository"] {
            let expected = format!("field `{field}` is missing or empty");
            assert_eq!(error_with(field, None), expected);
            assert_eq!(error_with(field, Some("".into())), expected);
        }
        for field in ["tags", "namespaces", "labels", "components", "tenant"] {
            let error = error_with(field, Some(7.into()));
            let start = format!("field `{field}`: invalid type: ");
            assert!(error.starts_with(&start), "{error}");
        }
        let digest = error_with("digest", Some("sha256:12".into()));
        assert_eq!(
            digest,
            "field `digest`: `sha256:12` is no image digest; write `sha256:` and 64 hex digits"
        );
        let component = error_with("components", Some(json!([{"purl": "a"}])));
        assert!(
            component.starts_with("field `components`: unknown field `purl`"),
            "{component}"
        );
        assert_eq!(
            error_with("colour", Some("red".into())),
            "field `colour` is unknown"
        );
        for line in ["", "[]", "{"] {
            let error = read_image(line).unwrap_err().to_string();
            assert!(error.starts_with("it is no JSON object: "), "{error}");
        }
    }
}
