//! Generation of a fleet from a scenario and a seed.

use std::sync::Arc;

use xxhash_rust::xxh3::xxh3_128_with_seed;

use super::Fleet;
use crate::model::catalogue::{Catalogue, CatalogueEntry, CatalogueNames, ComponentRef};
use crate::model::{ImageDigest, TenantId};
use crate::scenario;
use crate::sim::distribution::{AliasTable, DistributionError};
use crate::sim::kernel::RandomStream;
use crate::sim::sampler::Sampler;
use rehearsal_convert::{Index, Nearest, Saturating};

/// Offset of the image number in a digest.
const NUMBER_AT: usize = 28;
/// Offset of the seal in a digest.
const SEAL_AT: usize = 16;
/// Number of tags.
const TAGS: u16 = 16;
/// Maximum number of draws for each component of an image. A popular component that the image has
/// already is drawn again.
const DRAWS_PER_COMPONENT_MAX: usize = 8;

impl Fleet {
    /// Draws a fleet. The same scenario and seed give the same fleet.
    ///
    /// # Errors
    /// The parameters of a distribution of the scenario are out of range.
    pub fn draw(scenario: &scenario::FleetSpec, seed: u64) -> Result<Self, DistributionError> {
        let names =
            |names: Vec<String>| names.into_iter().map(Arc::from).collect::<Vec<Arc<str>>>();
        let component = |number| Arc::from(format!("pkg:generic/component-{number}"));
        let mut labels = Vec::new();
        let mut label_shares = Vec::new();
        for (name, values) in &scenario.labels {
            let name: Arc<str> = name.as_str().into();
            label_shares.push(values.values().map(|share| share.0).collect());
            for value in values.keys() {
                labels.push((Arc::clone(&name), value.as_str().into()));
            }
        }
        let parts = CatalogueNames {
            tenants: scenario
                .tenant_names()
                .into_iter()
                .map(TenantId::new)
                .collect(),
            repositories: names(scenario.repository_names()),
            namespaces: names(scenario.namespace_names()),
            labels,
            components: (1..=scenario.components).map(component).collect(),
        };
        let images = scenario.images.to_index();
        let mut generator = ImageGenerator::new(scenario, label_shares, seed)?;
        let mut catalogue = Catalogue::with_capacity(parts, images);
        generator.draw(scenario, &mut catalogue);
        catalogue.shrink_to_fit();
        Ok(Self {
            seed,
            catalogue: Arc::new(catalogue),
            registry: "registry.example".into(),
            tags: (0..TAGS).map(|tag| Arc::from(format!("1.{tag}"))).collect(),
            tag_numbers: generator.tag_numbers,
        })
    }
}

/// Returns the digest of an image: a hash with the enciphered number of the image and a seal, which
/// identifies digests of this fleet.
pub(super) fn digest_of(number: u32, seed: u64) -> ImageDigest {
    let mut bytes = [0; 32];
    for (half, chunk) in bytes.chunks_exact_mut(16).enumerate() {
        let material = [u64::from(number), half as u64].map(u64::to_le_bytes);
        let hash = xxh3_128_with_seed(material.as_flattened(), seed);
        chunk.copy_from_slice(&hash.to_le_bytes());
    }
    let pad = word_at::<4>(&bytes, 0).map_or(0, u32::from_le_bytes);
    bytes[NUMBER_AT..].copy_from_slice(&(number ^ pad).to_le_bytes());
    bytes[SEAL_AT..SEAL_AT + 8].copy_from_slice(&seal(number, pad, seed).to_le_bytes());
    ImageDigest::new(bytes)
}

/// Returns the number of the image with this digest, if the digest is one of this fleet.
///
/// It is decoded from the digest. A hash table was rejected, because each scan would miss the
/// cache.
#[inline]
pub(super) fn number_in(digest: &ImageDigest, seed: u64) -> Option<u32> {
    let bytes = digest.as_bytes();
    let pad = u32::from_le_bytes(word_at(bytes, 0)?);
    let number = u32::from_le_bytes(word_at(bytes, NUMBER_AT)?) ^ pad;
    let found = u64::from_le_bytes(word_at(bytes, SEAL_AT)?);
    (found == seal(number, pad, seed)).then_some(number)
}

#[inline]
fn word_at<const LENGTH: usize>(bytes: &[u8; 32], at: usize) -> Option<[u8; LENGTH]> {
    bytes.get(at..)?.first_chunk().copied()
}

/// Returns 64 bits that identify a number of this fleet: the finaliser of `SplitMix64`.
#[inline]
fn seal(number: u32, pad: u32, seed: u64) -> u64 {
    let mut mixed = seed ^ (u64::from(pad) << 32 | u64::from(number));
    mixed = (mixed ^ mixed >> 30).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    mixed = (mixed ^ mixed >> 27).wrapping_mul(0x94D0_49BB_1331_11EB);
    mixed ^ mixed >> 31
}

/// Generator of the images of a fleet.
struct ImageGenerator {
    seed: u64,
    stream: RandomStream,
    popularity: AliasTable,
    components_per_image: Sampler,
    entrypoint_share: f64,
    duplicate_share: f64,
    /// Shares of the values of each label name.
    label_shares: Vec<Vec<f64>>,
    /// Last image that contains each component, so that none contains it twice.
    seen_by: Vec<u32>,
    /// Tags by image.
    tag_numbers: Vec<u16>,
    /// Components of the present image.
    contents: Vec<ComponentRef>,
    /// Labels of the present image.
    labels: Vec<u32>,
}

