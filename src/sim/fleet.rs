//! The fleet: all images with their tenants, labels and components.
//!
//! A fleet is a function of scenario and seed. A compact [`Catalogue`] keeps it, and an [`Image`]
//! as the worker knows it is built on demand, so a million images fit into memory.

mod draw;
mod population;

use std::sync::Arc;

pub use self::population::{SelectorScopes, schedules};
use crate::model::catalogue::Catalogue;
use crate::model::{Image, ImageDigest, TenantId};

/// The images of all tenants, by number.
#[derive(Debug)]
pub struct Fleet {
    seed: u64,
    catalogue: Arc<Catalogue>,
    registry: Arc<str>,
    tags: Vec<Arc<str>>,
    /// Tags by image.
    tag_numbers: Vec<u16>,
}

impl Fleet {
    /// Returns the catalogue of the images.
    pub fn catalogue(&self) -> &Arc<Catalogue> {
        &self.catalogue
    }

    /// Number of images.
    pub fn len(&self) -> usize {
        self.catalogue.len() as usize
    }

    /// Returns whether the fleet has no image.
    pub fn is_empty(&self) -> bool {
        self.catalogue.is_empty()
    }

    /// Returns the number of an image, the first of those that share its digest. *O*(1) without a
    /// table, because a digest contains its number enciphered.
    #[inline]
    pub fn find(&self, digest: &ImageDigest) -> Option<u32> {
        let number = draw::number_in(digest, self.seed)?;
        (number < self.catalogue.len()).then_some(number)
    }

    /// Returns the digest of an image.
    pub fn digest(&self, number: u32) -> &ImageDigest {
        &self.catalogue.digests()[number as usize]
    }

    /// Returns the images that contain a component, in the order of their numbers. Of those that
    /// share a digest it returns the first.
    pub fn images_with(&self, component: u32) -> impl Iterator<Item = u32> {
        let images = self.catalogue.images_with(component).iter().copied();
        images.filter(|image| self.find(self.digest(*image)) == Some(*image))
    }

    /// Returns the tenant that owns an image.
    pub fn tenant(&self, number: u32) -> &TenantId {
        self.catalogue.tenant(number)
    }

    /// Returns all tenants.
    pub fn tenants(&self) -> &[TenantId] {
        &self.catalogue.names().tenants
    }

    /// Returns the product keys of all components, the most popular first.
    pub fn components(&self) -> &[Arc<str>] {
        &self.catalogue.names().components
    }

    /// Builds an image as the worker knows it. *O*(its components).
    pub fn image(&self, number: u32) -> Image {
        let (parts, entry) = (self.catalogue.names(), self.catalogue.entry(number));
        let name = |names: &[Arc<str>], index: u32| Arc::clone(&names[index as usize]);
        let tag = self.tag_numbers[number as usize];
        Image {
            digest: entry.digest,
            tenant: self.tenant(number).clone(),
            registry: Arc::clone(&self.registry),
            repository: name(&parts.repositories, entry.repository),
            namespaces: entry
                .namespaces
                .iter()
                .map(|namespace| name(&parts.namespaces, *namespace))
                .collect(),
            tags: vec![name(&self.tags, u32::from(tag))],
            labels: entry
                .labels
                .iter()
                .map(|label| parts.labels[*label as usize].clone())
                .collect(),
            components: entry
                .contents
                .iter()
                .map(|content| {
                    let component = name(&parts.components, content.component());
                    (component, content.is_used_by_entrypoint())
                })
                .collect(),
        }
    }

    /// Returns an iterator that builds all images in the order of their numbers.
    pub fn images(&self) -> impl ExactSizeIterator<Item = Image> {
        (0..self.catalogue.len()).map(|number| self.image(number))
    }
}

#[cfg(test)]
mod tests;
