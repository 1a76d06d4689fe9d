//! Index from digest to number, with five to eight bytes per image.

use crate::model::ImageDigest;
use rehearsal_convert::Index;

const EMPTY: u32 = u32::MAX;

/// An open-addressing table of numbers. The digests are not in it: each look-up passes the list
/// that the numbers refer to. A digest is random already, so its first bytes are its hash.
#[derive(Debug)]
pub(crate) struct DigestIndex {
    cells: Vec<u32>,
}

impl DigestIndex {
    /// An empty table with room for this number of digests.
    pub fn with_capacity(count: usize) -> Self {
        Self {
            cells: vec![EMPTY; (count * 2).next_power_of_two().max(2)],
        }
    }

    /// The number of a digest in `digests`.
    #[inline]
    pub fn find(&self, digests: &[ImageDigest], digest: &ImageDigest) -> Option<u32> {
        self.probe(digest)
            .map(|cell| self.cells[cell])
            .take_while(|number| *number != EMPTY)
            .find(|number| digests[*number as usize] == *digest)
    }

    /// Adds the number of a digest that is not in the table yet.
    pub fn insert(&mut self, digest: &ImageDigest, number: u32) {
        let free = self.probe(digest).find(|cell| self.cells[*cell] == EMPTY);
        if let Some(free) = free {
            self.cells[free] = number;
        }
    }

    /// The cells in which a digest may stand, in order.
    #[inline]
    fn probe(&self, digest: &ImageDigest) -> impl Iterator<Item = usize> + use<> {
        let mask = self.cells.len() - 1;
        let head = digest.as_bytes().first_chunk().copied().unwrap_or_default();
        let start = u64::from_le_bytes(head).to_index() & mask;
        (0..=mask).map(move |step| (start + step) & mask)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_finds_all_and_nothing_else() {
        // All begin alike, so that every look-up has to walk.
        let digest = |n: u8| {
            let mut bytes = [7; 32];
            bytes[31] = n;
            ImageDigest::new(bytes)
        };
        let digests: Vec<_> = (0..100).map(digest).collect();
        let mut index = DigestIndex::with_capacity(digests.len());
        for (number, digest) in (0..).zip(&digests) {
            index.insert(digest, number);
        }
        for (number, digest) in (0..).zip(&digests) {
            assert_eq!(index.find(&digests, digest), Some(number));
        }
        assert_eq!(index.find(&digests, &digest(200)), None);
        assert_eq!(DigestIndex::with_capacity(0).find(&[], &digest(0)), None);
    }
}
