//! Fleet: the images, their owners and their components.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::scenario::{CountDistribution, DistributionSpec, Share};

/// Images, their owners and their components.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct FleetSpec {
    /// Number of tenants (`tenant-1` and so on), or their names.
    pub tenants: CountOrNames,
    /// Relative number of images of each tenant. Default: 1 each.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    #[schemars(extend("additionalProperties" = { "type": "number", "exclusiveMinimum": 0 }))]
    pub tenant_weights: BTreeMap<String, f64>,
    /// Number of namespaces of each tenant (`namespace-1` and so on), or their names.
    pub namespaces: CountOrNames,
    /// Number of repositories of each tenant (`repository-1` and so on), or their names.
    pub repositories: CountOrNames,
    /// Total number of images.
    #[schemars(range(min = 1, max = 10_000_000))]
    pub images: u64,
    /// Total number of components (products).
    #[schemars(range(min = 1, max = 10_000_000))]
    pub components: u64,
    /// Number of components of an image.
    pub components_per_image: CountDistribution,
    /// Distribution of component use over images.
    pub popularity: Popularity,
    /// Share of an image's components that its entry point uses.
    pub entrypoint_share: Share,
    /// Share of images with the digest of an earlier image of the tenant, in another repository.
    pub duplicate_share: Share,
    /// Labels: for each name its values, with the share of images that carry each.
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

/// Number of named items, or a list of their names.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(untagged)]
pub enum CountOrNames {
    /// Number of items with numbered names.
    Count(#[schemars(range(min = 1, max = 100_000))] u32),
    /// Names of the items.
    List(#[schemars(length(min = 1))] Vec<String>),
}

impl CountOrNames {
    /// Number of items.
    pub fn count(&self) -> usize {
        match self {
            Self::Count(count) => *count as usize,
            Self::List(names) => names.len(),
        }
    }

    /// Names of all items; numbered ones are `{prefix}-1`, `{prefix}-2` and so on.
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
    /// Number of images of which one runs in two namespaces, on average.
    pub(crate) const SECOND_NAMESPACE_ONE_IN: u64 = 8;

    /// Names of all tenants, in order.
    pub fn tenant_names(&self) -> Vec<String> {
        self.tenants.list("tenant")
    }

    /// Names of the namespaces, the same for every tenant.
    pub fn namespace_names(&self) -> Vec<String> {
        self.namespaces.list("namespace")
    }

    /// Names of the repositories, the same for every tenant.
    pub fn repository_names(&self) -> Vec<String> {
        self.repositories.list("repository")
    }
}

/// Distribution of component use over images.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "kind", rename_all = "camelCase", deny_unknown_fields)]
pub enum Popularity {
    /// All components are equally popular.
    Uniform,
    /// The popularity of the component of rank k is proportional to 1 / k ^ exponent.
    Zipf {
        /// Exponent of the Zipf distribution.
        #[schemars(range(min = 0, max = 4))]
        exponent: f64,
    },
}
