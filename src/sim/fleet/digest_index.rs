//! From digest to number, in four bytes per place.

use crate::model::ImageDigest;

/// An open-addressing table of numbers, at most half full. A digest is random already: its first
/// bytes say where to look.
#[derive(Debug)]
pub(super) struct DigestIndex {
    places: Vec<u32>,
}

const FREE: u32 = u32::MAX;

impl DigestIndex {
    /// Numbers `digests` by their positions; of equal ones the first counts. *O*(digests).
    pub fn new(digests: &[ImageDigest]) -> Self {
        let places = (digests.len() * 2).next_power_of_two().max(2);
        let mut index = Self {
            places: vec![FREE; places],
        };
        for (number, digest) in digests.iter().enumerate() {
            let place = index.place(digest, digests);
            if index.places[place] == FREE {
                index.places[place] = number as u32;
            }
        }
        index
    }

    /// The number of a digest.
    pub fn find(&self, digest: &ImageDigest, digests: &[ImageDigest]) -> Option<u32> {
        let number = self.places[self.place(digest, digests)];
        (number != FREE).then_some(number)
    }

    /// Where the digest stands, or the free place where it would.
    fn place(&self, digest: &ImageDigest, digests: &[ImageDigest]) -> usize {
        let mask = self.places.len() - 1;
        let head = digest.as_bytes().first_chunk().copied().unwrap_or_default();
        let mut place = u64::from_le_bytes(head) as usize & mask;
        while self.places[place] != FREE && digests[self.places[place] as usize] != *digest {
            place = (place + 1) & mask;
        }
        place
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_digest_is_found_and_no_other() {
        // Equal heads, so that all of them collide.
        let digest = |last: u8| {
            let mut bytes = [7; 32];
            bytes[31] = last;
            ImageDigest::new(bytes)
        };
        let mut digests: Vec<_> = (0..100).map(digest).collect();
        digests.push(digest(3));
        let index = DigestIndex::new(&digests);
        for number in 0..100 {
            assert_eq!(
                index.find(&digest(number), &digests),
                Some(u32::from(number))
            );
        }
        assert_eq!(index.find(&digest(200), &digests), None);
        assert_eq!(DigestIndex::new(&[]).find(&digest(0), &[]), None);
    }
}
