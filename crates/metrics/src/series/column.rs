//! One series' values over time, kept as changes.

/// The bits that mark the end of a series: Prometheus's own staleness marker, which no computation
/// gives.
pub const STALE_BITS: u64 = 0x7ff0_0000_0000_0002;

/// Times and values of the changes of one series, in two columns.
#[derive(Clone, Debug, Default)]
pub(super) struct SampleColumn {
    times_ms: Vec<i64>,
    bits: Vec<u64>,
}

impl SampleColumn {
    /// Appends a value, unless it is what the series has already. Returns whether it changed.
    #[inline]
    pub(super) fn push(&mut self, at_ms: i64, value: f64) -> bool {
        // Any other NaN becomes the canonical one, so that only `end` can end a series.
        let bits = if value.is_nan() {
            f64::NAN.to_bits()
        } else {
            value.to_bits()
        };
        self.push_bits(at_ms, bits)
    }

    /// Ends the series: there is no value at this scrape, nor until the next push. Returns whether
    /// it had a value.
    pub(super) fn end(&mut self, at_ms: i64) -> bool {
        self.is_live() && self.push_bits(at_ms, STALE_BITS)
    }

    fn push_bits(&mut self, at_ms: i64, bits: u64) -> bool {
        let differs = self.bits.last() != Some(&bits);
        if differs {
            self.times_ms.push(at_ms);
            self.bits.push(bits);
        }
        differs
    }

    /// Whether the series has a value at the last scrape.
    pub(super) fn is_live(&self) -> bool {
        self.bits.last().is_some_and(|bits| *bits != STALE_BITS)
    }

    /// The number of changes at or before a time.
    pub(super) fn changes_until(&self, at_ms: i64) -> usize {
        self.times_ms.partition_point(|time| *time <= at_ms)
    }

    /// Returns the value after the given number of changes, if the series has one then.
    pub(super) fn value_after(&self, changes: usize) -> Option<f64> {
        let bits = self.bits[changes.checked_sub(1)?];
        (bits != STALE_BITS).then(|| f64::from_bits(bits))
    }

    /// Returns the time of the change after the given number of changes, ms since 1970.
    pub(super) fn next_change_ms(&self, changes: usize) -> Option<i64> {
        self.times_ms.get(changes).copied()
    }

    /// Each value that the series has had, in turn.
    pub(super) fn values(&self) -> impl Iterator<Item = f64> {
        let bits = self.bits.iter().filter(|bits| **bits != STALE_BITS);
        bits.map(|bits| f64::from_bits(*bits))
    }

    /// When the value changed, and the bits of what it changed to; an end is Prometheus's
    /// staleness marker.
    pub(super) fn changes(&self) -> (&[i64], &[u64]) {
        (&self.times_ms, &self.bits)
    }

    /// Returns the value after each change; `None` where the series ended.
    pub(super) fn values_and_ends(&self) -> impl Iterator<Item = Option<f64>> {
        let bits = self.bits.iter();
        bits.map(|bits| (*bits != STALE_BITS).then(|| f64::from_bits(*bits)))
    }

    /// Returns the number of kept changes, ends included.
    pub(super) fn len(&self) -> usize {
        self.bits.len()
    }
}
