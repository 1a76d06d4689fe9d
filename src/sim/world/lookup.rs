//! Hash maps whose hash is the same in every run.

use std::collections::HashMap;
use std::hash::{BuildHasherDefault, Hasher};

/// A map for look-ups only: whoever iterates it shows an order that means nothing.
pub(crate) type Lookup<K, V> = HashMap<K, V, BuildHasherDefault<FoldHasher>>;

/// Folds words by rotating, adding and multiplying: quick on the short texts and numbers that name
/// things here. It resists no attack, and need not.
#[derive(Default, Clone, Copy)]
pub(crate) struct FoldHasher(u64);

impl FoldHasher {
    fn fold(&mut self, word: u64) {
        self.0 = (self.0.rotate_left(5) ^ word).wrapping_mul(0x517c_c1b7_2722_0a95);
    }
}

impl Hasher for FoldHasher {
    fn finish(&self) -> u64 {
        // The multiplication mixes upwards only; the map looks at the lowest bits as well.
        self.0.rotate_left(26)
    }

    fn write(&mut self, bytes: &[u8]) {
        let mut chunks = bytes.chunks_exact(8);
        for chunk in &mut chunks {
            self.fold(u64::from_le_bytes(chunk.try_into().unwrap_or_default()));
        }
        let rest = chunks
            .remainder()
            .iter()
            .fold(0, |word, byte| word << 8 | u64::from(*byte));
        self.fold(rest);
    }

    fn write_u8(&mut self, value: u8) {
        self.fold(u64::from(value));
    }

    fn write_u32(&mut self, value: u32) {
        self.fold(u64::from(value));
    }

    fn write_u64(&mut self, value: u64) {
        self.fold(value);
    }

    fn write_usize(&mut self, value: usize) {
        self.fold(value as u64);
    }
}
