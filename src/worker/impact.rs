//! The impact index: which images of a tenant a selector and a set of products concern.
//!
//! An inverted index of roaring bitmaps over image ordinals: by tenant, namespace, repository,
//! label, product, and product used from the entrypoint. A question is a few unions and
//! intersections.

use std::hash::Hash;
use std::sync::Arc;

use roaring::RoaringBitmap;
use rustc_hash::FxHashMap;

use super::ports::{ImpactRequest, Impacted};
use crate::model::{Image, ImageDigest, Selector, TenantId};

type Postings<K> = FxHashMap<K, RoaringBitmap>;

/// The index. Collect it from the inventory; it does not change. Ordinals, and so the order of
/// every answer, follow the inventory's order.
#[derive(Debug, Default)]
pub struct ImpactIndex {
    digests: Vec<ImageDigest>,
    /// For an image whose digest its tenant has seen before: the first ordinal.
    duplicate_of: FxHashMap<u32, u32>,
    /// Ordinals, sorted by digest.
    by_digest: Vec<u32>,
    by_tenant: Postings<TenantId>,
    by_namespace: Postings<Arc<str>>,
    by_repository: Postings<Arc<str>>,
    by_label: Postings<(Arc<str>, Arc<str>)>,
    by_product: Postings<Arc<str>>,
    by_entrypoint: Postings<Arc<str>>,
}

/// Lists of ordinals that grow, from which the bitmaps are made at once. `N` lists of each key: for
/// products a second one, of the images that use it from their entrypoint, so that they need one
/// look-up for both.
struct Lists<K, const N: usize = 1>(FxHashMap<K, [Vec<u32>; N]>);

impl<K, const N: usize> Default for Lists<K, N> {
    fn default() -> Self {
        Self(FxHashMap::default())
    }
}

impl<K: Clone + Eq + Hash, const N: usize> Lists<K, N> {
    /// Posts an ordinal to the first `count` lists of a key.
    fn post(&mut self, key: &K, ordinal: u32, count: usize) {
        let push = |lists: &mut [Vec<u32>; N]| {
            let chosen = lists.iter_mut().take(count);
            chosen.for_each(|list| list.push(ordinal));
        };
        match self.0.get_mut(key) {
            Some(lists) => push(lists),
            None => {
                let mut lists = std::array::from_fn(|_| Vec::new());
                push(&mut lists);
                self.0.insert(key.clone(), lists);
            }
        }
    }

    fn into_postings(self) -> [Postings<K>; N] {
        let mut postings = std::array::from_fn(|_| Postings::default());
        for (key, lists) in self.0 {
            for (postings, list) in postings.iter_mut().zip(lists) {
                if !list.is_empty() {
                    postings.insert(key.clone(), bitmap(list));
                }
            }
        }
        postings
    }
}

fn bitmap(mut list: Vec<u32>) -> RoaringBitmap {
    // An image may name a product twice. The numbers rise, so all of them are appended.
    list.dedup();
    let mut bitmap = RoaringBitmap::new();
    let _ = bitmap.append(list);
    bitmap
}

/// Collects an [`ImpactIndex`], one image after the other.
#[derive(Default)]
pub struct ImpactIndexBuilder {
    digests: Vec<ImageDigest>,
    tenants: Lists<TenantId>,
    namespaces: Lists<Arc<str>>,
    repositories: Lists<Arc<str>>,
    labels: Lists<(Arc<str>, Arc<str>)>,
    products: Lists<Arc<str>, 2>,
}

impl ImpactIndexBuilder {
    /// Adds an image. *O*(its parts).
    pub fn push(&mut self, image: &Image) {
        let ordinal = self.digests.len() as u32;
        self.digests.push(image.digest);
        self.tenants.post(&image.tenant, ordinal, 1);
        self.repositories.post(&image.repository, ordinal, 1);
        for namespace in &image.namespaces {
            self.namespaces.post(namespace, ordinal, 1);
        }
        for (name, value) in &image.labels {
            let label = (name.clone(), value.clone());
            self.labels.post(&label, ordinal, 1);
        }
        for (product, at_entrypoint) in &image.components {
            let count = 1 + usize::from(*at_entrypoint);
            self.products.post(product, ordinal, count);
        }
    }

    /// The index over all that was added.
    pub fn build(self) -> ImpactIndex {
        let [by_tenant] = self.tenants.into_postings();
        let [by_namespace] = self.namespaces.into_postings();
        let [by_repository] = self.repositories.into_postings();
        let [by_label] = self.labels.into_postings();
        let [by_product, by_entrypoint] = self.products.into_postings();
        let mut index = ImpactIndex {
            digests: self.digests,
            by_digest: Vec::new(),
            duplicate_of: FxHashMap::default(),
            by_tenant,
            by_namespace,
            by_repository,
            by_label,
            by_product,
            by_entrypoint,
        };
        index.sort_digests();
        index
    }
}

impl FromIterator<Image> for ImpactIndex {
    fn from_iter<I: IntoIterator<Item = Image>>(images: I) -> Self {
        let mut builder = ImpactIndexBuilder::default();
        images.into_iter().for_each(|image| builder.push(&image));
        builder.build()
    }
}

impl ImpactIndex {
    fn sort_digests(&mut self) {
        let Self {
            digests,
            by_digest,
            duplicate_of,
            by_tenant,
            ..
        } = self;
        // Nearly all are told apart by their first bytes, which need no look at the list.
        let head = |digest: &ImageDigest| {
            digest
                .as_bytes()
                .first_chunk()
                .map(|b| u64::from_be_bytes(*b))
        };
        let mut sorted: Vec<_> = (0..)
            .zip(digests.iter().map(head))
            .map(|(n, head)| (head, n))
            .collect();
        sorted.sort_unstable_by(|(a_head, a), (b_head, b)| {
            let whole = |ordinal: u32| (&digests[ordinal as usize], ordinal);
            a_head.cmp(b_head).then_with(|| whole(*a).cmp(&whole(*b)))
        });
        *by_digest = sorted
            .into_iter()
            .map(|(_, ordinal): (_, u32)| ordinal)
            .collect();
        let equal = by_digest.chunk_by(|a, b| digests[*a as usize] == digests[*b as usize]);
        for same in equal {
            // One that is alone repeats nothing.
            let [_, _, ..] = same else { continue };
            for owned in by_tenant.values() {
                let mut own = same.iter().filter(|ordinal| owned.contains(**ordinal));
                if let Some(first) = own.next() {
                    duplicate_of.extend(own.map(|ordinal| (*ordinal, *first)));
                }
            }
        }
    }

    /// The ordinals of images with this digest.
    fn with_digest(&self, digest: &ImageDigest) -> &[u32] {
        let of = |ordinal: &u32| &self.digests[*ordinal as usize];
        let start = self
            .by_digest
            .partition_point(|ordinal| of(ordinal) < digest);
        let rest = &self.by_digest[start..];
        let count = rest.iter().take_while(|ordinal| of(ordinal) == digest);
        &rest[..count.count()]
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
                .flat_map(|digest| self.with_digest(digest))
                .collect(),
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
            let found = ImpactIndex::from_iter(images.clone()).resolve(&request);
            let mut expected = brute_force(&images, &request);
            let mut digests = found.digests.clone();
            expected.sort_unstable();
            digests.sort_unstable();
            prop_assert_eq!(digests, expected);
            prop_assert!(found.candidates >= found.digests.len() as u64);
        }
    }
}
