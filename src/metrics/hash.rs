//! A hash for short text, the same in every run.

use std::hash::{BuildHasherDefault, Hasher};

use xxhash_rust::xxh3::xxh3_64_with_seed;

/// A hash map that is only ever asked, never iterated. Unlike the standard library's default it
/// doesn't resist chosen keys; the sizes of such maps are capped.
pub(crate) type HashMap<K, V> = std::collections::HashMap<K, V, BuildHasherDefault<TextHasher>>;

#[derive(Default)]
pub(crate) struct TextHasher(u64);

impl Hasher for TextHasher {
    #[inline]
    fn write(&mut self, bytes: &[u8]) {
        self.0 = xxh3_64_with_seed(bytes, self.0);
    }

    /// What text ends with; it only keeps ("ab", "c") apart from ("a", "bc").
    #[inline]
    fn write_u8(&mut self, byte: u8) {
        self.0 = (self.0 ^ u64::from(byte)).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    }

    #[inline]
    fn finish(&self) -> u64 {
        self.0
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::hash::BuildHasher;

    use super::*;

    #[test]
    fn names_that_look_alike_are_told_apart() {
        let build = BuildHasherDefault::<TextHasher>::default();
        let names = (0..10_000).map(|n| format!("schedule-{n}"));
        let hashes: BTreeSet<u64> = names.map(|name| build.hash_one(name.as_str())).collect();
        assert_eq!(hashes.len(), 10_000);
        assert_ne!(build.hash_one(("ab", "c")), build.hash_one(("a", "bc")));
    }
}
