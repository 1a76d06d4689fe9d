//! Selectors of a query, for checks against known series.

use promql_parser::label::{METRIC_NAME, MatchOp, Matcher};
use promql_parser::parser::VectorSelector;

use crate::parse::syntax::find_word;

/// Selector with its position.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SelectorInfo<'q> {
    /// Metric name, if it is given literally.
    pub name: Option<&'q str>,
    /// Byte offset of the selector or its name.
    pub offset: usize,
    /// Matchers of labels other than the name.
    pub labels: Vec<MatchedLabel<'q>>,
}

/// Label matcher.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MatchedLabel<'q> {
    /// Name of the label.
    pub name: &'q str,
    /// Value to match or not to match; a regular expression if `is_pattern`.
    pub value: &'q str,
    /// Whether the operator is `=~` or `!~`.
    pub is_pattern: bool,
    /// Byte offset of the matcher.
    pub offset: usize,
}

impl<'q> SelectorInfo<'q> {
    /// Finds a selector in the text of its query, at or after `from`.
    pub(crate) fn find(selector: &'q VectorSelector, text: &str, from: usize) -> Self {
        let of_name = |matcher: &&'q Matcher| matcher.name == METRIC_NAME;
        let is_given = |matcher: &&'q Matcher| matches!(matcher.op, MatchOp::Equal);
        let mut names = matchers(selector).filter(of_name).filter(is_given);
        let given = names.next().map(|matcher| matcher.value.as_str());
        let name = selector.name.as_deref().or(given);
        let found = name.and_then(|name| find_word(text, name, from));
        let offset = found.unwrap_or(from);
        let mut next = offset;
        let others = matchers(selector).filter(|matcher| matcher.name != METRIC_NAME);
        let labels = others.map(|matcher| {
            next = find_word(text, &matcher.name, next).unwrap_or(next);
            MatchedLabel {
                name: &matcher.name,
                value: &matcher.value,
                is_pattern: matches!(matcher.op, MatchOp::Re(_) | MatchOp::NotRe(_)),
                offset: next,
            }
        });
        Self {
            name,
            offset,
            labels: labels.collect(),
        }
    }
}

/// All matchers of all alternatives.
fn matchers(selector: &VectorSelector) -> impl Iterator<Item = &Matcher> {
    let matchers = &selector.matchers;
    let alternatives = matchers.or_matchers.iter().flatten();
    matchers.matchers.iter().chain(alternatives)
}
