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

/// Exponents of ten of the numbers that the canonical form writes without an exponent.
const PLAIN_EXPONENTS: std::ops::Range<i32> = -4..6;

/// Appends a number in OpenMetrics' canonical form: integers carry `.0`, and very large and very
/// small numbers an exponent of at least two digits, as in `1e+06`.
pub(crate) fn push_canonical(to: &mut Vec<u8>, value: f64) {
    if !value.is_finite() {
        return push_f64(to, value);
    }
    let scientific = format!("{value:e}");
    let (digits, exponent) = scientific.split_once('e').expect("the format has an `e`");
    let exponent: i32 = exponent.parse().expect("an exponent is an integer");
    let written = if PLAIN_EXPONENTS.contains(&exponent) {
        write!(to, "{value:?}")
    } else {
        write!(to, "{digits}e{exponent:+03}")
    };
    written.expect("a vector takes everything");
}

/// Value of the label `le` under which Prometheus stores the bucket of a bound.
///
/// Prometheus 3 brings each bound into OpenMetrics' canonical form, whatever the page says.
/// Prometheus 2 keeps the text of the page; by default it asks for an OpenMetrics page, which has
/// the same form.
///
/// ```
/// use rehearsal_metrics::stored_bound;
///
/// let stored = [0.5, 1.0, 120.0, 1e6, 1e-5, f64::INFINITY].map(stored_bound);
/// assert_eq!(stored, ["0.5", "1.0", "120.0", "1e+06", "1e-05", "+Inf"]);
/// ```
pub fn stored_bound(bound: f64) -> String {
    let mut text = Vec::new();
    push_canonical(&mut text, bound);
    // Digits, signs and letters are ASCII.
    String::from_utf8(text).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn canonical_numbers_are_those_of_prometheus() {
        for (value, expected) in [
            (0.0, "0.0"),
            (-1.0, "-1.0"),
            (0.0001, "0.0001"),
            (0.000_012, "1.2e-05"),
            (100_000.0, "100000.0"),
            (999_999.5, "999999.5"),
            (1_234_567.0, "1.234567e+06"),
            (1e100, "1e+100"),
            (f64::NEG_INFINITY, "-Inf"),
            (f64::NAN, "NaN"),
        ] {
            assert_eq!(stored_bound(value), expected);
        }
    }
}
