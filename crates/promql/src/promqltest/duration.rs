//! Durations of a test script.

use promql_parser::util::parse_duration;
use rehearsal_convert::Saturating;

/// A duration like `5m`, or seconds; it may be negative.
pub(super) fn duration_ms(text: &str) -> Result<i64, String> {
    let (sign, digits) = match text.strip_prefix('-') {
        Some(digits) => (-1, digits),
        None => (1, text),
    };
    if let Ok(seconds) = digits.parse::<f64>() {
        return Ok(sign * (seconds * 1_000.0).round().saturating_i64());
    }
    // The parser knows no duration of nothing.
    if digits.starts_with('0') && digits.chars().all(|c| "0smhdwy".contains(c)) {
        return Ok(0);
    }
    let duration = parse_duration(digits).map_err(|_| format!("`{text}` is no duration"))?;
    let ms = i64::try_from(duration.as_millis()).map_err(|_| format!("`{text}` is too long"))?;
    Ok(sign * ms)
}
