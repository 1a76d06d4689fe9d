//! Named random streams.
//!
//! Each consumer of randomness has a stream of its own: `ChaCha8` with a key derived from the root
//! seed and the stream's name. A new consumer therefore changes the draws of no other, and neither
//! does a consumer that draws more often.

use rehearsal_convert::{LowBits, Nearest, Saturating};
use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::convert::Infallible;
use std::rc::Rc;

use rand::{Rng, SeedableRng, TryRng};
use rand_chacha::ChaCha8Rng;
use xxhash_rust::xxh3::{xxh3_64_with_seed, xxh3_128_with_seed};

/// Named random stream. It implements `rand`'s [`Rng`], and counts its draws.
pub struct RandomStream {
    random: ChaCha8Rng,
    draws: Rc<Cell<u64>>,
}

impl RandomStream {
    /// Creates the stream `name` of the root seed `seed`. Equal arguments give equal draws.
    pub fn new(seed: u64, name: &str) -> Self {
        Self::with_counter(seed, name, 0, Rc::default())
    }

    /// `opening` distinguishes the streams opened under one name.
    fn with_counter(seed: u64, name: &str, opening: u64, draws: Rc<Cell<u64>>) -> Self {
        let mut material = name.as_bytes().to_vec();
        material.extend_from_slice(&opening.to_le_bytes());
        let low = xxh3_128_with_seed(&material, seed);
        let high = xxh3_128_with_seed(&material, !seed);
        let mut key = [0; 32];
        key[..16].copy_from_slice(&low.to_le_bytes());
        key[16..].copy_from_slice(&high.to_le_bytes());
        Self {
            random: ChaCha8Rng::from_seed(key),
            draws,
        }
    }

    /// Returns 64 random bits.
    #[inline]
    pub fn word(&mut self) -> u64 {
        self.draws.set(self.draws.get().wrapping_add(1));
        self.random.next_u64()
    }

    /// Returns true with this probability, compared as a 64-bit integer. Costs one draw always, so
    /// that a disabled fault changes nothing else. Values up to 0 and NaN mean never, values from 1
    /// mean always.
    #[inline]
    pub fn chance(&mut self, probability: f64) -> bool {
        // 2^64; the product of a power of two is exact, and the cast saturates.
        let threshold = (probability * 18_446_744_073_709_551_616.0).saturating_u64();
        let word = self.word();
        word < threshold || probability >= 1.0
    }

    /// Returns a uniform integer in `0..bound`; 0 if `bound` is 0.
    #[inline]
    pub fn below(&mut self, bound: u64) -> u64 {
        // Lemire's method (2019): the high half of a product. The few words that would make some
        // results likelier are rejected.
        let mut product = u128::from(self.word()) * u128::from(bound);
        if product.low_u64() < bound {
            let rejected = bound.wrapping_neg() % bound;
            while product.low_u64() < rejected {
                product = u128::from(self.word()) * u128::from(bound);
            }
        }
        let drawn = (product >> 64).low_u64();
        debug_assert!(drawn < bound || bound == 0, "{drawn} is below {bound}");
        drawn
    }

    /// Returns a uniform number in `[0, 1)`, a multiple of 2^-53.
    #[inline]
    pub fn uniform(&mut self) -> f64 {
        (self.word() >> 11).nearest_f64() * (1.0 / 9_007_199_254_740_992.0)
    }

    /// Returns the number of words drawn from all streams opened under this name.
    pub fn draws(&self) -> u64 {
        self.draws.get()
    }
}

impl TryRng for RandomStream {
    type Error = Infallible;

    fn try_next_u32(&mut self) -> Result<u32, Infallible> {
        Ok((self.word() >> 32) as u32)
    }

    fn try_next_u64(&mut self) -> Result<u64, Infallible> {
        Ok(self.word())
    }

    fn try_fill_bytes(&mut self, bytes: &mut [u8]) -> Result<(), Infallible> {
        for chunk in bytes.chunks_mut(8) {
            let word = self.word().to_le_bytes();
            chunk.copy_from_slice(&word[..chunk.len()]);
        }
        Ok(())
    }
}

/// Streams of a kernel by name.
pub(super) struct RandomStreams {
    seed: u64,
    opened: RefCell<BTreeMap<String, OpenStream>>,
}

#[derive(Default)]
struct OpenStream {
    times: u64,
    draws: Rc<Cell<u64>>,
}

