//! Numbers in words, for the texts of violations.

use std::fmt::Display;

use crate::model::{DeltaCounts, Mode};

/// Formats numbers with their names: `3 completed, 1 failed`.
pub(crate) fn numbers<const N: usize>(values: [impl Display; N], names: [&str; N]) -> String {
    let words: Vec<String> = values
        .iter()
        .zip(names)
        .map(|(value, name)| format!("{value} {name}"))
        .collect();
    words.join(", ")
}

/// Formats a change of findings: `2 new findings (0 critical, 2 high, 0 medium, 0 low), 0 KEV
/// hits`.
pub(crate) fn findings(counts: &DeltaCounts) -> String {
    let severities = numbers(
        [
            counts.new_criticals,
            counts.new_high,
            counts.new_medium,
            counts.new_low,
        ],
        ["critical", "high", "medium", "low"],
    );
    format!(
        "{} new findings ({severities}), {} KEV hits",
        counts.new_findings, counts.kev_hits
    )
}

/// Formats changes of the active-run counts: `-1 analysisOnly, +0 contentRefresh`.
pub(crate) fn active_changes(changes: [i64; 2]) -> String {
    numbers(
        changes.map(|change| format!("{change:+}")),
        Mode::ALL.map(Mode::as_str),
    )
}
