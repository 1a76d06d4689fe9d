//! Helpers over parsed expressions.

use promql_parser::label::{METRIC_NAME, MatchOp, Matcher};
use promql_parser::parser::{Expr, VectorSelector};

/// Returns the expression within any parentheses.
pub(crate) fn without_parens(mut expression: &Expr) -> &Expr {
    while let Expr::Paren(paren) = expression {
        expression = &paren.expr;
    }
    expression
}

/// All conditions on the labels of a selector, with alternatives.
pub(crate) fn all_matchers(selector: &VectorSelector) -> Vec<Vec<Matcher>> {
    let name = selector
        .name
        .as_ref()
        .map(|name| Matcher::new(MatchOp::Equal, METRIC_NAME, name));
    let matchers = &selector.matchers;
    let alternatives = match matchers.or_matchers.is_empty() {
        true => vec![matchers.matchers.clone()],
        false => matchers.or_matchers.clone(),
    };
    let with_name = |all: Vec<Matcher>| name.iter().cloned().chain(all).collect();
    alternatives.into_iter().map(with_name).collect()
}
