//! A query: parsed, and checked to be one that can be evaluated.

use promql_parser::parser::value::ValueType;
use promql_parser::parser::{self, Expr};

use super::check;
use super::error::QueryError;
use super::semantics::Semantics;
use super::syntax;

/// A longer text is refused.
const LENGTH_MAX: usize = 10_000;

/// An expression of `PromQL`.
#[derive(Clone, Debug)]
pub struct Query {
    text: String,
    semantics: Semantics,
    expression: Expr,
}

/// A selector of a query.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Selected<'q> {
    /// The name, if it is given outright.
    pub name: Option<&'q str>,
    /// Conditions on labels other than the name: the label, the text of the condition, and whether
    /// the label must be that very text.
    pub labels: Vec<(&'q str, &'q str, bool)>,
}

impl Query {
    /// Parses and checks a text.
    ///
    /// # Errors
    ///
    /// If it is no `PromQL`, or asks for something that isn't supported.
    pub fn parse(text: &str, semantics: Semantics) -> Result<Self, QueryError> {
        check::register_functions();
        if text.len() > LENGTH_MAX {
            let message = format!("a query may have {LENGTH_MAX} bytes at most");
            return Err(QueryError::new(0, message));
        }
        let parsed = parser::parse(text);
        let expression = parsed.map_err(|message| syntax::explain(text, &message, semantics))?;
        check::check(&expression, text, semantics)?;
        Ok(Self {
            text: text.to_owned(),
            semantics,
            expression,
        })
    }

    /// What was parsed.
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
    pub fn selectors(&self) -> Vec<Selected<'_>> {
        let mut found = Vec::new();
        check::each_selector(&self.expression, &mut |selector| {
            found.push(Selected::of(selector));
        });
        found
    }

    pub(super) fn expression(&self) -> &Expr {
        &self.expression
    }

    pub(super) fn value_type(&self) -> ValueType {
        self.expression.value_type()
    }
}
