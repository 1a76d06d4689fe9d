//! How Prometheus writes labels.

use std::fmt::Write as _;

use promql_parser::label::METRIC_NAME;

use crate::metrics::Labels;

/// The labels as Prometheus writes them: `name{label="value", ..}`.
pub(super) fn display(labels: &Labels) -> String {
    let mut text = labels.get(METRIC_NAME).unwrap_or_default().to_owned();
    let others = labels.iter().filter(|(name, _)| *name != METRIC_NAME);
    let others: Vec<String> = others
        .map(|(name, value)| format!("{name}={value:?}"))
        .collect();
    if !others.is_empty() || text.is_empty() {
        let _ = write!(text, "{{{}}}", others.join(", "));
    }
    text
}