impl RandomStreams {
    pub(super) fn new(seed: u64) -> Self {
        Self {
            seed,
            opened: RefCell::default(),
        }
    }

    /// Opens a stream. Opening a name again gives a new stream: a restarted process must not repeat
    /// the draws of its first incarnation.
    pub(super) fn open(&self, name: &str) -> RandomStream {
        let mut streams = self.opened.borrow_mut();
        let opened = streams.entry(name.to_owned()).or_default();
        let stream =
            RandomStream::with_counter(self.seed, name, opened.times, Rc::clone(&opened.draws));
        opened.times += 1;
        stream
    }

    /// Returns the number of words drawn under each name, sorted by name.
    pub(super) fn draws(&self) -> Vec<(String, u64)> {
        let streams = self.opened.borrow();
        streams
            .iter()
            .map(|(name, opened)| (name.clone(), opened.draws.get()))
            .collect()
    }

    /// Adds the name and draws of every stream to a hash.
    pub(super) fn fold(&self, hash: u64) -> u64 {
        self.opened
            .borrow()
            .iter()
            .fold(hash, |hash, (name, opened)| {
                let hash = xxh3_64_with_seed(name.as_bytes(), hash);
                xxh3_64_with_seed(&opened.draws.get().to_le_bytes(), hash)
            })
    }
}

#[cfg(test)]
mod tests {
    use rehearsal_convert::Index;

    use super::*;

    const DRAWS: u32 = 100_000;

    #[test]
    fn random_stream_depends_on_seed_and_name_only() {
        // Golden values: a saved seed must give the same draws in later versions.
        assert_eq!(
            RandomStream::new(42, "golden").word(),
            11_541_510_665_841_366_346
        );
        assert_ne!(
            RandomStream::new(42, "golden").word(),
            RandomStream::new(43, "golden").word()
        );
        assert_ne!(
            RandomStream::new(42, "golden").word(),
            RandomStream::new(42, "golder").word()
        );
    }

    #[test]
    fn chance_has_stated_frequency() {
        let mut stream = RandomStream::new(1, "test");
        for (chance, low, high) in [
            (0.0, 0, 0),
            (-1.0, 0, 0),
            (f64::NAN, 0, 0),
            (0.01, 900, 1_100),
            (0.5, 49_300, 50_700),
            (1.0, DRAWS, DRAWS),
            (f64::INFINITY, DRAWS, DRAWS),
        ] {
            let came = (0..DRAWS)
                .filter(|_| stream.chance(chance))
                .count()
                .index_u32();
            assert!((low..=high).contains(&came), "{chance}: {came}");
        }
        assert_eq!(
            stream.draws(),
            7 * u64::from(DRAWS),
            "one draw each, whatever the chance"
        );
    }

    #[test]
    fn below_is_uniform_and_bounded() {
        let mut stream = RandomStream::new(1, "test");
        assert_eq!((stream.below(0), stream.below(1)), (0, 0));
        let mut counts = [0_u32; 7];
        (0..DRAWS).for_each(|_| counts[stream.below(7).to_index()] += 1);
        assert!(
            counts.iter().all(|count| (13_900..14_700).contains(count)),
            "{counts:?}"
        );
        // Three quarters of all words: without rejection, the multiples of 3 would come twice as
        // often as the others.
        let bound = 3 << 62;
        let divided = (0..DRAWS)
            .filter(|_| stream.below(bound).is_multiple_of(3))
            .count();
        assert!((32_700..34_000).contains(&divided), "{divided}");
    }

    #[test]
    fn uniform_is_from_0_to_1() {
        let mut stream = RandomStream::new(1, "test");
        let draws: Vec<f64> = (0..DRAWS).map(|_| stream.uniform()).collect();
        assert!(draws.iter().all(|draw| (0.0..1.0).contains(draw)));
        let mean = draws.iter().sum::<f64>() / f64::from(DRAWS);
        assert!((mean - 0.5).abs() < 0.005, "{mean}");
    }

    #[test]
    fn random_stream_implements_rand_generator() {
        let (mut left, mut right) = (RandomStream::new(1, "test"), RandomStream::new(1, "test"));
        let mut bytes = [0; 11];
        left.fill_bytes(&mut bytes);
        let words = [
            right.next_u64().to_le_bytes(),
            right.next_u64().to_le_bytes(),
        ]
        .concat();
        assert_eq!(bytes, words[..11]);
        assert_eq!(u64::from(left.next_u32()), right.word() >> 32);
    }
}
