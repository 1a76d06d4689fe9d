//! Image catalogue in dictionary encoding: each name is stored once, and an image refers to names
//! by number. A million images fit into a few hundred megabytes, and a scan over all of them reads
//! memory in order, without a pointer per name.
//!
//! ```text
//!   digests:  [d0, d1, d2, ...]
//!   rows:     [tenant, repository, ends of namespaces, labels and contents]...
//!   contents: [c c c | c c | c c c c | ...]     component number * 2 + used from the entry point
//! ```

use std::hash::Hash;
use std::ops::Range;
use std::sync::{Arc, OnceLock};

use rehearsal_convert::Index;
use rustc_hash::FxHashMap;

use super::{Image, ImageDigest, TenantId};

/// Names that images refer to by number. No name appears twice in a list.
#[derive(Debug, Clone, Default)]
pub struct CatalogueNames {
    /// Tenants that own images.
    pub tenants: Vec<TenantId>,
    /// Repository paths.
    pub repositories: Vec<Arc<str>>,
    /// Namespaces in which images run.
    pub namespaces: Vec<Arc<str>>,
    /// Labels, each with name and value.
    pub labels: Vec<(Arc<str>, Arc<str>)>,
    /// Product keys of components.
    pub components: Vec<Arc<str>>,
}

/// Reference of an image to a component: its number and whether the entry point uses it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ComponentRef(u32);

impl ComponentRef {
    /// Creates a reference to the component with this number, from 0 to 2³¹ − 1.
    pub const fn new(component: u32, is_used_by_entrypoint: bool) -> Self {
        debug_assert!(component < 1 << 31, "component numbers have 31 bits");
        Self(component << 1 | is_used_by_entrypoint as u32)
    }

    /// Returns the number of the component.
    pub const fn component(self) -> u32 {
        self.0 >> 1
    }

    /// Returns whether the image uses the component from its entry point.
    pub const fn is_used_by_entrypoint(self) -> bool {
        self.0 & 1 == 1
    }
}

/// An image, with its names by number.
#[derive(Debug, Clone, Copy)]
pub struct CatalogueEntry<'a> {
    /// Digest of the image's content.
    pub digest: ImageDigest,
    /// Tenant that owns the image.
    pub tenant: u32,
    /// Repository path.
    pub repository: u32,
    /// Namespaces in which it runs.
    pub namespaces: &'a [u32],
    /// Labels of the image.
    pub labels: &'a [u32],
    /// Components that it contains.
    pub contents: &'a [ComponentRef],
}

/// Fields of an image besides its digest. Its lists end at these positions, and begin where those
/// of the previous image end.
#[derive(Debug, Clone, Copy, Default)]
struct ImageRow {
    tenant: u32,
    repository: u32,
    namespaces_end: u32,
    labels_end: u32,
    contents_end: u32,
}

/// Inverted index: the images that contain each component.
#[derive(Debug, Clone)]
struct InvertedIndex {
    /// End of each component's images, which begin where those of the previous component end.
    ends: Vec<u32>,
    images: Vec<u32>,
}

/// Images of all tenants, by number.
#[derive(Debug, Clone, Default)]
pub struct Catalogue {
    names: CatalogueNames,
    digests: Vec<ImageDigest>,
    rows: Vec<ImageRow>,
    namespaces: Vec<u32>,
    labels: Vec<u32>,
    contents: Vec<ComponentRef>,
    component_numbers: OnceLock<FxHashMap<Arc<str>, u32>>,
    inverted: OnceLock<InvertedIndex>,
}

impl Catalogue {
    /// Creates a catalogue without an image, with room for `images` of them.
    pub fn with_capacity(names: CatalogueNames, images: usize) -> Self {
        Self {
            names,
            digests: Vec::with_capacity(images),
            rows: Vec::with_capacity(images),
            ..Self::default()
        }
    }

    /// Adds an image, in *O*(its names).
    pub fn push(&mut self, entry: CatalogueEntry<'_>) {
        self.namespaces.extend_from_slice(entry.namespaces);
        self.labels.extend_from_slice(entry.labels);
        self.contents.extend_from_slice(entry.contents);
        self.digests.push(entry.digest);
        self.rows.push(ImageRow {
            tenant: entry.tenant,
            repository: entry.repository,
            namespaces_end: self.namespaces.len().index_u32(),
            labels_end: self.labels.len().index_u32(),
            contents_end: self.contents.len().index_u32(),
        });
        // An index over fewer images is outdated.
        self.inverted = OnceLock::new();
    }

