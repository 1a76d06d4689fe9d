//! Numeric conversions that may lose precision or range, each under a name that says what is lost.
//!
//! The lints on `as` casts are on, so every lossy conversion is one of these functions. Lossless
//! ones are written with `From`.

/// Returns the `f64` nearest to a count; exact up to 2^53.
#[expect(clippy::cast_precision_loss, reason = "the nearest number is wanted")]
#[inline]
pub(crate) const fn to_f64(count: u64) -> f64 {
    count as f64
}

/// Returns the whole part of a number, saturated to `u64`; 0 for a negative number and for NaN.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "saturating is wanted"
)]
#[inline]
pub(crate) const fn saturating_u64(number: f64) -> u64 {
    number as u64
}

/// Returns the `f64` nearest to a length; exact up to 2^53.
#[expect(clippy::cast_precision_loss, reason = "the nearest number is wanted")]
#[inline]
pub(crate) const fn len_to_f64(length: usize) -> f64 {
    length as f64
}

/// Returns the whole part of a number, saturated to `i64`; 0 for NaN.
#[expect(clippy::cast_possible_truncation, reason = "saturating is wanted")]
#[inline]
pub(crate) const fn saturating_i64(number: f64) -> i64 {
    number as i64
}

/// Returns an index into memory, or a length, that is known to fit into `usize`.
#[expect(clippy::cast_possible_truncation, reason = "asserted in debug builds")]
#[inline]
pub(crate) const fn to_usize(number: u64) -> usize {
    debug_assert!(number <= usize::MAX as u64);
    number as usize
}

/// Returns a number that is known to fit into `u32`.
#[expect(clippy::cast_possible_truncation, reason = "asserted in debug builds")]
#[inline]
pub(crate) const fn to_u32(number: u64) -> u32 {
    debug_assert!(number <= u32::MAX as u64);
    number as u32
}

/// Returns the `f64` nearest to a signed number; exact up to 2^53.
#[expect(clippy::cast_precision_loss, reason = "the nearest number is wanted")]
#[inline]
pub(crate) const fn signed_to_f64(number: i64) -> f64 {
    number as f64
}

/// Returns the whole part of a number, saturated to `i32`; 0 for NaN.
#[expect(clippy::cast_possible_truncation, reason = "saturating is wanted")]
#[inline]
pub(crate) const fn saturating_i32(number: f64) -> i32 {
    number as i32
}

/// Returns a count as a signed number; counts are known to fit.
#[expect(clippy::cast_possible_wrap, reason = "asserted in debug builds")]
#[inline]
pub(crate) const fn to_i64(count: u64) -> i64 {
    debug_assert!(count <= i64::MAX as u64);
    count as i64
}

/// Returns the lower half of a number.
#[expect(clippy::cast_possible_truncation, reason = "the lower half is wanted")]
#[inline]
pub(crate) const fn low_half(number: u128) -> u64 {
    number as u64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn saturating_u64_outside_the_range_gives_the_nearest_end() {
        assert_eq!(saturating_u64(-1.0), 0);
        assert_eq!(saturating_u64(f64::NAN), 0);
        assert_eq!(saturating_u64(1.9), 1);
        assert_eq!(saturating_u64(1e30), u64::MAX);
    }
}
