//! Numbers as bytes of an exposition: shortest form, the same on every machine.

use rehearsal_convert::{Nearest, Saturating};
use std::io::Write;

/// Appends an unsigned integer.
pub(crate) fn push_u64(to: &mut Vec<u8>, mut value: u64) {
    let mut digits = [0; 20];
    let mut start = digits.len();
    loop {
        start -= 1;
        digits[start] = b'0' + (value % 10) as u8;
        value /= 10;
        if value == 0 {
            return to.extend_from_slice(&digits[start..]);
        }
    }
}

/// Appends a signed integer.
pub(crate) fn push_i64(to: &mut Vec<u8>, value: i64) {
    if value < 0 {
        to.push(b'-');
    }
    push_u64(to, value.unsigned_abs());
}

/// Integers up to here are exact in an f64.
const EXACT_MAX: f64 = 9_007_199_254_740_992.0;

/// Appends a number: integers without a point, everything else in the fewest digits that read
/// back the same.
pub(crate) fn push_f64(to: &mut Vec<u8>, value: f64) {
    let integer = value.saturating_i64();
    // Compared as bits, so that −0 and every fraction go the long way.
    if value.abs() < EXACT_MAX && integer.nearest_f64().to_bits() == value.to_bits() {
        return push_i64(to, integer);
    }
    if value.is_nan() {
        to.extend_from_slice(b"NaN");
    } else if value.is_infinite() {
        to.extend_from_slice(if value > 0.0 { b"+Inf" } else { b"-Inf" });
    } else {
        write!(to, "{value:?}").expect("a vector takes everything");
    }
}

/// Appends a number in OpenMetrics' canonical form, in which integers carry `.0`.
pub(crate) fn push_canonical(to: &mut Vec<u8>, value: f64) {
    let start = to.len();
    push_f64(to, value);
    if value.is_finite() && !to[start..].iter().any(|byte| matches!(byte, b'.' | b'e')) {
        to.extend_from_slice(b".0");
    }
}

/// A number as [`push_f64`] writes it.
pub(crate) fn text_of(value: f64) -> String {
    let mut text = Vec::new();
    push_f64(&mut text, value);
    String::from_utf8(text).expect("digits are ASCII")
}
