//! Checks of an expression before its evaluation.

use promql_parser::parser::value::ValueType;
use promql_parser::parser::{AggregateExpr, Call, Expr, VectorSelector};

use crate::error::QueryError;
use crate::operators::order;
use crate::operators::relabel;
use crate::parse::expression::without_parens;
use crate::parse::functions::{NATIVE, knows};
use crate::parse::semantics::Semantics;
use crate::parse::syntax::offset_of;

/// Maximum nesting depth of expressions.
const DEPTH_MAX: usize = 150;

/// Refuses expressions that can't be evaluated.
pub(crate) fn check(expression: &Expr, text: &str, semantics: Semantics) -> Result<(), QueryError> {
    Checker { text, semantics }.check(expression, 0)
}

struct Checker<'t> {
    text: &'t str,
    semantics: Semantics,
}

impl Checker<'_> {
    fn check(&self, expression: &Expr, depth: usize) -> Result<(), QueryError> {
        if depth > DEPTH_MAX {
            return Err(QueryError::whole("the expression is nested too deep"));
        }
        if let Expr::Call(call) = expression {
            self.check_call(call)?;
        }
        if let Expr::Binary(binary) = expression {
            let fills = binary
                .modifier
                .as_ref()
                .map(|modifier| &modifier.fill_values);
            let fills = fills
                .is_some_and(|eval_block| eval_block.lhs.is_some() || eval_block.rhs.is_some());
            if fills && !self.semantics.is_experimental() {
                return Err(self.experimental("eval_block"));
            }
        }
        if let Expr::Aggregate(aggregate) = expression {
            self.check_aggregate(aggregate)?;
        }
        children(expression)
            .into_iter()
            .try_for_each(|child| self.check(child, depth + 1))
    }

    fn check_aggregate(&self, aggregate: &AggregateExpr) -> Result<(), QueryError> {
        let name = aggregate.op.to_string();
        let parameter = aggregate.param.as_deref();
        if matches!(name.as_str(), "limitk" | "limit_ratio") {
            if !self.semantics.is_experimental() {
                return Err(self.experimental(&name));
            }
            // The parser checks the other aggregations.
            let is_scalar = |parameter: &Expr| parameter.value_type() == ValueType::Scalar;
            if !parameter.is_some_and(is_scalar) {
                let message = format!("`{name}` takes a scalar first");
                return Err(QueryError::new(offset_of(self.text, &name), message));
            }
        }
        if let Some(label) = parameter.and_then(order::text) {
            self.check_label(label)?;
        }
        Ok(())
    }

    fn check_call(&self, call: &Call) -> Result<(), QueryError> {
        let name = call.func.name;
        let offset = offset_of(self.text, name);
        if NATIVE.contains(&name) {
            return Err(QueryError::native(offset, name));
        }
        if name == "integral" {
            return Err(QueryError::new(offset, "`integral` is not supported"));
        }
        if !knows(self.semantics, name) {
            return Err(self.experimental(name));
        }
        let texts: Vec<Option<&str>> = call
            .args
            .args
            .iter()
            .skip(1)
            .map(|argument| order::text(argument))
            .collect();
        let expects_texts = matches!(
            name,
            "label_replace" | "label_join" | "sort_by_label" | "sort_by_label_desc"
        );
        if expects_texts && texts.iter().any(Option::is_none) {
            return Err(QueryError::new(offset, format!("`{name}` takes texts")));
        }
        if let ("label_replace", Some(Some(pattern))) = (name, texts.get(3))
            && relabel::pattern(pattern).is_err()
        {
            let message = format!("`{pattern}` is no regular expression");
            return Err(QueryError::new(offset, message));
        }
        if let ("label_replace" | "label_join", Some(Some(label))) = (name, texts.first()) {
            self.check_label(label)?;
        }
        let about = call
            .args
            .args
            .get(1)
            .map(|argument| without_parens(argument));
        let is_selector = |about: &Expr| matches!(about, Expr::VectorSelector(_));
        if name == "info" && !about.is_none_or(is_selector) {
            return Err(QueryError::new(offset, "`info` takes a selector"));
        }
        Ok(())
    }

    /// Checks a label name; any UTF-8 text is valid.
    fn check_label(&self, label: &str) -> Result<(), QueryError> {
        // The parser reads `\xff` as a character; in Prometheus it is a byte, which is no valid
        // UTF-8.
        let is_byte = |c: char| matches!(c, '\u{80}'..='\u{ff}');
        let has_byte = self.text.contains("\\x") && label.contains(is_byte);
        if !label.is_empty() && !has_byte {
            return Ok(());
        }
        let written = label.chars().map(|c| match is_byte(c) {
            true => format!("\\x{:02x}", u32::from(c)),
            false => c.to_string(),
        });
        let message = format!("invalid label name \"{}\"", written.collect::<String>());
        Err(QueryError::whole(message))
    }

    fn experimental(&self, name: &str) -> QueryError {
        let message = format!("`{name}` is not known to Prometheus {}", self.semantics);
        let help = (self.semantics == Semantics::V3)
            .then(|| "it is behind a feature flag there".to_owned());
        QueryError::new(offset_of(self.text, name), message).help(help)
    }
}

/// Returns the direct operands of an expression.
fn children(expression: &Expr) -> Vec<&Expr> {
    match expression {
        Expr::Paren(paren) => vec![&paren.expr],
        Expr::Unary(unary) => vec![&unary.expr],
        Expr::Subquery(subquery) => vec![&subquery.expr],
        Expr::Binary(binary) => vec![&binary.lhs, &binary.rhs],
        Expr::Aggregate(aggregate) => {
            let parameter = aggregate.param.as_deref();
            parameter
                .into_iter()
                .chain([aggregate.expr.as_ref()])
                .collect()
        }
        Expr::Call(call) => call.args.args.iter().map(AsRef::as_ref).collect(),
        Expr::NumberLiteral(_)
        | Expr::StringLiteral(_)
        | Expr::VectorSelector(_)
        | Expr::MatrixSelector(_)
        | Expr::Extension(_) => Vec::new(),
    }
}

/// Visits each selector in the order of the text.
pub(crate) fn each_selector<'e>(expression: &'e Expr, show: &mut dyn FnMut(&'e VectorSelector)) {
    match expression {
        Expr::VectorSelector(selector) => show(selector),
        Expr::MatrixSelector(selector) => show(&selector.vs),
        _ => {
            for child in children(expression) {
                each_selector(child, show);
            }
        }
    }
}
