//! Answers of queries.

use rehearsal_metrics::Labels;

/// Result of an instant query.
#[derive(Clone, Debug, PartialEq)]
pub enum QueryValue {
    /// Scalar value.
    Scalar(f64),
    /// String value.
    String(String),
    /// Instant vector, sorted by labels unless the query sorts.
    Vector(Vec<InstantSample>),
    /// Samples of a range selector.
    Matrix(Matrix),
}

/// Value of a series at an instant.
#[derive(Clone, Debug, PartialEq)]
pub struct InstantSample {
    /// Labels including the name, `__name__`.
    pub labels: Labels,
    /// Value at the instant.
    pub value: f64,
}

/// Result of a range query.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Matrix {
    /// Series sorted by labels.
    pub series: Vec<RangeSeries>,
}

/// Values of a series at several instants.
#[derive(Clone, Debug, PartialEq)]
pub struct RangeSeries {
    /// Labels including the name, `__name__`.
    pub labels: Labels,
    /// Times in ms since 1970, ascending, with values; instants without a value are omitted.
    pub points: Vec<(i64, f64)>,
}
