//! The report as JSON.

use super::RunReport;

/// One document, or an array of them if there are several.
pub fn json(reports: &[RunReport]) -> String {
    let written = match reports {
        [report] => serde_json::to_string_pretty(report),
        _ => serde_json::to_string_pretty(reports),
    };
    // Plain data with text keys: there is nothing in it that JSON can't say.
    written.unwrap_or_default() + "\n"
}
