//! Images and the sets of them that a run affects.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::{ImageDigest, TenantId};

/// An image as the inventory knows it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Image {
    /// Content address.
    pub digest: ImageDigest,
    /// The owner.
    pub tenant: TenantId,
    /// Registry host.
    pub registry: Arc<str>,
    /// Repository path.
    pub repository: Arc<str>,
    /// Namespaces in which it runs.
    pub namespaces: Vec<Arc<str>>,
    /// Tags.
    pub tags: Vec<Arc<str>>,
    /// Labels.
    pub labels: BTreeMap<Arc<str>, Arc<str>>,
    /// Product keys that it contains; `true`: used from the entrypoint.
    pub components: Vec<(Arc<str>, bool)>,
}

/// Which images of its tenant a schedule covers.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", tag = "scope", content = "values")]
pub enum Selector {
    /// All images.
    All,
    /// Images that run in one of these namespaces.
    ByNamespace(Vec<Arc<str>>),
    /// Images of one of these repositories.
    ByRepository(Vec<Arc<str>>),
    /// These images.
    ByDigest(Vec<ImageDigest>),
    /// Images that carry all of these labels.
    ByLabel(BTreeMap<Arc<str>, Arc<str>>),
}

/// The images that a run affects, in the order in which they are cut into segments.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ImpactSet {
    /// Images that selector and product keys give, before the limits.
    pub candidates: u64,
    /// Candidates left out because another image had the same digest.
    pub deduped: u64,
    /// The planned images, each once.
    pub digests: Arc<[ImageDigest]>,
}