impl ImageGenerator {
    fn new(
        scenario: &scenario::FleetSpec,
        label_shares: Vec<Vec<f64>>,
        seed: u64,
    ) -> Result<Self, DistributionError> {
        let exponent = match scenario.popularity {
            scenario::Popularity::Uniform => 0.0,
            scenario::Popularity::Zipf { exponent } => exponent,
        };
        // A table is several times faster here than drawing from a Zipf distribution directly.
        let weights: Vec<f64> = (1..=scenario.components)
            .map(|rank| libm::pow(rank.nearest_f64(), -exponent))
            .collect();
        Ok(Self {
            seed,
            stream: RandomStream::new(seed, "fleet"),
            popularity: AliasTable::new(&weights)?,
            components_per_image: Sampler::of_counts(&scenario.components_per_image)?,
            entrypoint_share: scenario.entrypoint_share.0,
            duplicate_share: scenario.duplicate_share.0,
            label_shares,
            seen_by: vec![u32::MAX; scenario.components.to_index()],
            tag_numbers: Vec::with_capacity(scenario.images.to_index()),
            contents: Vec::new(),
            labels: Vec::new(),
        })
    }

    fn draw(&mut self, scenario: &scenario::FleetSpec, catalogue: &mut Catalogue) {
        let images = scenario.images.to_index();
        let tenants = &catalogue.names().tenants;
        let weights: Vec<f64> = tenants
            .iter()
            .map(|tenant| scenario.tenant_weights.get(tenant.as_str()).copied())
            .map(|weight| weight.unwrap_or(1.0))
            .collect();
        let total: f64 = weights.iter().sum();
        let mut weight_so_far = 0.0;
        for (tenant, weight) in (0..).zip(&weights) {
            weight_so_far += weight;
            // Rounding the running sum gives every tenant its share, and every image a tenant.
            let end = weight_so_far / total * (images as u64).nearest_f64() + 0.5;
            let end = (end.saturating_u64().min(images as u64)).to_index();
            let begin = catalogue.len();
            while (catalogue.len() as usize) < end {
                self.draw_image(tenant, begin, catalogue);
            }
        }
        debug_assert_eq!(catalogue.len() as usize, images, "every image has a tenant");
    }

    /// Draws an image of a tenant, whose first image is `begin`.
    fn draw_image(&mut self, tenant: u32, begin: u32, catalogue: &mut Catalogue) {
        let number = catalogue.len();
        let original = self.draw_original(begin, number);
        let parts = catalogue.names();
        let count = |names: &[Arc<str>]| names.len() as u64;
        let (namespaces, repositories) = (count(&parts.namespaces), count(&parts.repositories));
        let digest = if let Some(original) = original {
            self.contents = catalogue.contents(original).to_vec();
            catalogue.digests()[original as usize]
        } else {
            self.draw_contents(number);
            digest_of(number, self.seed)
        };
        self.draw_labels();
        let namespace = self.stream.below(namespaces).index_u32();
        let has_second = self
            .stream
            .below(scenario::FleetSpec::SECOND_NAMESPACE_ONE_IN)
            == 0;
        let tag = self.stream.below(u64::from(TAGS));
        let tag = u16::try_from(tag).unwrap_or_default();
        let repository = self.stream.below(repositories).index_u32();
        let second = has_second.then(|| self.stream.below(namespaces).index_u32());
        let both = [namespace, second.unwrap_or(namespace)];
        let is_one = both[0] == both[1];
        self.tag_numbers.push(tag);
        catalogue.push(CatalogueEntry {
            digest,
            tenant,
            repository,
            namespaces: if is_one { &both[..1] } else { &both },
            labels: &self.labels,
            contents: &self.contents,
        });
    }

    /// Draws the image of which the next one is a duplicate; `None` if it is none.
    fn draw_original(&mut self, begin: u32, end: u32) -> Option<u32> {
        let earlier = u64::from(end - begin);
        let is_duplicate =
            self.duplicate_share > 0.0 && earlier > 0 && self.stream.chance(self.duplicate_share);
        is_duplicate.then(|| begin + self.stream.below(earlier).index_u32())
    }

    fn draw_contents(&mut self, number: u32) {
        self.contents.clear();
        let wanted = self.components_per_image.draw_whole(&mut self.stream);
        let wanted = (wanted.clamp(1, self.seen_by.len() as u64)).to_index();
        let mut missing = wanted;
        for _ in 0..wanted * DRAWS_PER_COMPONENT_MAX {
            let component = self.popularity.draw(&mut self.stream);
            let last = std::mem::replace(&mut self.seen_by[component as usize], number);
            if last == number {
                continue;
            }
            let is_used = self.stream.chance(self.entrypoint_share);
            self.contents.push(ComponentRef::new(component, is_used));
            missing -= 1;
            if missing == 0 {
                break;
            }
        }
    }

    /// Draws at most one value of each label name.
    fn draw_labels(&mut self) {
        self.labels.clear();
        let mut first = 0;
        for shares in &self.label_shares {
            let mut left = self.stream.uniform();
            for (value, share) in (first..).zip(shares) {
                if left < *share {
                    self.labels.push(value);
                    break;
                }
                left -= share;
            }
            first += (shares.len() as u64).index_u32();
        }
    }
}