    /// Frees unused capacity.
    pub fn shrink_to_fit(&mut self) {
        self.namespaces.shrink_to_fit();
        self.labels.shrink_to_fit();
        self.contents.shrink_to_fit();
    }

    /// Returns the number of images.
    pub fn len(&self) -> u32 {
        self.rows.len().index_u32()
    }

    /// Returns whether there is no image.
    pub fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    /// Returns the names that images refer to.
    pub fn names(&self) -> &CatalogueNames {
        &self.names
    }

    /// Returns the digests, by image.
    pub fn digests(&self) -> &[ImageDigest] {
        &self.digests
    }

    /// Returns the tenant that owns an image.
    pub fn tenant(&self, image: u32) -> &TenantId {
        &self.names.tenants[self.tenant_number(image) as usize]
    }

    /// Returns the number of the tenant that owns an image.
    #[inline]
    pub fn tenant_number(&self, image: u32) -> u32 {
        self.rows[image as usize].tenant
    }

    /// Returns the number of the repository of an image.
    #[inline]
    pub fn repository_number(&self, image: u32) -> u32 {
        self.rows[image as usize].repository
    }

    /// Returns the numbers of the namespaces of an image.
    #[inline]
    pub fn namespace_numbers(&self, image: u32) -> &[u32] {
        &self.namespaces[self.span(image, |row| row.namespaces_end)]
    }

    /// Returns the image with this number.
    #[inline]
    pub fn entry(&self, image: u32) -> CatalogueEntry<'_> {
        let row = &self.rows[image as usize];
        CatalogueEntry {
            digest: self.digests[image as usize],
            tenant: row.tenant,
            repository: row.repository,
            namespaces: self.namespace_numbers(image),
            labels: &self.labels[self.span(image, |row| row.labels_end)],
            contents: self.contents(image),
        }
    }

    /// Returns every image in the order of the numbers.
    pub fn entries(&self) -> impl ExactSizeIterator<Item = CatalogueEntry<'_>> {
        (0..self.len()).map(|image| self.entry(image))
    }

    /// Returns the components that an image contains.
    #[inline]
    pub fn contents(&self, image: u32) -> &[ComponentRef] {
        &self.contents[self.span(image, |row| row.contents_end)]
    }

    #[inline]
    fn span(&self, image: u32, end: impl Fn(&ImageRow) -> u32) -> Range<usize> {
        let image = image as usize;
        let before = image.checked_sub(1).map(|before| &self.rows[before]);
        before.map_or(0, &end) as usize..end(&self.rows[image]) as usize
    }

    /// Returns the number of the component with this name. The first call is *O*(components), later
    /// ones are *O*(1).
    pub fn component(&self, name: &str) -> Option<u32> {
        let numbers = self.component_numbers.get_or_init(|| {
            let names = self.names.components.iter().cloned();
            names.zip(0..).collect()
        });
        numbers.get(name).copied()
    }

    /// Returns whether an image uses a component from its entry point, in *O*(its components).
    pub fn uses_at_entrypoint(&self, image: u32, component: u32) -> bool {
        self.contents(image)
            .contains(&ComponentRef::new(component, true))
    }

    /// Returns the images that contain a component, in the order of their numbers. The first call
    /// is
    /// *O*(components of all images), later ones are *O*(1).
    pub fn images_with(&self, component: u32) -> &[u32] {
        let inverted = self.inverted.get_or_init(|| self.invert());
        let component = component as usize;
        let start = component
            .checked_sub(1)
            .map_or(0, |before| inverted.ends[before]);
        &inverted.images[start as usize..inverted.ends[component] as usize]
    }

    fn invert(&self) -> InvertedIndex {
        // A counting sort: `ends` first counts, then holds the next free position of a component.
        let mut ends = vec![0_u32; self.names.components.len()];
        for content in &self.contents {
            ends[content.component() as usize] += 1;
        }
        let mut sum = 0;
        for end in &mut ends {
            sum += std::mem::replace(end, sum);
        }
        let mut images = vec![0; self.contents.len()];
        for image in 0..self.len() {
            for content in self.contents(image) {
                let position = &mut ends[content.component() as usize];
                images[*position as usize] = image;
                *position += 1;
            }
        }
        InvertedIndex { ends, images }
    }
}

/// Interned names, numbered in the order of their first use.
struct Interner<K> {
    names: Vec<K>,
    numbers: FxHashMap<K, u32>,
}

impl<K> Default for Interner<K> {
    fn default() -> Self {
        Self {
            names: Vec::new(),
            numbers: FxHashMap::default(),
        }
    }
}

