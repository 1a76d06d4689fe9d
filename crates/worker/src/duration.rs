//! Durations in text form: `90s`, `7d`, `1h30m`.

use std::borrow::Cow;
use std::fmt;
use std::str::FromStr;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

use rehearsal_convert::Nearest;

/// Units with their nanoseconds, longest first.
const UNITS: [(&str, u64); 8] = [
    ("w", 604_800_000_000_000),
    ("d", 86_400_000_000_000),
    ("h", 3_600_000_000_000),
    ("m", 60_000_000_000),
    ("s", 1_000_000_000),
    ("ms", 1_000_000),
    ("us", 1_000),
    ("ns", 1),
];

/// Maximum duration in nanoseconds: a hundred years.
const MAX_DURATION_NS: u64 = 36_525 * 86_400_000_000_000;

/// A duration that is written as whole numbers with units: `90s`, `1h30m`, `250ms`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Duration {
    nanoseconds: u64,
}

impl Duration {
    /// Duration of zero.
    pub const ZERO: Self = Self::from_nanos(0);

    /// Creates a duration of `nanoseconds`.
    pub const fn from_nanos(nanoseconds: u64) -> Self {
        Self { nanoseconds }
    }

    /// Creates a duration of `milliseconds`.
    pub const fn from_millis(milliseconds: u64) -> Self {
        Self::from_nanos(milliseconds * 1_000_000)
    }

    /// Creates a duration of `seconds`.
    pub const fn from_secs(seconds: u64) -> Self {
        Self::from_millis(seconds * 1_000)
    }

    /// Creates a duration of `minutes`.
    pub const fn from_minutes(minutes: u64) -> Self {
        Self::from_secs(minutes * 60)
    }

    /// Creates a duration of `hours`.
    pub const fn from_hours(hours: u64) -> Self {
        Self::from_minutes(hours * 60)
    }

    /// Returns the duration in nanoseconds.
    pub const fn as_nanos(self) -> u64 {
        self.nanoseconds
    }

    /// Returns the duration in seconds.
    pub fn as_secs_f64(self) -> f64 {
        self.nanoseconds.nearest_f64() / 1e9
    }

    /// Converts the duration to the standard library's type.
    pub const fn std(self) -> std::time::Duration {
        std::time::Duration::from_nanos(self.nanoseconds)
    }

    /// Returns whether the duration is zero.
    pub const fn is_zero(self) -> bool {
        self.nanoseconds == 0
    }
}

/// Error of a text that is no duration.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DurationError {
    /// Reason, as the end of a sentence about the text.
    pub reason: String,
    /// Text to write instead.
    pub remedy: Option<String>,
}

impl DurationError {
    fn new(reason: impl Into<String>, remedy: impl Into<String>) -> Self {
        Self {
            reason: reason.into(),
            remedy: Some(remedy.into()),
        }
    }

    fn too_long() -> Self {
        Self {
            reason: "longer than a hundred years".into(),
            remedy: None,
        }
    }
}

impl fmt::Display for DurationError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.reason)
    }
}

impl std::error::Error for DurationError {}

impl FromStr for Duration {
    type Err = DurationError;

    fn from_str(text: &str) -> Result<Self, DurationError> {
        let mut rest = text;
        let mut nanoseconds = 0_u64;
        let mut unit_index_next = 0;
        while !rest.is_empty() || unit_index_next == 0 {
            let (number, after) = split_at(rest, |c| !c.is_ascii_digit());
            let (unit, after) = split_at(after, |c| c.is_ascii_digit());
            rest = after;
            let index = find_unit(text, number, unit)?;
            if index < unit_index_next {
                let reason = "units go from long to short, each once";
                return Err(DurationError::new(
                    reason,
                    "the order is w d h m s ms us ns",
                ));
            }
            unit_index_next = index + 1;
            let number: u64 = number.parse().map_err(|_| DurationError::too_long())?;
            nanoseconds = number
                .checked_mul(UNITS[index].1)
                .and_then(|part| nanoseconds.checked_add(part))
                .filter(|total| *total <= MAX_DURATION_NS)
                .ok_or_else(DurationError::too_long)?;
        }
        Ok(Self::from_nanos(nanoseconds))
    }
}

fn split_at(text: &str, boundary: impl Fn(char) -> bool) -> (&str, &str) {
    text.split_at(text.find(boundary).unwrap_or(text.len()))
}

