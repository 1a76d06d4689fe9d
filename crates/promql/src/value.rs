//! Answers of queries.

use rehearsal_metrics::Labels;

/// The answer of an instant query.
#[derive(Clone, Debug, PartialEq)]
pub enum QueryValue {
    /// A number.
    Scalar(f64),
    /// A text.
    String(String),
    /// One value for each of some series; sorted by labels, unless the query sorts.
    Vector(Vec<InstantSample>),
    /// The samples of a range selector.
    Matrix(Matrix),
}

/// The value of a series at an instant.
#[derive(Clone, Debug, PartialEq)]
pub struct InstantSample {
    /// All labels; the name is the label `__name__`.
    pub labels: Labels,
    /// Value at the instant.
    pub value: f64,
}

/// The answer of a range query.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Matrix {
    /// Sorted by labels.
    pub series: Vec<RangeSeries>,
}

/// The values of a series at some instants.
#[derive(Clone, Debug, PartialEq)]
pub struct RangeSeries {
    /// All labels; the name is the label `__name__`.
    pub labels: Labels,
    /// Times, ms since 1970, rising, and values; instants without a value are left out.
    pub points: Vec<(i64, f64)>,
}
