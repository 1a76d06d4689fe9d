//! A query: parsed, and checked to be one that can be evaluated.

use promql_parser::parser::value::ValueType;
use promql_parser::parser::{self, Expr};

use super::error::QueryError;
use super::semantics::Semantics;

/// A longer text is refused.
const LENGTH_MAX: usize = 10_000;

/// An expression of `PromQL`.
#[derive(Clone, Debug)]
pub struct Query {
    text: String,
    semantics: Semantics,
    expression: Expr,
}

impl Query {
    /// Parses and checks a text.
    ///
    /// # Errors
    ///
    /// If it is no `PromQL`, or asks for something that isn't supported.
    pub fn parse(text: &str, semantics: Semantics) -> Result<Self, QueryError> {
        if text.len() > LENGTH_MAX {
            let message = format!("a query may have {LENGTH_MAX} bytes at most");
            return Err(QueryError::new(0, message));
        }
        let expression = parser::parse(text).map_err(|message| QueryError::new(0, message))?;
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

    pub(super) fn expression(&self) -> &Expr {
        &self.expression
    }

    pub(super) fn value_type(&self) -> ValueType {
        self.expression.value_type()
    }
}
