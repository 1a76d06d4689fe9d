//! Parsed and checked queries.

use std::borrow::Cow;

use promql_parser::parser::value::ValueType;
use promql_parser::parser::{self, Expr};

use crate::error::QueryError;
use crate::parse::check;
use crate::parse::duration::{self, DurationContext, ExpandedQuery};
use crate::parse::selector_info::SelectorInfo;
use crate::parse::semantics::Semantics;
use crate::parse::syntax;

/// Maximum length of a query, bytes.
const LENGTH_MAX: usize = 10_000;

/// Parsed `PromQL` expression.
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
    /// Scalar value.
    Scalar,
    /// Instant vector.
    Vector,
    /// Range vector.
    Ranges,
    /// String literal.
    Text,
}

impl Query {
    /// Parses and checks a query.
    ///
    /// # Errors
    ///
    /// If it is not valid `PromQL`, or uses an unsupported feature.
    pub fn parse(text: &str, semantics: Semantics) -> Result<Self, QueryError> {
        crate::parse::functions::register_functions();
        if text.len() > LENGTH_MAX {
            let message = format!("a query may have {LENGTH_MAX} bytes at most");
            return Err(QueryError::whole(message));
        }
        // The context of durations is known at evaluation only; here they are only parsed.
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

    /// Semantics of the query.
    pub fn semantics(&self) -> Semantics {
        self.semantics
    }

    /// Distinct names of the selected metrics, in the order of the text.
    pub fn metric_names(&self) -> Vec<&str> {
        let mut names = Vec::new();
        for name in self.selectors().iter().filter_map(|selected| selected.name) {
            if !names.contains(&name) {
                names.push(name);
            }
        }
        names
    }

    /// Selectors in the order of the text.
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

    /// Creates a query from a part of this one, with the text of the whole.
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

    /// Expression with its durations in an evaluation, if they depend on it.
    ///
    /// # Errors
    ///
    /// If a duration is not positive there.
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

/// Parses a text and returns whether a duration in it depends on the context.
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
