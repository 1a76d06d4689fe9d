//! The bucket bounds of a histogram.

use rehearsal_convert::{Index as _, LowBits};
use std::fmt;

/// The most bounds a histogram can have; the bucket for everything above them comes on top.
pub const BOUNDS_MAX: usize = 63;
/// The most buckets a histogram can have.
pub const BUCKETS_MAX: usize = BOUNDS_MAX + 1;

/// Finite, strictly increasing upper bounds, none of them negative. A value equal to a bound is in
/// that bound's bucket. Finding a value's bucket takes about a nanosecond, however many there are.
///
/// ```
/// use rehearsal_metrics::{Bounds, BoundsError};
///
/// let bounds = Bounds::new(&[0.5, 1.0])?;
/// assert_eq!((bounds.locate(0.5), bounds.locate(0.7), bounds.locate(9.0)), (0, 1, 2));
/// let error = Bounds::new(&[1.0, 0.5]).expect_err("falling");
/// assert!(matches!(error, BoundsError::NotRising { .. }));
/// # Ok::<(), BoundsError>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct Bounds {
    /// The bounds, and infinity.
    values: Box<[f64]>,
    index: BoundIndex,
}

/// Finds a value's bucket without a search.
///
/// The bits of non-negative numbers rise with the numbers, so the upper bits, which are the
/// exponent and the first digits, divide the numbers into cells. For each cell that lies between
/// the first and the last bound the index knows how many bounds stand below it. One comparison
/// with the next bound does the rest, because a cell is narrow enough to hold at most one bound
/// (if bounds are closer together than that, a few comparisons).
#[derive(Clone, Debug, PartialEq)]
struct BoundIndex {
    shift: u32,
    first_cell: u64,
    below: Box<[u8]>,
}

/// The most cells of an index, bytes.
const CELLS_MAX: u64 = 2048;
/// Bits of an f64 below its exponent.
const FRACTION_BITS: u32 = 52;

impl BoundIndex {
    fn new(bounds: &[f64]) -> Self {
        let cell = |bound: f64, shift: u32| bound.to_bits() >> shift;
        let cells = |shift| cell(bounds[bounds.len() - 1], shift) - cell(bounds[0], shift) + 2;
        let alone = |shift| {
            bounds
                .windows(2)
                .all(|two| cell(two[0], shift) != cell(two[1], shift))
        };
        let mut shift = FRACTION_BITS;
        while !alone(shift) && cells(shift - 1) <= CELLS_MAX {
            shift -= 1;
        }
        let first_cell = cell(bounds[0], shift);
        let below = (first_cell..first_cell + cells(shift)).map(|here| {
            bounds
                .iter()
                .filter(|bound| cell(**bound, shift) < here)
                .count()
                .low_u8()
        });
        Self {
            shift,
            first_cell,
            below: below.collect(),
        }
    }
}

/// Why a list of numbers can't be bucket bounds.
#[derive(Clone, Copy, Debug, PartialEq, thiserror::Error)]
pub enum BoundsError {
    /// No bound at all.
    #[error("a histogram needs at least one bucket bound")]
    Empty,
    /// More than [`BOUNDS_MAX`].
    #[error("{0} bucket bounds are too many; {BOUNDS_MAX} are possible")]
    TooMany(usize),
    /// Not a number or infinite. The bucket for everything above the bounds is always there.
    #[error("bucket bound {0} is not finite; the +Inf bucket is added by itself")]
    NotFinite(f64),
    /// Below zero, where no sample can be.
    #[error("bucket bound {0} is negative; negative samples are refused, so start at 0 or above")]
    Negative(f64),
    /// Not above the bound before it.
    #[error("bucket bound {next} doesn't stand above {previous}; write the bounds in rising order")]
    NotRising {
        /// The bound before.
        previous: f64,
        /// The bound at fault.
        next: f64,
    },
}

impl Bounds {
    /// Checks a list of bounds.
    pub fn new(values: &[f64]) -> Result<Self, BoundsError> {
        match values.len() {
            0 => return Err(BoundsError::Empty),
            count if count > BOUNDS_MAX => return Err(BoundsError::TooMany(count)),
            _ => {}
        }
        if let Some(&value) = values.iter().find(|value| !value.is_finite()) {
            return Err(BoundsError::NotFinite(value));
        }
        // Signs, not values: −0 has other bits than 0.
        if let Some(&value) = values.iter().find(|value| value.is_sign_negative()) {
            return Err(BoundsError::Negative(value));
        }
        if let Some(pair) = values.windows(2).find(|pair| pair[0] >= pair[1]) {
            return Err(BoundsError::NotRising {
                previous: pair[0],
                next: pair[1],
            });
        }
        let index = BoundIndex::new(values);
        let values = values.iter().copied().chain([f64::INFINITY]).collect();
        Ok(Self { values, index })
    }

    /// The bounds, without infinity.
    pub fn as_slice(&self) -> &[f64] {
        &self.values[..self.values.len() - 1]
    }

    /// The number of buckets: one more than bounds.
    pub fn buckets(&self) -> usize {
        self.values.len()
    }

    /// The bucket of a finite value that isn't negative: how many bounds are below it.
    #[inline]
    pub fn locate(&self, value: f64) -> usize {
        let BoundIndex {
            shift,
            first_cell,
            below,
        } = &self.index;
        let cell = (value.to_bits() >> shift).saturating_sub(*first_cell);
        let cell = cell.to_index().min(below.len() - 1);
        let mut bucket = usize::from(below[cell]);
        // Added, not branched on: which way it goes can't be predicted.
        bucket += usize::from(value > self.values[bucket]);
        while value > self.values[bucket] {
            bucket += 1;
        }
        bucket
    }
}

impl fmt::Display for Bounds {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, value) in self.as_slice().iter().enumerate() {
            let separator = if index == 0 { "" } else { ", " };
            write!(formatter, "{separator}{value}")?;
        }
        Ok(())
    }
}
