//! Rules with another threshold or another `for`.

use std::convert::Infallible;

use promql_parser::parser::Expr;
use promql_parser::util::visitor::{ExprVisitorMut, walk_expr_mut};

use super::file::{AlertRule, Rule, RuleFile};
use crate::Query;
use rehearsal_convert::Saturating;

/// Parameter of an alert that can be tuned.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AlertParameter {
    /// Number in the first comparison of its query.
    Threshold,
    /// Delay before the alert fires, s.
    For,
}

/// Error of tuning.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TunedError {
    /// No alert has this name.
    #[error("there is no alert `{name}`; the file has `{}`", known.join("`, `"))]
    Unknown {
        /// Name of the parameter.
        name: String,
        /// Existing names.
        known: Vec<String>,
    },
    /// The query has no comparison with a number.
    #[error("the query of `{0}` compares with no number, as in `x > 10`: it has no threshold")]
    NoThreshold(String),
    /// The query is invalid with this number.
    #[error("{0}")]
    Query(String),
}

impl RuleFile {
    /// Returns the rules with another parameter value for one alert.
    ///
    /// # Errors
    ///
    /// If the alert does not exist, or its query has no threshold.
    pub fn tuned(
        &self,
        name: &str,
        parameter: AlertParameter,
        value: f64,
    ) -> Result<Self, TunedError> {
        let mut file = self.clone();
        let rules = file.groups.iter_mut().flat_map(|group| &mut group.rules);
        let mut alerts = rules.filter_map(|rule| match rule {
            Rule::Alert(rule) => Some(rule),
            Rule::Record(_) => None,
        });
        let Some(rule) = alerts.find(|rule| rule.name == name) else {
            let known = self.alerts().map(|rule| rule.name.clone());
            return Err(TunedError::Unknown {
                name: name.to_owned(),
                known: known.collect(),
            });
        };
        match parameter {
            AlertParameter::Threshold => set_threshold(rule, value)?,
            AlertParameter::For => rule.for_ms = (value * 1_000.0).round().saturating_i64(),
        }
        Ok(file)
    }
}

fn set_threshold(rule: &mut AlertRule, value: f64) -> Result<(), TunedError> {
    let mut expression = rule.query.expression().clone();
    let mut setter = ThresholdSetter {
        value,
        is_set: false,
    };
    // The visitor never fails.
    let _ = walk_expr_mut(&mut setter, &mut expression);
    if !setter.is_set {
        return Err(TunedError::NoThreshold(rule.name.clone()));
    }
    let text = expression.to_string();
    let query = Query::parse(&text, rule.query.semantics());
    rule.query = query.map_err(|error| TunedError::Query(error.to_string()))?;
    Ok(())
}

/// Replaces the number of the first comparison, from the outside in and from the left.
struct ThresholdSetter {
    value: f64,
    is_set: bool,
}

impl ExprVisitorMut for ThresholdSetter {
    type Error = Infallible;

    fn pre_visit(&mut self, expression: &mut Expr) -> Result<bool, Infallible> {
        if let Expr::Binary(binary) = expression
            && binary.op.is_comparison_operator()
            && let Expr::NumberLiteral(number) = binary.rhs.as_mut()
            && !self.is_set
        {
            number.val = self.value;
            self.is_set = true;
        }
        Ok(!self.is_set)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Semantics;

    const RULES: &str = "
groups:
- name: g
  rules:
  - alert: A
    expr: x > 10 unless y > 5
  - alert: B
    expr: x
";

    #[test]
    fn tuning_of_threshold_changes_first_comparison_only() {
        let rules = RuleFile::parse(RULES, "rules.yaml", Semantics::V3).unwrap();
        let tuned = rules.tuned("A", AlertParameter::Threshold, 20.0).unwrap();
        let queries: Vec<&str> = tuned.rules().map(|rule| rule.query().text()).collect();
        assert_eq!(queries, ["x > 20 unless y > 5", "x"]);
        let for_ms = |rules: &RuleFile| rules.alerts().map(|rule| rule.for_ms).collect::<Vec<_>>();
        assert_eq!(for_ms(&tuned), [0, 0]);
        let tuned = rules.tuned("B", AlertParameter::For, 90.0).unwrap();
        assert_eq!(for_ms(&tuned), [0, 90_000]);
        let queries: Vec<&str> = tuned.rules().map(|rule| rule.query().text()).collect();
        assert_eq!(queries, ["x > 10 unless y > 5", "x"]);
    }

    #[test]
    fn tuning_of_untunable_alert_is_refused() {
        let rules = RuleFile::parse(RULES, "rules.yaml", Semantics::V3).unwrap();
        let error = rules
            .tuned("B", AlertParameter::Threshold, 1.0)
            .unwrap_err();
        assert!(
            error.to_string().contains("compares with no number"),
            "{error}"
        );
        let error = rules.tuned("C", AlertParameter::For, 1.0).unwrap_err();
        assert_eq!(
            error.to_string(),
            "there is no alert `C`; the file has `A`, `B`"
        );
    }
}
