//! Made-up images of two tenants.

use std::sync::Arc;

use rehearsal_worker::model::{Image, ImageDigest};
use sha2::{Digest, Sha256};

use crate::inventory::ImageInventory;

/// Number of images.
const IMAGES: u32 = 240;
/// Number of components that images consist of.
const COMPONENTS: u32 = 60;
/// Tenants; the first has two images of three.
pub const TENANTS: [&str; 2] = ["acme", "umbrella"];

/// Returns the inventory, the same at every start.
pub fn inventory() -> ImageInventory {
    (0..IMAGES).map(image).collect()
}

/// Returns the image with this number.
pub fn image(number: u32) -> Image {
    let digest = Sha256::digest(format!("image {number}"));
    let namespace = ["shop", "payment", "search"][number as usize % 3];
    let component = |place: u32| (number * 7 + place * 11) % COMPONENTS;
    Image {
        digest: ImageDigest::new(digest.into()),
        tenant: TENANTS[usize::from(number % 3 == 2)].into(),
        registry: "registry.example".into(),
        repository: format!("{namespace}/service-{}", number % 40).into(),
        namespaces: vec![namespace.into()],
        tags: vec![format!("1.{}", number / 40).into()],
        labels: [("team".into(), Arc::from(format!("team-{}", number % 5)))].into(),
        components: (0..6)
            .map(|place| (component_name(component(place)), place < 2))
            .collect(),
    }
}

/// Returns the product key of a component.
pub fn component_name(number: u32) -> Arc<str> {
    format!("pkg:generic/library-{number}").into()
}
