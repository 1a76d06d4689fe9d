//! Order of the elements of an instant query.

use std::cmp::Ordering;

use promql_parser::parser::Expr;
use promql_parser::parser::token::{T_BOTTOMK, T_TOPK};

use crate::operators::aggregate::Grouping;
use crate::operators::series::OutputSeries;
use crate::value::InstantSample;

/// Order requested by a query.
#[derive(Clone, Debug)]
pub(crate) enum Order {
    /// By value: `sort`, `sort_desc`, or within each group of `topk` and `bottomk`.
    Values {
        falling: bool,
        grouping: Option<Grouping>,
    },
    /// `sort_by_label` and `sort_by_label_desc`
    Labels { names: Vec<String>, falling: bool },
    /// By all labels, if the query does not sort.
    Unasked,
}

impl Order {
    /// Returns the order that an expression requests.
    pub(crate) fn of(expression: &Expr) -> Self {
        match expression {
            Expr::Paren(paren) => Self::of(&paren.expr),
            Expr::Aggregate(aggregate) if matches!(aggregate.op.id(), T_TOPK | T_BOTTOMK) => {
                Self::Values {
                    falling: aggregate.op.id() == T_TOPK,
                    grouping: Some(Grouping::of(aggregate.modifier.as_ref())),
                }
            }
            Expr::Call(call) => {
                let name = call.func.name;
                let names = call.args.args.iter().skip(1).filter_map(|name| text(name));
                let falling = name.ends_with("_desc");
                match name {
                    "sort" | "sort_desc" => Self::Values {
                        falling,
                        grouping: None,
                    },
                    "sort_by_label" | "sort_by_label_desc" => Self::Labels {
                        names: names.map(str::to_owned).collect(),
                        falling,
                    },
                    _ => Self::Unasked,
                }
            }
            _ => Self::Unasked,
        }
    }

    /// Sorts the elements.
    pub(crate) fn sort(&self, samples: &mut [InstantSample]) {
        samples.sort_by(|a, b| a.labels.cmp(&b.labels));
        match self {
            Self::Unasked => {}
            Self::Values { falling, grouping } => {
                let values = |a: &InstantSample, b: &InstantSample| by_value(a, b, *falling);
                match grouping {
                    None => samples.sort_by(values),
                    Some(grouping) => {
                        let group = |sample: &InstantSample| {
                            grouping
                                .series(&OutputSeries::new(sample.labels.clone()))
                                .labels
                        };
                        samples.sort_by(|a, b| group(a).cmp(&group(b)).then(values(a, b)));
                    }
                }
            }
            Self::Labels { names, falling } => {
                samples.sort_by(|a, b| {
                    let order = by_labels(a, b, names);
                    if *falling { order.reverse() } else { order }
                });
            }
        }
    }
}

/// Value of a string argument.
pub(crate) fn text(expression: &Expr) -> Option<&str> {
    match expression {
        Expr::Paren(paren) => text(&paren.expr),
        Expr::StringLiteral(literal) => Some(&literal.val),
        _ => None,
    }
}

/// Orders by value, with NaN last in either direction.
fn by_value(a: &InstantSample, b: &InstantSample, falling: bool) -> Ordering {
    match (a.value.is_nan(), b.value.is_nan()) {
        (false, false) if falling => b.value.total_cmp(&a.value),
        (false, false) => a.value.total_cmp(&b.value),
        (a_is_nan, b_is_nan) => a_is_nan.cmp(&b_is_nan),
    }
}

fn by_labels(a: &InstantSample, b: &InstantSample, names: &[String]) -> Ordering {
    let values = |name: &String| {
        let value = |sample: &InstantSample| sample.labels.get(name).unwrap_or_default().to_owned();
        natural(&value(a), &value(b))
    };
    let orders = names.iter().map(values);
    orders
        .fold(Ordering::Equal, Ordering::then)
        .then_with(|| a.labels.cmp(&b.labels))
}

/// Natural order of strings: runs of digits compare as numbers.
fn natural(a: &str, b: &str) -> Ordering {
    let (mut a, mut b) = (a, b);
    while !a.is_empty() && !b.is_empty() {
        let (a_part, a_rest) = split_run(a);
        let (b_part, b_rest) = split_run(b);
        let numbers = a_part.parse::<u64>().ok().zip(b_part.parse::<u64>().ok());
        let order = match numbers {
            Some((a_number, b_number)) => a_number.cmp(&b_number),
            None => a_part.cmp(b_part),
        };
        if order != Ordering::Equal {
            return order;
        }
        (a, b) = (a_rest, b_rest);
    }
    a.cmp(b)
}

/// Splits a string after its first run of digits or of other characters.
fn split_run(text: &str) -> (&str, &str) {
    let is_digit = |character: char| character.is_ascii_digit();
    let of_digits = text.starts_with(is_digit);
    let end = text.find(|character| is_digit(character) != of_digits);
    text.split_at(end.unwrap_or(text.len()))
}
