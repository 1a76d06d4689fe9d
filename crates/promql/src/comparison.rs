//! Queries that compare an expression with a number.

use promql_parser::parser::value::ValueType;
use promql_parser::parser::{BinaryExpr, Expr};

use crate::operators::binary::BinaryOperation;
use crate::parse::expression::without_parens;
use crate::parse::query::Query;

/// Comparison of a vector's values with a number.
#[derive(Clone, Debug)]
pub struct ThresholdComparison {
    /// Query of the compared vector.
    pub of: Query,
    holds: fn(f64, f64) -> bool,
    number: f64,
    /// Whether the number is on the left.
    is_swapped: bool,
}

impl ThresholdComparison {
    /// Whether the comparison holds for a value.
    pub fn holds(&self, value: f64) -> bool {
        match self.is_swapped {
            false => (self.holds)(value, self.number),
            true => (self.holds)(self.number, value),
        }
    }
}

impl Query {
    /// Returns the comparison if the query is one of a vector with a number, and none of its
    /// durations depends on the evaluation.
    pub fn comparison(&self) -> Option<ThresholdComparison> {
        let binary = self.compared().filter(|_| !self.varies())?;
        let Some(BinaryOperation::ThresholdComparison(holds)) =
            BinaryOperation::of(binary.op.id(), binary.return_bool())
        else {
            return None;
        };
        let (left, right) = (without_parens(&binary.lhs), without_parens(&binary.rhs));
        let (of, number, is_swapped) = match (left, right) {
            (of, Expr::NumberLiteral(number)) => (of, number.val, false),
            (Expr::NumberLiteral(number), of) => (of, number.val, true),
            _ => return None,
        };
        Some(ThresholdComparison {
            of: self.part(of.clone()),
            holds,
            number,
            is_swapped,
        })
    }

    /// Whether the query compares vectors with `bool`, which has a result whether the comparison
    /// holds or not.
    pub fn is_test(&self) -> bool {
        let is_vector = self.expression().value_type() == ValueType::Vector;
        is_vector && self.compared().is_some_and(BinaryExpr::return_bool)
    }

    fn compared(&self) -> Option<&BinaryExpr> {
        match without_parens(self.expression()) {
            Expr::Binary(binary) => Some(binary),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Semantics;

    #[test]
    fn comparison_with_number_is_recognised() {
        for (text, holding, broken) in [
            ("x > 5", 6.0, 5.0),
            ("(5 <= (sum(x)))", 5.0, 4.0),
            ("x != -1", 1.0, -1.0),
        ] {
            let query = Query::parse(text, Semantics::V3).unwrap();
            let comparison = query.comparison().unwrap();
            assert!(comparison.holds(holding), "{text}");
            assert!(!comparison.holds(broken), "{text}");
        }
        for text in ["x > bool 5", "x > y", "x > 5 and y > 5", "x + 5"] {
            let query = Query::parse(text, Semantics::V3).unwrap();
            assert!(query.comparison().is_none(), "{text}");
        }
        // A duration depends on the evaluation.
        let text = "sum_over_time(x[step()]) > 5";
        let query = Query::parse(text, Semantics::V3PromqlTest).unwrap();
        assert!(query.comparison().is_none());
    }

    #[test]
    fn comparison_of_vectors_with_bool_is_test() {
        for (text, expected) in [
            ("x > bool 5", true),
            ("1 > bool 5", false),
            ("x > 5", false),
        ] {
            let query = Query::parse(text, Semantics::V3).unwrap();
            assert_eq!(query.is_test(), expected, "{text}");
        }
    }
}
