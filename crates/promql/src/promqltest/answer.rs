//! Comparison of results with expectations.

use super::series::{SeriesLine, SeriesPoint};
use crate::labels::display;
use crate::value::{InstantSample, Matrix};
use rehearsal_convert::Index;
use rehearsal_metrics::Labels;

/// Maximum relative difference of equal values, as in Prometheus's own runner.
const TOLERANCE: f64 = 1e-6;

/// Result of an eval.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum EvalOutcome {
    Passed,
    Failed(String),
    Unsupported(String),
}

impl SeriesLine {
    /// Series without labels and with a constant value.
    pub(super) fn constant(value: f64) -> Self {
        Self {
            labels: Labels::none(),
            points: vec![SeriesPoint::Value(value)],
        }
    }

    /// Values with their times, ms since 1970.
    fn at(&self, (start_ms, step_ms): (i64, i64)) -> Vec<(i64, f64)> {
        let points = self.points.iter().enumerate();
        let values = points.filter_map(|(index, point)| match point {
            SeriesPoint::Value(value) => Some((start_ms + index.index_i64() * step_ms, *value)),
            _ => None,
        });
        values.collect()
    }
}

/// Whether two values are equal within the tolerance.
fn is_close(a: f64, b: f64) -> bool {
    if a == b || (a.is_nan() && b.is_nan()) {
        return true;
    }
    let difference = (a - b).abs();
    if a == 0.0 || b == 0.0 || a.abs() + b.abs() < f64::MIN_POSITIVE {
        return difference < TOLERANCE * f64::MIN_POSITIVE;
    }
    difference / (a.abs() + b.abs()).min(f64::MAX) < TOLERANCE
}

pub(super) fn compare_scalar(value: f64, expected: f64) -> Result<(), String> {
    match is_close(value, expected) {
        true => Ok(()),
        false => Err(format!("{expected} expected, found {value}")),
    }
}

pub(super) fn compare_vector(
    vector: &[InstantSample],
    expected: &[SeriesLine],
    ordered: bool,
) -> Result<(), String> {
    let found = || {
        let all = vector
            .iter()
            .map(|sample| format!("{} {}", display(&sample.labels), sample.value));
        all.collect::<Vec<_>>().join(", ")
    };
    if vector.len() != expected.len() {
        let count = expected.len();
        return Err(format!("{count} elements expected, found [{}]", found()));
    }
    for (place, line) in expected.iter().enumerate() {
        let sample = match ordered {
            true => vector
                .get(place)
                .filter(|sample| sample.labels == line.labels),
            false => vector.iter().find(|sample| sample.labels == line.labels),
        };
        let labels = display(&line.labels);
        let Some(sample) = sample else {
            return Err(format!("{labels} expected, found [{}]", found()));
        };
        let [SeriesPoint::Value(value)] = line.points[..] else {
            return Err(format!(
                "{labels} is expected with something else than one value"
            ));
        };
        compare_scalar(sample.value, value).map_err(|reason| format!("{labels}: {reason}"))?;
    }
    Ok(())
}

pub(super) fn compare_matrix(
    matrix: &Matrix,
    expected: &[SeriesLine],
    at_ms: Option<(i64, i64)>,
) -> Result<(), String> {
    let at_ms = at_ms.unwrap_or((0, 1));
    let expected: Vec<(&Labels, Vec<(i64, f64)>)> = expected
        .iter()
        .map(|line| (&line.labels, line.at(at_ms)))
        .filter(|(_, points)| !points.is_empty())
        .collect();
    let found = || {
        let all = matrix.series.iter();
        let all = all.map(|series| format!("{} {:?}", display(&series.labels), series.points));
        all.collect::<Vec<_>>().join(", ")
    };
    if matrix.series.len() != expected.len() {
        return Err(format!(
            "{} series expected, found [{}]",
            expected.len(),
            found()
        ));
    }
    for (labels, points) in expected {
        let Some(series) = matrix.series.iter().find(|series| series.labels == *labels) else {
            return Err(format!("{} expected, found [{}]", display(labels), found()));
        };
        let pairs = series.points.iter().zip(&points);
        let is_equal = |((at, value), (expected_at, expected)): (&(i64, f64), &(i64, f64))| {
            at == expected_at && is_close(*value, *expected)
        };
        if series.points.len() != points.len() || !pairs.into_iter().all(is_equal) {
            let labels = display(labels);
            return Err(format!(
                "{labels}: {points:?} expected, found {:?}",
                series.points
            ));
        }
    }
    Ok(())
}
