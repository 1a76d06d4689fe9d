//! Images, selectors of images, and the set of images that a run affects.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::{ImageDigest, TenantId};

/// An image of the inventory.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Image {
    /// Digest of the image's content.
    pub digest: ImageDigest,
    /// Tenant that owns the image.
    pub tenant: TenantId,
    /// Registry host.
    pub registry: Arc<str>,
    /// Repository path.
    pub repository: Arc<str>,
    /// Namespaces in which it runs.
    pub namespaces: Vec<Arc<str>>,
    /// Tags in the repository.
    pub tags: Vec<Arc<str>>,
    /// Labels by name.
    pub labels: BTreeMap<Arc<str>, Arc<str>>,
    /// Product keys that it contains, with `true` if they are used from the entrypoint.
    pub components: Vec<(Arc<str>, bool)>,
}

/// Images of its tenant that a schedule covers.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", tag = "scope", content = "values")]
pub enum Selector {
    /// All images of the tenant.
    All,
    /// Images that run in one of these namespaces.
    ByNamespace(Vec<Arc<str>>),
    /// Images of one of these repositories.
    ByRepository(Vec<Arc<str>>),
    /// Images with one of these digests.
    ByDigest(Vec<ImageDigest>),
    /// Images that carry all of these labels.
    ByLabel(BTreeMap<Arc<str>, Arc<str>>),
}

/// Images that a run affects, in the order in which they are cut into segments.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ImpactSet {
    /// Number of images that match selector and product keys, before the limits.
    pub candidates: u64,
    /// Number of candidates left out because another image has the same digest.
    pub deduped: u64,
    /// Digests of the planned images, each once.
    pub digests: Arc<[ImageDigest]>,
}
