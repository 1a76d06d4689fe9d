//! Dependencies of rules on their own or later results.

use std::collections::BTreeMap;
use std::convert::Infallible;

use promql_parser::label::{METRIC_NAME, MatchOp, Matcher};
use promql_parser::parser::Expr;
use promql_parser::util::{ExprVisitor, walk_expr};

use super::file::{Rule, RuleFile};
use super::states::{ALERTS, ALERTS_FOR_STATE};
use crate::Query;
use crate::parse::expression::all_matchers;

/// Date functions.
const CALENDAR: [&str; 8] = [
    "minute",
    "hour",
    "day_of_week",
    "day_of_month",
    "day_of_year",
    "days_in_month",
    "month",
    "year",
];

/// Series that a query selects.
#[derive(Default)]
struct QueryInputs {
    /// Matchers of each selector.
    matchers: Vec<Vec<Matcher>>,
    /// Whether it calls a date function.
    uses_calendar: bool,
}

impl QueryInputs {
    fn of(query: &Query) -> Self {
        let mut inputs = Self::default();
        // The visitor never fails.
        let _ = walk_expr(&mut inputs, query.expression());
        inputs
    }

    /// Whether a selector may match a series that a rule at this position or a later one makes.
    /// Takes *O*(log names) per selector that states its name.
    fn may_select_later(&self, last: &BTreeMap<&str, usize>, position: usize) -> bool {
        let is_later = |name: &str| last.get(name).is_some_and(|last| *last >= position);
        self.matchers.iter().any(|matchers| {
            let of_name = || matchers.iter().filter(|one| one.name == METRIC_NAME);
            let matches = |name: &str| of_name().all(|matcher| matcher.is_match(name));
            match of_name().find(|matcher| matcher.op == MatchOp::Equal) {
                Some(stated) => is_later(&stated.value) && matches(&stated.value),
                None => last.keys().any(|name| is_later(name) && matches(name)),
            }
        })
    }
}

impl ExprVisitor for QueryInputs {
    type Error = Infallible;

    fn pre_visit(&mut self, expression: &Expr) -> Result<bool, Infallible> {
        match expression {
            Expr::VectorSelector(selector) => self.matchers.extend(all_matchers(selector)),
            Expr::MatrixSelector(selector) => self.matchers.extend(all_matchers(&selector.vs)),
            Expr::Call(call) => self.uses_calendar |= CALENDAR.contains(&call.func.name),
            _ => {}
        }
        Ok(true)
    }
}

impl RuleFile {
    /// Matchers of each selector in the file.
    pub fn matchers(&self) -> Vec<Vec<Matcher>> {
        let inputs = self.rules().map(|rule| QueryInputs::of(rule.query()));
        inputs.flat_map(|inputs| inputs.matchers).collect()
    }

    /// Name of a rule that calls a date function.
    pub fn rule_with_calendar(&self) -> Option<&str> {
        let mut rules = self.rules();
        let found = rules.find(|rule| QueryInputs::of(rule.query()).uses_calendar);
        found.map(Rule::name)
    }
}

/// Whether a rule selects the result of itself or a later rule. If none does, each rule can be
/// evaluated for the whole time at once.
pub(super) fn look_back(rules: &RuleFile) -> bool {
    // Position of the last rule that makes a series of that name.
    let mut last = BTreeMap::new();
    for (position, rule) in rules.rules().enumerate() {
        match rule {
            Rule::Record(rule) => {
                last.insert(rule.name.as_str(), position);
            }
            Rule::Alert(_) => last.extend([(ALERTS, position), (ALERTS_FOR_STATE, position)]),
        }
    }
    let mut all = rules.rules().enumerate();
    all.any(|(position, rule)| QueryInputs::of(rule.query()).may_select_later(&last, position))
}
