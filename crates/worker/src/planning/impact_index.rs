//! Impact index: from a selector and a set of products to the images of a tenant.
//!
//! An inverted index of roaring bitmaps over image ordinals: by tenant, namespace, repository,
//! label, product, and product used from the entrypoint. A query is a few unions and intersections.
//! A scan over the catalogue was rejected: each planned run would read every image. There are many
//! products and few are ever queried, so their bitmaps are built on first use.

use std::cell::OnceCell;
use std::hash::Hash;
use std::sync::Arc;

use roaring::RoaringBitmap;
use rustc_hash::FxHashMap;

use crate::model::catalogue::{Catalogue, CatalogueEntry};
use crate::model::{Image, ImageDigest, Selector, TenantId};
use crate::ports::{ImpactRequest, Impacted};

type Postings<K> = FxHashMap<K, RoaringBitmap>;

/// Index over an immutable catalogue. Ordinals, and so the order of every answer, are the
/// catalogue's image numbers.
#[derive(Debug)]
pub struct ImpactIndex {
    catalogue: Arc<Catalogue>,
    /// First ordinal with the same digest and tenant, for each image that repeats one.
    duplicate_of: FxHashMap<u32, u32>,
    /// Ordinals, sorted by digest.
    by_digest: Vec<u32>,
    by_tenant: Postings<TenantId>,
    by_namespace: Postings<Arc<str>>,
    by_repository: Postings<Arc<str>>,
    by_label: Postings<(Arc<str>, Arc<str>)>,
    /// Images by number of the component that they contain.
    by_product: Vec<OnceCell<RoaringBitmap>>,
    /// Images by number of the component that they use from their entrypoint.
    by_entrypoint: Vec<OnceCell<RoaringBitmap>>,
}

/// Returns for each name the ordinals of the images that refer to its number.
fn post<'a, K: Clone + Eq + Hash, N: IntoIterator<Item = u32>>(
    names: &[K],
    catalogue: &'a Catalogue,
    numbers: impl Fn(CatalogueEntry<'a>) -> N,
) -> Postings<K> {
    let mut lists = vec![Vec::new(); names.len()];
    for (ordinal, entry) in (0..).zip(catalogue.entries()) {
        for number in numbers(entry) {
            lists[number as usize].push(ordinal);
        }
    }
    let lists = names.iter().cloned().zip(lists);
    let posted = lists.filter(|(_, list)| !list.is_empty());
    posted.map(|(name, list)| (name, bitmap(list))).collect()
}

fn bitmap(mut list: Vec<u32>) -> RoaringBitmap {
    // An image may name a product twice. The ordinals ascend, so all of them are appended.
    debug_assert!(list.is_sorted(), "ordinals ascend");
    list.dedup();
    let mut bitmap = RoaringBitmap::new();
    let _ = bitmap.append(list);
    bitmap
}

impl FromIterator<Image> for ImpactIndex {
    fn from_iter<I: IntoIterator<Item = Image>>(images: I) -> Self {
        Self::new(Arc::new(images.into_iter().collect()))
    }
}

impl ImpactIndex {
    /// Creates the index over a catalogue.
    pub fn new(catalogue: Arc<Catalogue>) -> Self {
        let parts = catalogue.names();
        let empty = || vec![OnceCell::new(); parts.components.len()];
        let mut index = Self {
            by_digest: Vec::new(),
            duplicate_of: FxHashMap::default(),
            by_tenant: post(&parts.tenants, &catalogue, |entry| [entry.tenant]),
            by_namespace: post(&parts.namespaces, &catalogue, |entry| {
                entry.namespaces.iter().copied()
            }),
            by_repository: post(&parts.repositories, &catalogue, |entry| [entry.repository]),
            by_label: post(&parts.labels, &catalogue, |entry| {
                entry.labels.iter().copied()
            }),
            by_product: empty(),
            by_entrypoint: empty(),
            catalogue,
        };
        index.sort_digests();
        index
    }

