//! The impact index: which images of a tenant a selector and a set of products concern.
//!
//! An inverted index of roaring bitmaps over image ordinals: by tenant, namespace, repository,
//! label, product, and product used from the entrypoint. A question is a few unions and
//! intersections.

use std::collections::HashMap;
use std::sync::Arc;

use roaring::RoaringBitmap;

use super::ports::{ImpactRequest, Impacted};
use crate::model::{Image, ImageDigest, ImageDigestMap, Selector, TenantId};

type Postings<K> = HashMap<K, RoaringBitmap>;

/// The index. Build it once; it does not change.
#[derive(Debug, Default)]
pub struct ImpactIndex {
    digests: Vec<ImageDigest>,
    /// For an image whose digest its tenant has seen before: the first ordinal.
    duplicate_of: HashMap<u32, u32>,
    by_digest: ImageDigestMap<RoaringBitmap>,
    by_tenant: Postings<TenantId>,
    by_namespace: Postings<Arc<str>>,
    by_repository: Postings<Arc<str>>,
    by_label: Postings<(Arc<str>, Arc<str>)>,
    by_product: Postings<Arc<str>>,
    by_entrypoint: Postings<Arc<str>>,
}

impl ImpactIndex {
    /// Indexes an inventory. Ordinals, and so the order of every answer, follow its order.
    pub fn build(images: &[Image]) -> Self {
        let mut index = Self::default();
        let mut first: HashMap<(TenantId, ImageDigest), u32> = HashMap::new();
        for (ordinal, image) in (0_u32..).zip(images) {
            index.add(ordinal, image);
            let known = *first
                .entry((image.tenant.clone(), image.digest))
                .or_insert(ordinal);
            if known != ordinal {
                index.duplicate_of.insert(ordinal, known);
            }
        }
        index
    }

    fn add(&mut self, ordinal: u32, image: &Image) {
        self.digests.push(image.digest);
        self.by_digest
            .entry(image.digest)
            .or_default()
            .insert(ordinal);
        post(&mut self.by_tenant, &image.tenant, ordinal);
        post(&mut self.by_repository, &image.repository, ordinal);
        for namespace in &image.namespaces {
            post(&mut self.by_namespace, namespace, ordinal);
        }
        for (name, value) in &image.labels {
            self.by_label
                .entry((name.clone(), value.clone()))
                .or_default()
                .insert(ordinal);
        }
        for (product, at_entrypoint) in &image.components {
            post(&mut self.by_product, product, ordinal);
            if *at_entrypoint {
                post(&mut self.by_entrypoint, product, ordinal);
            }
        }
    }

    /// Answers a question. O(images answered), after a few bitmap operations.
    pub fn resolve(&self, request: &ImpactRequest<'_>) -> Impacted {
        let Some(tenant) = self.by_tenant.get(request.tenant) else {
            return Impacted::default();
        };
        let mut found = tenant & self.select(request.selector, tenant);
        if !request.product_keys.is_empty() {
            let postings = if request.usage_only {
                &self.by_entrypoint
            } else {
                &self.by_product
            };
            found &= union(postings, request.product_keys);
        }
        let candidates = found.len();
        if !self.duplicate_of.is_empty() {
            found = found
                .iter()
                .map(|ordinal| self.duplicate_of.get(&ordinal).copied().unwrap_or(ordinal))
                .collect();
        }
        let digests = found
            .iter()
            .map(|ordinal| self.digests[ordinal as usize])
            .collect();
        Impacted {
            candidates,
            digests,
        }
    }

    fn select(&self, selector: &Selector, tenant: &RoaringBitmap) -> RoaringBitmap {
        match selector {
            Selector::All => tenant.clone(),
            Selector::ByNamespace(names) => union(&self.by_namespace, names),
            Selector::ByRepository(names) => union(&self.by_repository, names),
            Selector::ByDigest(digests) => digests
                .iter()
                .filter_map(|digest| self.by_digest.get(digest))
                .fold(RoaringBitmap::new(), |all, some| all | some),
            Selector::ByLabel(labels) => {
                labels.iter().fold(tenant.clone(), |rest, (name, value)| {
                    match self.by_label.get(&(name.clone(), value.clone())) {
                        Some(carriers) => rest & carriers,
                        None => RoaringBitmap::new(),
                    }
                })
            }
        }
    }
}

