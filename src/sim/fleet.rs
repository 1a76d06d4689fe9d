//! The fleet: the images that exist, who owns them and what they are made of.
//!
//! Drawn from a scenario and a seed, the same each time. A million images fit into a few hundred
//! megabytes: everything is numbered, and an [`Image`] as the worker knows it is made on demand.
//!
//! ```text
//!   digests:  [d0, d1, d2, ...]
//!   rows:     [tenant, repository, namespaces, end of contents]...
//!   contents: [c c c | c c | c c c c | ...]     component number * 2 + used from the entry point
//! ```

mod draw;
mod population;

use std::cell::OnceCell;
use std::ops::Range;
use std::sync::Arc;

pub use self::population::schedules;
use crate::model::{Image, ImageDigest, TenantId};

/// The images of all tenants, by number.
#[derive(Debug)]
pub struct Fleet {
    seed: u64,
    tenants: Vec<TenantId>,
    registry: Arc<str>,
    repositories: Vec<Arc<str>>,
    namespaces: Vec<Arc<str>>,
    tags: Vec<Arc<str>>,
    labels: Vec<(Arc<str>, Arc<str>)>,
    components: Vec<Arc<str>>,
    digests: Vec<ImageDigest>,
    rows: Vec<Row>,
    contents: Vec<Content>,
    carried: Vec<u16>,
    inverted: OnceCell<Inverted>,
}

/// What is kept of an image besides its digest.
#[derive(Debug, Clone, Copy)]
struct Row {
    tenant: u16,
    tag: u16,
    repository: u32,
    namespace: u32,
    /// The same as `namespace` if there is only one.
    second_namespace: u32,
    /// Where its contents end; they begin where those of the image before end.
    contents_end: u32,
    /// Where its labels end.
    labels_end: u32,
}

/// A component of an image.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Content(u32);

impl Content {
    const fn new(component: u32, is_used_by_entrypoint: bool) -> Self {
        Self(component << 1 | is_used_by_entrypoint as u32)
    }

    const fn component(self) -> u32 {
        self.0 >> 1
    }

    const fn is_used_by_entrypoint(self) -> bool {
        self.0 & 1 == 1
    }
}

/// For each component the images that contain it.
#[derive(Debug)]
struct Inverted {
    /// Where a component's images end; they begin where those of the component before end.
    ends: Vec<u32>,
    images: Vec<u32>,
}

impl Fleet {
    /// How many images there are.
    pub fn len(&self) -> usize {
        self.digests.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.digests.is_empty()
    }

    /// The number of an image, the first of those that share its digest. *O*(1), over no table: a
    /// digest carries its number in cipher.
    #[inline]
    pub fn find(&self, digest: &ImageDigest) -> Option<u32> {
        let number = draw::number_in(digest, self.seed)?;
        ((number as usize) < self.digests.len()).then_some(number)
    }

    /// The digest of an image.
    pub fn digest(&self, number: u32) -> &ImageDigest {
        &self.digests[number as usize]
    }

    /// Whether no image before it has the same digest.
    fn is_original(&self, number: u32) -> bool {
        self.find(self.digest(number)) == Some(number)
    }

    /// The owner of an image.
    pub fn tenant(&self, number: u32) -> &TenantId {
        &self.tenants[self.rows[number as usize].tenant as usize]
    }

    /// All tenants.
    pub fn tenants(&self) -> &[TenantId] {
        &self.tenants
    }

    /// The product keys of all components, the most popular first.
    pub fn components(&self) -> &[Arc<str>] {
        &self.components
    }

    /// An image as the worker knows it. *O*(its components).
    pub fn image(&self, number: u32) -> Image {
        let row = &self.rows[number as usize];
        let name = |names: &[Arc<str>], index: u32| Arc::clone(&names[index as usize]);
        let mut namespaces = vec![name(&self.namespaces, row.namespace)];
        if row.second_namespace != row.namespace {
            namespaces.push(name(&self.namespaces, row.second_namespace));
        }
        Image {
            digest: *self.digest(number),
            tenant: self.tenant(number).clone(),
            registry: Arc::clone(&self.registry),
            repository: name(&self.repositories, row.repository),
            namespaces,
            tags: vec![name(&self.tags, u32::from(row.tag))],
            labels: self.carried[self.span(number, |row| row.labels_end)]
                .iter()
                .map(|label| self.labels[*label as usize].clone())
                .collect(),
            components: self
                .contents(number)
                .iter()
                .map(|content| {
                    let component = name(&self.components, content.component());
                    (component, content.is_used_by_entrypoint())
                })
                .collect(),
        }
    }

    /// All images in the order of their numbers, each made as it is asked for.
    pub fn images(&self) -> impl ExactSizeIterator<Item = Image> {
        (0..self.len() as u32).map(|number| self.image(number))
    }

    /// Whether an image uses a component from its entry point. *O*(its components).
    pub fn uses_at_entrypoint(&self, number: u32, component: u32) -> bool {
        self.contents(number)
            .contains(&Content::new(component, true))
    }

    fn contents(&self, number: u32) -> &[Content] {
        &self.contents[self.span(number, |row| row.contents_end)]
    }

    fn span(&self, number: u32, end: impl Fn(&Row) -> u32) -> Range<usize> {
        let number = number as usize;
        let start = number
            .checked_sub(1)
            .map_or(0, |before| end(&self.rows[before]));
        start as usize..end(&self.rows[number]) as usize
    }

    /// The images that contain a component, in the order of their numbers; of images with the same
    /// digest the first stands for all. The first call is *O*(contents of the fleet), later ones
    /// are *O*(1).
    pub fn images_with(&self, component: u32) -> &[u32] {
        let inverted = self.inverted.get_or_init(|| self.invert());
        let component = component as usize;
        let start = component
            .checked_sub(1)
            .map_or(0, |before| inverted.ends[before]);
        &inverted.images[start as usize..inverted.ends[component] as usize]
    }

    fn invert(&self) -> Inverted {
        // A counting sort: `ends` first counts, then says where the next image of a component goes.
        let mut ends = vec![0_u32; self.components.len()];
        let originals = || (0..self.len() as u32).filter(|number| self.is_original(*number));
        for content in originals().flat_map(|number| self.contents(number)) {
            ends[content.component() as usize] += 1;
        }
        let mut sum = 0;
        for end in &mut ends {
            sum += std::mem::replace(end, sum);
        }
        let mut images = vec![0; sum as usize];
        for number in originals() {
            for content in self.contents(number) {
                let place = &mut ends[content.component() as usize];
                images[*place as usize] = number;
                *place += 1;
            }
        }
        Inverted { ends, images }
    }
}

#[cfg(test)]
mod tests;
