//! Expectations as text: a comparison in a subset of `PromQL`.
//!
//! ```text
//! comparison = expression operator number
//! expression = series
//!            | aggregation [ "by" "(" label, .. ")" ] "(" expression ")"
//!            | "quantile" [ by ] "(" number "," expression ")"
//!            | "histogram_quantile" "(" number "," expression ")"
//! series     = name [ "{" label ("=" | "!=") "value", .. "}" ]
//! ```
//!
//! Every text that parses here means the same in full `PromQL`, with one convenience on top:
//! `histogram_quantile` takes a histogram by its plain name, as it does a native one there.

mod parser;

use std::fmt;

/// A comparison of series with a number.
#[derive(Clone, Debug, PartialEq)]
pub struct Comparison {
    /// What is compared: a vector of values.
    pub expression: Expression,
    /// How each of its values must stand to the number.
    pub operator: Operator,
    /// The number.
    pub threshold: f64,
}

/// Something that has a vector of values at every instant.
#[derive(Clone, Debug, PartialEq)]
pub enum Expression {
    /// Series as they were scraped.
    Series(Series),
    /// Values put together.
    Aggregate {
        /// How.
        function: Aggregation,
        /// One value for each set of values of these labels; none: one value for all.
        by: Vec<String>,
        /// Of what.
        of: Box<Expression>,
    },
    /// A quantile, estimated from the buckets of histograms.
    HistogramQuantile {
        /// Which, from 0 to 1.
        quantile: f64,
        /// Of what.
        of: Box<Expression>,
    },
}

/// Series by name and labels.
#[derive(Clone, Debug, PartialEq)]
pub struct Series {
    /// The instrument, or one of a histogram's `_bucket`, `_sum` and `_count`.
    pub name: String,
    /// What the labels must be; all of it.
    pub matchers: Vec<Matcher>,
    /// Where in the text the name begins.
    pub offset: usize,
}

/// What a label must be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Matcher {
    /// The label.
    pub label: String,
    /// The value; an absent label has the empty one.
    pub value: String,
    /// Whether the label must have the value, or must not.
    pub equal: bool,
    /// Where in the text the label begins.
    pub offset: usize,
}

/// How values are put together.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Aggregation {
    /// Their sum.
    Sum,
    /// The least.
    Min,
    /// The greatest.
    Max,
    /// Their mean.
    Avg,
    /// How many there are.
    Count,
    /// A quantile of them, from 0 to 1.
    Quantile(f64),
}

/// How a value stands to a number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Operator {
    /// `==`
    Equal,
    /// `!=`
    NotEqual,
    /// `<`
    Less,
    /// `<=`
    LessOrEqual,
    /// `>`
    Greater,
    /// `>=`
    GreaterOrEqual,
}

impl Operator {
    /// Whether the value stands so to the number.
    #[allow(
        clippy::float_cmp,
        reason = "== on numbers is what the author of the query wrote"
    )]
    pub fn holds(self, value: f64, threshold: f64) -> bool {
        match self {
            Self::Equal => value == threshold,
            Self::NotEqual => value != threshold,
            Self::Less => value < threshold,
            Self::LessOrEqual => value <= threshold,
            Self::Greater => value > threshold,
            Self::GreaterOrEqual => value >= threshold,
        }
    }
}

impl Comparison {
    /// Whether a quantile of histograms is asked for, so that the series are buckets.
    pub fn asks_quantile(&self) -> bool {
        let mut expression = &self.expression;
        loop {
            match expression {
                Expression::Series(_) => return false,
                Expression::HistogramQuantile { .. } => return true,
                Expression::Aggregate { of, .. } => expression = of,
            }
        }
    }

    /// The series at the bottom of the expression.
    pub fn series(&self) -> &Series {
        let mut expression = &self.expression;
        loop {
            match expression {
                Expression::Series(series) => return series,
                Expression::Aggregate { of, .. } | Expression::HistogramQuantile { of, .. } => {
                    expression = of;
                }
            }
        }
    }
}

/// Why a text is no query, and where.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct QueryError {
    /// The byte of the text at which it goes wrong.
    pub offset: usize,
    /// What is wrong.
    pub message: String,
    /// What to write instead.
    pub help: Option<String>,
}

impl QueryError {
    /// Something wrong at that byte.
    pub fn new(offset: usize, message: impl Into<String>) -> Self {
        Self {
            offset,
            message: message.into(),
            help: None,
        }
    }

    /// Says what to write instead.
    #[must_use]
    pub fn help(self, help: impl Into<String>) -> Self {
        self.maybe_help(Some(help.into()))
    }

    /// Says what to write instead, if anything is known.
    #[must_use]
    pub fn maybe_help(self, help: Option<String>) -> Self {
        Self { help, ..self }
    }
}

impl fmt::Display for QueryError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            formatter,
            "{} (at character {})",
            self.message,
            self.offset + 1
        )
    }
}

impl std::error::Error for QueryError {}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Result<Comparison, QueryError> {
        text.parse()
    }

    #[test]
    fn a_sum_with_a_label() {
        let query = parse(r#"sum(scheduler_runs_active{mode="analysisOnly"}) <= 5"#).unwrap();
        let matcher = Matcher {
            label: "mode".into(),
            value: "analysisOnly".into(),
            equal: true,
            offset: 26,
        };
        let series = Series {
            name: "scheduler_runs_active".into(),
            matchers: vec![matcher],
            offset: 4,
        };
        assert_eq!(
            query,
            Comparison {
                expression: Expression::Aggregate {
                    function: Aggregation::Sum,
                    by: vec![],
                    of: Box::new(Expression::Series(series)),
                },
                operator: Operator::LessOrEqual,
                threshold: 5.0,
            }
        );
    }

    #[test]
    fn what_is_a_query() {
        for text in [
            "up == 1",
            "a{} > -1.5e3",
            "a{b='c',} != 0",
            "sum by (mode, result) (a) >= 1",
            "sum by(mode)(a) >= 1",
            "quantile(0.5, a) < 1",
            "histogram_quantile(0.95, a_bucket{mode!=\"x\"}) < 1e3",
            "histogram_quantile(0.95, sum by (le) (a_bucket)) < 600",
            "  max  (  a  )  ==  0  ",
        ] {
            assert!(parse(text).is_ok(), "{text}: {:?}", parse(text));
        }
    }

    #[test]
    fn what_is_none() {
        for (text, offset) in [
            ("", 0),
            ("sum(a)", 6),
            ("sum(a) = 5", 7),
            ("sum(a) <= five", 10),
            ("sum(a <= 5", 6),
            ("summ(a) <= 5", 0),
            ("a{mode=~\"x\"} > 1", 6),
            ("a{mode=\"x} > 1", 7),
            ("a{mode=x} > 1", 7),
            ("rate(a[5m]) > 1", 0),
            ("sum(a[5m]) > 1", 5),
            ("a > 1 and b > 1", 6),
            ("quantile(1.5, a) > 1", 9),
            ("5 < a", 0),
        ] {
            let error = parse(text).unwrap_err();
            assert_eq!(error.offset, offset, "{text}: {error}");
        }
    }

    #[test]
    fn nesting_has_a_limit() {
        let text = format!("{}a{} > 1", "sum(".repeat(100), ")".repeat(100));
        assert!(parse(&text).unwrap_err().message.contains("too deep"));
    }
}