fn post<K: Clone + Eq + std::hash::Hash>(postings: &mut Postings<K>, key: &K, ordinal: u32) {
    match postings.get_mut(key) {
        Some(bitmap) => bitmap.insert(ordinal),
        None => postings.entry(key.clone()).or_default().insert(ordinal),
    };
}

fn union(postings: &Postings<Arc<str>>, keys: &[Arc<str>]) -> RoaringBitmap {
    keys.iter()
        .filter_map(|key| postings.get(key))
        .fold(RoaringBitmap::new(), |all, some| all | some)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn image(seed: u8, tenant: &str, traits: u8) -> Image {
        let word = |text: &str, bit: u8| Arc::<str>::from(format!("{text}-{}", traits >> bit & 1));
        Image {
            digest: ImageDigest::new([seed; 32]),
            tenant: tenant.into(),
            registry: "registry.example".into(),
            repository: word("repository", 0),
            namespaces: vec![word("namespace", 1)],
            tags: Vec::new(),
            labels: [
                (Arc::from("tier"), word("tier", 2)),
                (Arc::from("team"), word("team", 3)),
            ]
            .into(),
            components: vec![(word("product", 4), traits >> 5 & 1 == 1)],
        }
    }

    fn brute_force(images: &[Image], request: &ImpactRequest<'_>) -> Vec<ImageDigest> {
        let selected = |image: &Image| match request.selector {
            Selector::All => true,
            Selector::ByNamespace(names) => names.iter().any(|n| image.namespaces.contains(n)),
            Selector::ByRepository(names) => names.contains(&image.repository),
            Selector::ByDigest(digests) => digests.contains(&image.digest),
            Selector::ByLabel(labels) => labels.iter().all(|(k, v)| image.labels.get(k) == Some(v)),
        };
        let concerned = |image: &Image| {
            request.product_keys.is_empty()
                || image.components.iter().any(|(product, at_entrypoint)| {
                    request.product_keys.contains(product)
                        && (*at_entrypoint || !request.usage_only)
                })
        };
        let mut digests = Vec::new();
        for image in images {
            let taken = image.tenant == *request.tenant && selected(image) && concerned(image);
            if taken && !digests.contains(&image.digest) {
                digests.push(image.digest);
            }
        }
        digests
    }

    proptest! {
        #[test]
        fn it_answers_as_a_walk_over_the_inventory_does(
            traits in prop::collection::vec((0_u8..12, 0_u8..2, any::<u8>()), 0..40),
            scope in 0_usize..5,
            product in prop::option::of(0_u8..3),
            usage_only: bool,
        ) {
            let images: Vec<Image> = traits
                .iter()
                .map(|(seed, tenant, traits)| image(*seed, ["a", "b"][*tenant as usize], *traits))
                .collect();
            let selector = [
                Selector::All,
                Selector::ByNamespace(vec!["namespace-1".into(), "nowhere".into()]),
                Selector::ByRepository(vec!["repository-0".into()]),
                Selector::ByDigest((0..6).map(|seed| ImageDigest::new([seed; 32])).collect()),
                Selector::ByLabel([("tier".into(), "tier-1".into()), ("team".into(), "team-0".into())].into()),
            ][scope].clone();
            let products: Vec<Arc<str>> =
                product.iter().map(|n| format!("product-{n}").into()).collect();
            let tenant = TenantId::from("a");
            let request = ImpactRequest {
                tenant: &tenant,
                selector: &selector,
                product_keys: &products,
                usage_only,
            };
            let found = ImpactIndex::build(&images).resolve(&request);
            let mut expected = brute_force(&images, &request);
            let mut digests = found.digests.clone();
            expected.sort_unstable();
            digests.sort_unstable();
            prop_assert_eq!(digests, expected);
            prop_assert!(found.candidates >= found.digests.len() as u64);
        }
    }
}
