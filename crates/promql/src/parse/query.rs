//! A query: parsed, and checked to be one that can be evaluated.

use std::borrow::Cow;

use promql_parser::parser::value::ValueType;
use promql_parser::parser::{self, Expr};

use crate::error::QueryError;
use crate::parse::check;
use crate::parse::duration::{self, DurationContext, ExpandedQuery};
use crate::parse::selector_info::SelectorInfo;
use crate::parse::semantics::Semantics;
use crate::parse::syntax;

/// A longer text is refused.
const LENGTH_MAX: usize = 10_000;

/// An expression of `PromQL`.
#[derive(Clone, Debug)]
pub struct Query {
    text: String,
    semantics: Semantics,
    expression: Expr,
    /// Whether a duration depends on the step or the range of the evaluation.
    varies: bool,
}

/// Kind of a query's answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AnswerKind {
    /// A number.
    Scalar,
    /// A value for each of some series.
    Vector,
    /// Samples of ranges.
    Ranges,
    /// String literal.
    Text,
}

impl Query {
    /// Parses and checks a text.
    ///
    /// # Errors
    ///
    /// If it is no `PromQL`, or asks for something that isn't supported.
    pub fn parse(text: &str, semantics: Semantics) -> Result<Self, QueryError> {
        crate::parse::functions::register_functions();
        if text.len() > LENGTH_MAX {
            let message = format!("a query may have {LENGTH_MAX} bytes at most");
            return Err(QueryError::whole(message));
        }
        // What a duration depends on is known when the query is evaluated; here it is only parsed.
        let setting = DurationContext {
            step: 1.0,
            range: 1.0,
            is_known: false,
        };
        let (expression, varies) = parse(text, semantics, setting)?;
        check::check(&expression, text, semantics)?;
        Ok(Self {
            text: text.to_owned(),
            semantics,
            expression,
            varies,
        })
    }

    /// Returns the text of the query.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// Whose rules it follows.
    pub fn semantics(&self) -> Semantics {
        self.semantics
    }

    /// The names of the metrics that it selects, each once, in the order of the text.
    pub fn metric_names(&self) -> Vec<&str> {
        let mut names = Vec::new();
        for name in self.selectors().iter().filter_map(|selected| selected.name) {
            if !names.contains(&name) {
                names.push(name);
            }
        }
        names
    }

    /// Its selectors, in the order of the text.
    pub fn selectors(&self) -> Vec<SelectorInfo<'_>> {
        let mut found: Vec<SelectorInfo<'_>> = Vec::new();
        check::each_selector(&self.expression, &mut |selector| {
            let from = found.last().map_or(0, |last| last.offset + 1);
            found.push(SelectorInfo::find(selector, &self.text, from));
        });
        found
    }

    /// Returns the kind of the answer.
    pub fn answers(&self) -> AnswerKind {
        match self.expression.value_type() {
            ValueType::Scalar => AnswerKind::Scalar,
            ValueType::Vector => AnswerKind::Vector,
            ValueType::Matrix => AnswerKind::Ranges,
            ValueType::String => AnswerKind::Text,
        }
    }

    /// A part of this query as a query of its own, with the text of the whole.
    pub(crate) fn part(&self, expression: Expr) -> Self {
        Self {
            text: self.text.clone(),
            semantics: self.semantics,
            expression,
            varies: false,
        }
    }

    pub(crate) fn expression(&self) -> &Expr {
        &self.expression
    }

    /// Whether a duration depends on the step or the range of the evaluation.
    pub(crate) fn varies(&self) -> bool {
        self.varies
    }

    /// The expression with the durations that it has in an evaluation, unless they are always the
    /// same.
    ///
    /// # Errors
    ///
    /// If a duration isn't positive then.
    pub(crate) fn expression_in(
        &self,
        setting: DurationContext,
    ) -> Result<Cow<'_, Expr>, QueryError> {
        match self.varies {
            false => Ok(Cow::Borrowed(&self.expression)),
            true => {
                let (expression, _) = parse(&self.text, self.semantics, setting)?;
                Ok(Cow::Owned(expression))
            }
        }
    }
}

/// Parses a text, and says whether a duration in it depends on the setting.
fn parse(
    text: &str,
    semantics: Semantics,
    setting: DurationContext,
) -> Result<(Expr, bool), QueryError> {
    let expanded = match semantics.is_experimental() {
        true => duration::expand(text, setting)?,
        false => ExpandedQuery {
            text: text.to_owned(),
            varies: false,
        },
    };
    let parsed = parser::parse(&expanded.text);
    let expression = parsed.map_err(|message| syntax::explain(text, &message, semantics))?;
    Ok((expression, expanded.varies))
}
