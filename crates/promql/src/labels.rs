//! Labels in the notation of Prometheus.

use rehearsal_metrics::Labels;

/// Formats labels as `{a="b", c="d"}`.
pub(crate) fn display(labels: &Labels) -> String {
    let pairs: Vec<String> = labels
        .iter()
        .map(|(name, value)| format!("{name}={value:?}"))
        .collect();
    format!("{{{}}}", pairs.join(", "))
}