/// Returns the index of a unit that follows a number.
fn find_unit(text: &str, number: &str, unit: &str) -> Result<usize, DurationError> {
    if unit.contains(['.', ',']) {
        let remedy = "write a smaller unit: `1500ms`, not `1.5s`";
        return Err(DurationError::new("fractions are not known", remedy));
    }
    if number.is_empty() {
        let remedy = "write whole numbers with units, like `90s` or `1h30m`";
        return Err(DurationError::new(
            "a number must come before each unit",
            remedy,
        ));
    }
    if unit.is_empty() {
        return Err(DurationError::new(
            "the unit is missing",
            format!("did you mean `{text}s`?"),
        ));
    }
    UNITS
        .iter()
        .position(|(name, _)| *name == unit)
        .ok_or_else(|| {
            let remedy = match meant_unit(unit.trim()) {
                Some(meant) => format!("did you mean `{number}{meant}`?"),
                None => "the units are w d h m s ms us ns".into(),
            };
            DurationError::new(format!("`{}` is no unit", unit.trim()), remedy)
        })
}

fn meant_unit(word: &str) -> Option<&'static str> {
    match word.to_lowercase().as_str() {
        "w" | "week" | "weeks" => Some("w"),
        "d" | "day" | "days" => Some("d"),
        "h" | "hr" | "hrs" | "hour" | "hours" => Some("h"),
        "m" | "min" | "mins" | "minute" | "minutes" => Some("m"),
        "s" | "sec" | "secs" | "second" | "seconds" => Some("s"),
        "msec" | "millis" | "millisecond" | "milliseconds" => Some("ms"),
        "µs" | "μs" | "usec" | "micros" | "microsecond" | "microseconds" => Some("us"),
        "nsec" | "nanos" | "nanosecond" | "nanoseconds" => Some("ns"),
        _ => None,
    }
}

impl fmt::Display for Duration {
    /// Writes the shortest form that parses to the same duration. Days are the longest unit.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.nanoseconds == 0 {
            return formatter.write_str("0s");
        }
        let mut rest = self.nanoseconds;
        for (name, size) in &UNITS[1..] {
            if rest >= *size {
                write!(formatter, "{}{name}", rest / size)?;
                rest %= size;
            }
        }
        Ok(())
    }
}

impl Serialize for Duration {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Duration {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?
            .parse()
            .map_err(de::Error::custom)
    }
}

impl JsonSchema for Duration {
    fn schema_name() -> Cow<'static, str> {
        "duration-text".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        // One optional group for each unit, as in `1h30m`.
        let groups = UNITS.map(|(unit, _)| ["([0-9]+", unit, ")?"].concat());
        let pattern = groups.concat();
        json_schema!({ "type": "string", "format": "duration-text",
            "minLength": 1, "pattern": format!("^{pattern}$"),
            "description": "A duration: whole numbers with units, long to short \
                (w d h m s ms us ns), like `90s` or `1h30m`." })
    }
}

impl From<std::time::Duration> for Duration {
    fn from(duration: std::time::Duration) -> Self {
        Self::from_nanos(crate::model::time::nanos_of(duration))
    }
}

/// Serde adapter for a standard duration in text form: `#[serde(with = "duration::text")]`.
pub mod text {
    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    use super::Duration;

    /// Serializes a duration as text.
    pub fn serialize<S: Serializer>(
        duration: &std::time::Duration,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        Duration::from(*duration).serialize(serializer)
    }

    /// Deserializes a duration from text.
    pub fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<std::time::Duration, D::Error> {
        Duration::deserialize(deserializer).map(Duration::std)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn duration_text_round_trips() {
        for text in ["0s", "90s", "1h30m", "1w", "250ms", "1d2h3m4s5ms6us7ns"] {
            let duration: Duration = text.parse().unwrap();
            assert_eq!(duration.to_string().parse(), Ok(duration), "{text}");
        }
        assert_eq!("90s".parse::<Duration>().unwrap().to_string(), "1m30s");
        assert_eq!(
            "2w".parse::<Duration>().unwrap(),
            Duration::from_hours(14 * 24)
        );
    }

    #[test]
    fn invalid_duration_is_refused_with_a_remedy() {
        for (text, remedy) in [
            ("90", "did you mean `90s`?"),
            ("3 days", "did you mean `3d`?"),
            ("1.5s", "write a smaller unit: `1500ms`, not `1.5s`"),
            ("30m1h", "the order is w d h m s ms us ns"),
            (
                "soon",
                "write whole numbers with units, like `90s` or `1h30m`",
            ),
            ("", "write whole numbers with units, like `90s` or `1h30m`"),
        ] {
            let error = text.parse::<Duration>().unwrap_err();
            assert_eq!(error.remedy.as_deref(), Some(remedy), "{text}");
        }
        for text in ["40000d", "99999999999999999999s", "36525d1ns"] {
            assert!(text.parse::<Duration>().is_err(), "{text}");
        }
    }
}
