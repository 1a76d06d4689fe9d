//! Which images a schedule is about, as a file states it.

use std::collections::BTreeMap;
use std::sync::Arc;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::model::{self, ImageDigest};

/// Which images a schedule is about.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "scope", rename_all = "camelCase", deny_unknown_fields)]
pub enum Selector {
    /// All images of the tenant.
    #[default]
    All,
    /// The images in some namespaces.
    Namespaces {
        /// Their names.
        namespaces: Vec<String>,
    },
    /// The images of some repositories.
    Repositories {
        /// Their names.
        repositories: Vec<String>,
    },
    /// Single images.
    Digests {
        /// Their digests, `sha256:` and 64 hexadecimal digits.
        #[schemars(with = "Vec<String>", extend("items" = { "type": "string", "format": "image-digest", "pattern": "^sha256:[0-9a-fA-F]{64}$" }))]
        digests: Vec<ImageDigest>,
    },
    /// The images that carry all of these labels.
    Labels {
        /// Names and values.
        labels: BTreeMap<String, String>,
    },
}

impl Selector {
    /// The selector as the worker knows it.
    pub fn definition(&self) -> model::Selector {
        let names = |names: &[String]| names.iter().map(|name| Arc::from(name.as_str())).collect();
        match self {
            Self::All => model::Selector::All,
            Self::Namespaces { namespaces } => model::Selector::ByNamespace(names(namespaces)),
            Self::Repositories { repositories } => {
                model::Selector::ByRepository(names(repositories))
            }
            Self::Digests { digests } => model::Selector::ByDigest(digests.clone()),
            Self::Labels { labels } => model::Selector::ByLabel(
                labels
                    .iter()
                    .map(|(name, value)| (Arc::from(name.as_str()), Arc::from(value.as_str())))
                    .collect(),
            ),
        }
    }
}
