//! Functions of `PromQL`, and the versions of Prometheus that have them.

use std::sync::Once;

use promql_parser::parser::value::ValueType;
use promql_parser::parser::{Function, register_extra_functions};

use crate::parse::semantics::Semantics;

/// The functions that are supported.
const FUNCTIONS: [&str; 85] = [
    "abs",
    "absent",
    "absent_over_time",
    "acos",
    "acosh",
    "asin",
    "asinh",
    "atan",
    "atanh",
    "avg_over_time",
    "ceil",
    "changes",
    "clamp",
    "clamp_max",
    "clamp_min",
    "cos",
    "cosh",
    "count_over_time",
    "day_of_month",
    "day_of_week",
    "day_of_year",
    "days_in_month",
    "deg",
    "delta",
    "deriv",
    "double_exponential_smoothing",
    "end",
    "exp",
    "first_over_time",
    "floor",
    "histogram_fraction",
    "histogram_quantile",
    "histogram_quantiles",
    "holt_winters",
    "hour",
    "idelta",
    "increase",
    "info",
    "irate",
    "label_join",
    "label_replace",
    "last_over_time",
    "ln",
    "log10",
    "log2",
    "mad_over_time",
    "max_of",
    "max_over_time",
    "min_of",
    "min_over_time",
    "minute",
    "month",
    "pi",
    "predict_linear",
    "present_over_time",
    "quantile_over_time",
    "rad",
    "range",
    "rate",
    "resets",
    "round",
    "scalar",
    "sgn",
    "sin",
    "sinh",
    "sort",
    "sort_by_label",
    "sort_by_label_desc",
    "sort_desc",
    "sqrt",
    "start",
    "stddev_over_time",
    "stdvar_over_time",
    "step",
    "sum_over_time",
    "tan",
    "tanh",
    "time",
    "timestamp",
    "ts_of_first_over_time",
    "ts_of_last_over_time",
    "ts_of_max_over_time",
    "ts_of_min_over_time",
    "vector",
    "year",
];

/// Functions of native histograms, and of start timestamps, which come with them.
pub(crate) const NATIVE: [&str; 6] = [
    "histogram_avg",
    "histogram_count",
    "histogram_stddev",
    "histogram_stdvar",
    "histogram_sum",
    "start_timestamp",
];

/// Functions that are behind a feature flag in Prometheus 3, and unknown to earlier ones.
const EXPERIMENTAL: [&str; 18] = [
    "double_exponential_smoothing",
    "end",
    "histogram_quantiles",
    "info",
    "integral",
    "mad_over_time",
    "max_of",
    "min_of",
    "range",
    "sort_by_label",
    "sort_by_label_desc",
    "start",
    "start_timestamp",
    "step",
    "ts_of_first_over_time",
    "ts_of_last_over_time",
    "ts_of_max_over_time",
    "ts_of_min_over_time",
];

/// Functions that came with Prometheus 3.
const LATER: [&str; 1] = ["first_over_time"];

/// Functions that only Prometheus 2 knows.
const EARLIER: [&str; 1] = ["holt_winters"];

/// Tells the parser of functions that Prometheus has had.
pub(crate) fn register_functions() {
    static REGISTERED: Once = Once::new();
    REGISTERED.call_once(|| {
        let types = vec![ValueType::Matrix, ValueType::Scalar, ValueType::Scalar];
        let smoothing = Function::new(EARLIER[0], types, 0, ValueType::Vector, false);
        // It fails only for a name that the parser has learnt itself meanwhile.
        let _ = register_extra_functions(vec![smoothing]);
    });
}

/// Whether a function is known to a version.
pub(crate) fn knows(semantics: Semantics, name: &str) -> bool {
    let is_experimental = EXPERIMENTAL.contains(&name);
    match semantics {
        Semantics::V2_42 => !is_experimental && !LATER.contains(&name),
        Semantics::V3 => !is_experimental && !EARLIER.contains(&name),
        Semantics::V3PromqlTest => !EARLIER.contains(&name),
    }
}

/// Returns the names of all functions that a version knows, but for those of native histograms.
pub fn function_names(semantics: Semantics) -> Vec<&'static str> {
    let known = |name: &&str| knows(semantics, name);
    FUNCTIONS.iter().copied().filter(known).collect()
}
