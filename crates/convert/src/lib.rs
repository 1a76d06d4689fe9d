//! Named conversions between numbers, in place of lossy `as` casts.
//!
//! An `as` cast does not say whether its author expected a loss. These methods do. All compile to
//! the instructions of the cast; debug builds assert what [`Index`] presumes.
#![no_std]
#![forbid(unsafe_code)]
#![expect(
    clippy::cast_possible_truncation,
    clippy::cast_possible_wrap,
    clippy::cast_lossless,
    clippy::cast_precision_loss,
    clippy::cast_sign_loss,
    reason = "this crate gives every lossy cast its name"
)]

/// Conversion of an integer to the nearest `f64`; exact up to 2^53.
pub trait Nearest {
    /// Returns the nearest `f64`.
    fn nearest_f64(self) -> f64;
}

macro_rules! nearest {
    ($($integer:ty),+) => {
        $(impl Nearest for $integer {
            #[inline]
            fn nearest_f64(self) -> f64 {
                self as f64
            }
        })+
    };
}

nearest!(u32, u64, i64, usize, u128);

/// Conversion of an `f64` to an integer: the fraction is dropped, a number out of range becomes the
/// nearest end of the range, and NaN becomes 0.
pub trait Saturating {
    /// Returns the number as `u64`.
    fn saturating_u64(self) -> u64;
    /// Returns the number as `i64`.
    fn saturating_i64(self) -> i64;
    /// Returns the number as `usize`.
    fn saturating_usize(self) -> usize;
    /// Returns the number as `u32`.
    fn saturating_u32(self) -> u32;
    /// Returns the number as `i32`.
    fn saturating_i32(self) -> i32;
}

impl Saturating for f64 {
    #[inline]
    fn saturating_u64(self) -> u64 {
        self as u64
    }

    #[inline]
    fn saturating_i64(self) -> i64 {
        self as i64
    }

    #[inline]
    fn saturating_usize(self) -> usize {
        self as usize
    }

    #[inline]
    fn saturating_u32(self) -> u32 {
        self as u32
    }

    #[inline]
    fn saturating_i32(self) -> i32 {
        self as i32
    }
}

/// Extraction of the low bits of an unsigned integer; the high bits are dropped.
pub trait LowBits {
    /// Returns the low 8 bits.
    fn low_u8(self) -> u8;
    /// Returns the low 16 bits.
    fn low_u16(self) -> u16;
    /// Returns the low 32 bits.
    fn low_u32(self) -> u32;
    /// Returns the low 64 bits.
    fn low_u64(self) -> u64;
}

macro_rules! low_bits {
    ($($integer:ty),+) => {
        $(impl LowBits for $integer {
            #[inline]
            fn low_u8(self) -> u8 {
                self as u8
            }

            #[inline]
            fn low_u16(self) -> u16 {
                self as u16
            }

            #[inline]
            fn low_u32(self) -> u32 {
                self as u32
            }

            #[inline]
            fn low_u64(self) -> u64 {
                self as u64
            }
        })+
    };
}

low_bits!(u32, u64, u128, usize);

/// Conversion of an index or a length that fits the other type; debug builds assert it.
pub trait Index: Copy {
    /// Returns the index as `usize`.
    fn to_index(self) -> usize;
    /// Returns the index as `u32`.
    fn index_u32(self) -> u32;
    /// Returns the index as `i32`.
    fn index_i32(self) -> i32;
    /// Returns the index as `i64`.
    fn index_i64(self) -> i64;
}

macro_rules! index {
    ($($integer:ty),+) => {
        $(impl Index for $integer {
            #[inline]
            fn to_index(self) -> usize {
                debug_assert!(usize::try_from(self).is_ok(), "{self} is no index");
                self as usize
            }

            #[inline]
            fn index_u32(self) -> u32 {
                debug_assert!(u32::try_from(self).is_ok(), "{self} does not fit 32 bits");
                self as u32
            }

            #[inline]
            fn index_i32(self) -> i32 {
                debug_assert!(i32::try_from(self).is_ok(), "{self} does not fit 31 bits");
                self as i32
            }

            #[inline]
            fn index_i64(self) -> i64 {
                debug_assert!(i64::try_from(self).is_ok(), "{self} does not fit 63 bits");
                self as i64
            }
        })+
    };
}

index!(u32, u64, i64, i32, u128, usize);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nearest_f64_above_2_to_the_53_rounds() {
        assert_eq!((u64::MAX).nearest_f64(), 18_446_744_073_709_551_616.0);
        assert_eq!((-7_i64).nearest_f64(), -7.0);
    }

    #[test]
    fn saturating_outside_the_range_gives_the_nearest_end() {
        assert_eq!((-0.5).saturating_u64(), 0);
        assert_eq!(1e300.saturating_u64(), u64::MAX);
        assert_eq!(f64::NAN.saturating_i64(), 0);
        assert_eq!((-1e300).saturating_i32(), i32::MIN);
        assert_eq!(1e300.saturating_u32(), u32::MAX);
        assert_eq!(2.9.saturating_usize(), 2);
    }

    #[test]
    fn low_bits_of_a_wide_number_drop_the_rest() {
        let wide = 0x0123_4567_89AB_CDEF_u64;
        assert_eq!(wide.low_u8(), 0xEF);
        assert_eq!(wide.low_u16(), 0xCDEF);
        assert_eq!(wide.low_u32(), 0x89AB_CDEF);
        assert_eq!((u128::from(wide) << 64 | 5).low_u64(), 5);
    }

    #[test]
    #[cfg(debug_assertions)]
    #[should_panic(expected = "4294967296 does not fit 32 bits")]
    fn index_u32_too_large_panics_in_debug_builds() {
        let _ = (1_u64 << 32).index_u32();
    }
}