    fn sort_digests(&mut self) {
        let Self {
            catalogue,
            by_digest,
            duplicate_of,
            by_tenant,
            ..
        } = self;
        let digests = catalogue.digests();
        // Nearly all digests differ in their first bytes, so that few need the whole digest.
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
            // A digest that occurs once repeats none.
            let [_, _, ..] = same else { continue };
            for owned in by_tenant.values() {
                let mut own = same.iter().filter(|ordinal| owned.contains(**ordinal));
                if let Some(first) = own.next() {
                    duplicate_of.extend(own.map(|ordinal| (*ordinal, *first)));
                }
            }
        }
    }

    /// Returns the ordinals of the images with this digest.
    fn with_digest(&self, digest: &ImageDigest) -> &[u32] {
        let digests = self.catalogue.digests();
        let of = |ordinal: &u32| &digests[*ordinal as usize];
        let start = self
            .by_digest
            .partition_point(|ordinal| of(ordinal) < digest);
        let rest = &self.by_digest[start..];
        let count = rest.iter().take_while(|ordinal| of(ordinal) == digest);
        &rest[..count.count()]
    }

    /// Returns the images that match a request, in *O*(matches) after a few bitmap operations.
    pub fn resolve(&self, request: &ImpactRequest<'_>) -> Impacted {
        let Some(tenant) = self.by_tenant.get(request.tenant) else {
            return Impacted::default();
        };
        let mut found = tenant & self.select(request.selector, tenant);
        if !request.product_keys.is_empty() {
            found &= self.containing(request.product_keys, request.usage_only);
        }
        let candidates = found.len();
        if !self.duplicate_of.is_empty() {
            found = found
                .iter()
                .map(|ordinal| self.duplicate_of.get(&ordinal).copied().unwrap_or(ordinal))
                .collect();
        }
        let all = self.catalogue.digests();
        let digests = found.iter().map(|ordinal| all[ordinal as usize]).collect();
        Impacted {
            candidates,
            digests,
        }
    }

    /// Returns the images that contain one of the products, or use it from their entrypoint with
    /// `usage_only`.
    fn containing(&self, products: &[Arc<str>], usage_only: bool) -> RoaringBitmap {
        let catalogue = &self.catalogue;
        let posted = |component: u32| {
            let images = catalogue.images_with(component).iter().copied();
            let uses = |image: &u32| catalogue.uses_at_entrypoint(*image, component);
            if usage_only {
                self.by_entrypoint[component as usize]
                    .get_or_init(|| bitmap(images.filter(uses).collect()))
            } else {
                self.by_product[component as usize].get_or_init(|| bitmap(images.collect()))
            }
        };
        products
            .iter()
            .filter_map(|product| catalogue.component(product))
            .fold(RoaringBitmap::new(), |all, some| all | posted(some))
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

    /// An image whose names are chosen by the bits of `traits`, with these components.
    fn image(seed: u8, tenant: &str, traits: u8, components: &[(u8, bool)]) -> Image {
        let word = |text: &str, bit: u8| Arc::<str>::from(format!("{text}-{}", traits >> bit & 1));
        let namespaces = (0..traits >> 4 & 3).map(|bit| word("namespace", bit));
        Image {
            digest: ImageDigest::new([seed; 32]),
            tenant: tenant.into(),
            registry: "registry.example".into(),
            repository: word("repository", 0),
            namespaces: namespaces.collect(),
            tags: Vec::new(),
            labels: [
                (Arc::from("tier"), word("tier", 2)),
                (Arc::from("team"), word("team", 3)),
            ]
            .into(),
            components: components
                .iter()
                .map(|(number, used)| (format!("product-{number}").into(), *used))
                .collect(),
        }
    }

    /// Number of matching images, and their digests in the order of the tenant's images.
    fn brute_force(images: &[Image], request: &ImpactRequest<'_>) -> (u64, Vec<ImageDigest>) {
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
        let is_owned = |image: &&Image| image.tenant == *request.tenant;
        let owned: Vec<&Image> = images.iter().filter(is_owned).collect();
        let matching = owned
            .iter()
            .filter(|image| selected(image) && concerned(image));
        let matching: Vec<ImageDigest> = matching.map(|image| image.digest).collect();
        let mut digests = Vec::new();
        for image in owned {
            if matching.contains(&image.digest) && !digests.contains(&image.digest) {
                digests.push(image.digest);
            }
        }
        (matching.len() as u64, digests)
    }

    proptest! {
        #[test]
        fn resolve_equals_a_scan_over_the_inventory(
            traits in prop::collection::vec(
                (
                    0_u8..12,
                    any::<bool>(),
                    any::<u8>(),
                    prop::collection::vec((0_u8..6, any::<bool>()), 0..5),
                ),
                0..40,
            ),
            scope in 0_usize..5,
            products in prop::collection::vec(0_u8..8, 0..3),
        ) {
            let images: Vec<Image> = traits
                .iter()
                .map(|(seed, is_other, traits, components)| {
                    image(*seed, if *is_other { "b" } else { "a" }, *traits, components)
                })
                .collect();
            let selector = [
                Selector::All,
                Selector::ByNamespace(vec!["namespace-1".into(), "nowhere".into()]),
                Selector::ByRepository(vec!["repository-0".into()]),
                Selector::ByDigest((0..6).map(|seed| ImageDigest::new([seed; 32])).collect()),
                Selector::ByLabel(
                    [("tier".into(), "tier-1".into()), ("team".into(), "team-0".into())].into(),
                ),
            ][scope].clone();
            let products: Vec<Arc<str>> =
                products.iter().map(|n| format!("product-{n}").into()).collect();
            let tenant = TenantId::from("a");
            let index = ImpactIndex::from_iter(images.clone());
            // The repeats read the bitmaps that the first queries built.
            for usage_only in [false, true, false, true] {
                let request = ImpactRequest {
                    tenant: &tenant,
                    selector: &selector,
                    product_keys: &products,
                    usage_only,
                };
                let found = index.resolve(&request);
                let (candidates, digests) = brute_force(&images, &request);
                prop_assert_eq!(found.digests, digests);
                prop_assert_eq!(found.candidates, candidates);
            }
        }
    }
}
