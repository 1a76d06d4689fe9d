//! The fleet: the images that exist, who owns them and what they are made of.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::scenario::{CountDistribution, DistributionSpec, Share};

/// The images that exist, who owns them and what they are made of.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct FleetSpec {
    /// How many tenants (`tenant-1` and so on), or their names.
    pub tenants: CountOrNames,
    /// How many images each tenant has, in proportion. Default: 1 each.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    #[schemars(extend("additionalProperties" = { "type": "number", "exclusiveMinimum": 0 }))]
    pub tenant_weights: BTreeMap<String, f64>,
    /// How many namespaces each tenant has (`namespace-1` and so on), or their names.
    pub namespaces: CountOrNames,
    /// How many repositories each tenant has (`repository-1` and so on), or their names.
    pub repositories: CountOrNames,
    /// How many images there are in all.
    #[schemars(range(min = 1, max = 10_000_000))]
    pub images: u64,
    /// How many components (products) there are in all.
    #[schemars(range(min = 1, max = 10_000_000))]
    pub components: u64,
    /// How many components an image is made of.
    pub components_per_image: CountDistribution,
    /// How unevenly images use components.
    pub popularity: Popularity,
    /// The part of an image's components that its entry point uses.
    pub entrypoint_share: Share,
    /// The part of images that are an earlier one of their tenant again: the same digest in another
    /// repository.
    pub duplicate_share: Share,
    /// Labels: for each name its values and the part of images that carry each.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub labels: BTreeMap<String, BTreeMap<String, Share>>,
}

impl Default for FleetSpec {
    fn default() -> Self {
        Self {
            tenants: CountOrNames::Count(1),
            tenant_weights: BTreeMap::new(),
            namespaces: CountOrNames::Count(4),
            repositories: CountOrNames::Count(20),
            images: 1_000,
            components: 2_000,
            components_per_image: DistributionSpec::Lognormal {
                median: 40.0,
                p99: 200.0,
            },
            popularity: Popularity::Zipf { exponent: 1.0 },
            entrypoint_share: Share(0.3),
            duplicate_share: Share(0.0),
            labels: BTreeMap::new(),
        }
    }
}

/// How many things there are, or what they are called.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(untagged)]
pub enum CountOrNames {
    /// So many, with numbered names.
    Count(#[schemars(range(min = 1, max = 100_000))] u32),
    /// These.
    List(#[schemars(length(min = 1))] Vec<String>),
}

impl CountOrNames {
    /// How many there are.
    pub fn count(&self) -> usize {
        match self {
            Self::Count(count) => *count as usize,
            Self::List(names) => names.len(),
        }
    }

    /// All names; numbered ones are `{prefix}-1`, `{prefix}-2` and so on.
    pub fn list(&self, prefix: &str) -> Vec<String> {
        match self {
            Self::Count(count) => (1..=*count)
                .map(|number| format!("{prefix}-{number}"))
                .collect(),
            Self::List(names) => names.clone(),
        }
    }
}

impl FleetSpec {
    /// The names of all tenants.
    pub fn tenant_names(&self) -> Vec<String> {
        self.tenants.list("tenant")
    }

    /// The names of every tenant's namespaces.
    pub fn namespace_names(&self) -> Vec<String> {
        self.namespaces.list("namespace")
    }

    /// The names of every tenant's repositories.
    pub fn repository_names(&self) -> Vec<String> {
        self.repositories.list("repository")
    }
}

/// How unevenly images use components.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "kind", rename_all = "camelCase", deny_unknown_fields)]
pub enum Popularity {
    /// Each component is used as often as any other.
    Uniform,
    /// The component of rank k is used in proportion to 1 / k ^ exponent.
    Zipf {
        /// How steeply use falls with the rank.
        #[schemars(range(min = 0, max = 4))]
        exponent: f64,
    },
}
