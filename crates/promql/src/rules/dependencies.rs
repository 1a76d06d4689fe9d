//! Dependencies of rules on their own or later results.

use std::convert::Infallible;

use promql_parser::label::{METRIC_NAME, Matcher};
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
        let mut demand = Self::default();
        // The visitor never fails.
        let _ = walk_expr(&mut demand, query.expression());
        demand
    }

    fn may_ask_for(&self, name: &str) -> bool {
        self.matchers.iter().any(|matchers| {
            let mut of_name = matchers.iter().filter(|one| one.name == METRIC_NAME);
            of_name.all(|matcher| matcher.is_match(name))
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
        let demands = self.rules().map(|rule| QueryInputs::of(rule.query()));
        demands.flat_map(|demand| demand.matchers).collect()
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
    let all: Vec<&Rule> = rules.rules().collect();
    let asks = |(index, rule): (usize, &&Rule)| {
        let demand = QueryInputs::of(rule.query());
        let is_asked_for = |later: &&Rule| match later {
            Rule::Record(rule) => demand.may_ask_for(&rule.name),
            Rule::Alert(_) => demand.may_ask_for(ALERTS) || demand.may_ask_for(ALERTS_FOR_STATE),
        };
        all[index..].iter().any(is_asked_for)
    };
    all.iter().enumerate().any(asks)
}
