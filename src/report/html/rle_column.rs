//! Run-length encoded values of a series.

use rehearsal_convert::Saturating;
use serde::ser::{Serialize, SerializeSeq, Serializer};

/// Number of significant digits of a value that is not whole: more than a screen shows.
const DIGITS: usize = 6;

/// Maximum whole number that is written exactly.
const WHOLE_MAX: f64 = 1e15;

/// Values at evenly spaced instants. In JSON they are run-length encoded: `[v, n]` is `v`
/// repeated `n` times.
#[derive(Clone, Debug, PartialEq)]
pub struct RleColumn(pub Vec<Option<f64>>);

impl Serialize for RleColumn {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut list = serializer.serialize_seq(None)?;
        for run in self.0.chunk_by(|a, b| a == b) {
            let value = JsonNumber(run[0]);
            match run.len() {
                1 => list.serialize_element(&value)?,
                count => list.serialize_element(&(value, count))?,
            }
        }
        list.end()
    }
}

/// Value of a series. NaN and infinities become `null`, because JSON has no such numbers.
struct JsonNumber(Option<f64>);

impl Serialize for JsonNumber {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self.0.filter(|value| value.is_finite()) {
            None => serializer.serialize_none(),
            Some(value) if value.fract() == 0.0 && value.abs() <= WHOLE_MAX => {
                serializer.serialize_i64(value.saturating_i64())
            }
            Some(value) => {
                let rounded = format!("{value:.0$e}", DIGITS - 1).parse();
                serializer.serialize_f64(rounded.unwrap_or(value))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn column_rounds_values_and_encodes_runs() {
        let values = [
            Some(0.0),
            Some(0.0),
            Some(0.0),
            None,
            Some(1.0 / 3.0),
            Some(1_234_567.0),
            None,
            None,
        ];
        let json = serde_json::to_string(&RleColumn(values.to_vec())).unwrap();
        assert_eq!(json, "[[0,3],null,0.333333,1234567,[null,2]]");
        let odd = RleColumn(vec![Some(f64::NAN), Some(f64::INFINITY), Some(-1.5e-7)]);
        assert_eq!(serde_json::to_string(&odd).unwrap(), "[null,null,-1.5e-7]");
    }
}