impl<K: Clone + Eq + Hash> Interner<K> {
    fn number(&mut self, name: K) -> u32 {
        let next = self.names.len().index_u32();
        let names = &mut self.names;
        *self.numbers.entry(name).or_insert_with_key(|name| {
            names.push(name.clone());
            next
        })
    }

    fn all(&mut self, names: impl IntoIterator<Item = K>) -> Vec<u32> {
        names.into_iter().map(|name| self.number(name)).collect()
    }
}

impl FromIterator<Image> for Catalogue {
    fn from_iter<I: IntoIterator<Item = Image>>(images: I) -> Self {
        let mut tenants = Interner::default();
        let [mut repositories, mut namespaces, mut components] =
            std::array::from_fn(|_| Interner::default());
        let mut labels = Interner::default();
        let mut catalogue = Self::default();
        for image in images {
            let content = |(name, is_used)| ComponentRef::new(components.number(name), is_used);
            let contents: Vec<ComponentRef> = image.components.into_iter().map(content).collect();
            catalogue.push(CatalogueEntry {
                digest: image.digest,
                tenant: tenants.number(image.tenant),
                repository: repositories.number(image.repository),
                namespaces: &namespaces.all(image.namespaces),
                labels: &labels.all(image.labels),
                contents: &contents,
            });
        }
        catalogue.names = CatalogueNames {
            tenants: tenants.names,
            repositories: repositories.names,
            namespaces: namespaces.names,
            labels: labels.names,
            components: components.names,
        };
        catalogue
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn image(digest: u8, namespaces: &[&str], products: &[(&str, bool)]) -> Image {
        Image {
            digest: ImageDigest::new([digest; 32]),
            tenant: ["a", "b"][usize::from(digest % 2)].into(),
            registry: "r".into(),
            repository: "p".into(),
            namespaces: namespaces.iter().map(|name| Arc::from(*name)).collect(),
            tags: Vec::new(),
            labels: [("tier".into(), format!("tier-{digest}").into())].into(),
            components: products
                .iter()
                .map(|(name, is_used)| (Arc::from(*name), *is_used))
                .collect(),
        }
    }

    #[test]
    fn catalogue_entries_refer_to_their_names() {
        let images = [
            image(0, &["prod"], &[("openssl", true), ("zlib", false)]),
            image(1, &["test", "prod"], &[("zlib", true)]),
            image(2, &[], &[]),
            image(3, &["test"], &[("zlib", false)]),
        ];
        let catalogue = Catalogue::from_iter(images.clone());
        assert_eq!(catalogue.len(), 4);
        let name = |names: &[Arc<str>], number: u32| names[number as usize].clone();
        let parts = catalogue.names();
        for (number, (entry, image)) in (0..).zip(catalogue.entries().zip(&images)) {
            assert_eq!(entry.digest, image.digest);
            assert_eq!(catalogue.tenant(number), &image.tenant);
            assert_eq!(
                name(&parts.repositories, entry.repository),
                image.repository
            );
            let namespaces = entry.namespaces.iter();
            let namespaces = namespaces.map(|number| name(&parts.namespaces, *number));
            assert!(namespaces.eq(image.namespaces.iter().cloned()));
            let labels = entry.labels.iter();
            let labels = labels.map(|number| parts.labels[*number as usize].clone());
            assert!(labels.eq(image.labels.clone()));
            let contents = entry.contents.iter().map(|content| {
                let component = name(&parts.components, content.component());
                (component, content.is_used_by_entrypoint())
            });
            assert!(contents.eq(image.components.iter().cloned()));
        }
    }

    #[test]
    fn images_with_a_component_are_found() {
        let images = [
            image(0, &[], &[("openssl", true), ("zlib", false)]),
            image(1, &[], &[("zlib", true)]),
        ];
        let mut catalogue = Catalogue::from_iter(images);
        assert_eq!(catalogue.component("curl"), None);
        let openssl = catalogue.component("openssl").unwrap();
        let zlib = catalogue.component("zlib").unwrap();
        assert_eq!(catalogue.images_with(openssl), [0]);
        assert_eq!(catalogue.images_with(zlib), [0, 1]);
        assert!(catalogue.uses_at_entrypoint(1, zlib));
        assert!(!catalogue.uses_at_entrypoint(0, zlib));
        catalogue.push(CatalogueEntry {
            digest: ImageDigest::new([2; 32]),
            tenant: 0,
            repository: 0,
            namespaces: &[],
            labels: &[],
            contents: &[ComponentRef::new(openssl, false)],
        });
        assert_eq!(catalogue.images_with(openssl), [0, 2]);
    }
}
