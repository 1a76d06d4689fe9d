//! Number conversions that may lose information, each with the reason why it does not here.

/// Number of elements as `u32`. Collections of images, segments and names stay below 2³².
#[inline]
pub fn count_u32(len: usize) -> u32 {
    debug_assert!(u32::try_from(len).is_ok(), "{len} elements exceed u32");
    #[expect(clippy::cast_possible_truncation, reason = "checked above")]
    {
        len as u32
    }
}

/// `value` as `f64`, rounded to the nearest one above 2⁵³.
#[inline]
pub const fn nearest_f64(value: u64) -> f64 {
    #[expect(clippy::cast_precision_loss, reason = "rounding is the purpose")]
    {
        value as f64
    }
}

/// Integral part of `value`, which lies between 0 and 2³² − 1. NaN becomes 0.
#[inline]
pub fn integral_u32(value: f64) -> u32 {
    debug_assert!((0.0..4_294_967_296.0).contains(&value), "{value} is no u32");
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "checked above"
    )]
    {
        value as u32
    }
}
