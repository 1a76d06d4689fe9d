//! Function calls.

use promql_parser::parser::value::ValueType;
use promql_parser::parser::{Call, Expr};

use super::block::Block;
use super::error::EvalError;
use super::operator::{BoxedOperator, Operator};
use super::plan::{Planner, Span};
use super::range_function::{RangeCall, RangeFunction};
use super::scalar::OnlyElement;
use super::semantics::Semantics;
use super::series::{Merge, Series};
use super::steps::Steps;

/// The operator of a function call.
///
/// # Errors
///
/// As for the arguments.
pub(super) fn operator<'s>(
    planner: &Planner<'s>,
    call: &Call,
    span: Span,
) -> Result<BoxedOperator<'s>, EvalError> {
    let name = call.func.name;
    let arguments: Vec<&Expr> = call.args.args.iter().map(AsRef::as_ref).collect();
    if let Some(function) = RangeFunction::named(name) {
        return range_call(planner, function, &arguments, span);
    }
    match (name, arguments.as_slice()) {
        ("scalar", [of]) => Ok(Box::new(OnlyElement::new(planner.operator(of, span)?))),
        ("vector", [of]) => planner.operator(of, span),
        _ => Err(EvalError::refused(format!("`{name}` is not known"))),
    }
}

fn range_call<'s>(
    planner: &Planner<'s>,
    function: RangeFunction,
    arguments: &[&Expr],
    span: Span,
) -> Result<BoxedOperator<'s>, EvalError> {
    let (ranges, scalars): (Vec<&Expr>, Vec<&Expr>) = arguments
        .iter()
        .partition(|argument| argument.value_type() == ValueType::Matrix);
    let Some(range) = ranges.first() else {
        return Err(EvalError::refused("a range is missing"));
    };
    let range = planner.range(range, span)?;
    let scalars: Result<Vec<_>, _> = scalars
        .iter()
        .map(|scalar| planner.operator(scalar, span))
        .collect();
    Ok(Box::new(RangeCall::new(
        function,
        range,
        scalars?,
        planner.semantics,
        planner.annotations,
    )))
}

/// `-x`
pub(super) struct Negate<'s> {
    of: BoxedOperator<'s>,
    merge: Merge,
}

impl<'s> Negate<'s> {
    pub(super) fn new(of: BoxedOperator<'s>, is_scalar: bool, semantics: Semantics) -> Self {
        let series = of.series().iter();
        let merge = Merge::of(match is_scalar {
            true => series.cloned().collect(),
            false => series.map(|series| series.renamed(semantics)).collect(),
        });
        Self { of, merge }
    }
}

impl Operator for Negate<'_> {
    fn series(&self) -> &[Series] {
        &self.merge.series
    }

    fn fill(&self, steps: Steps) -> Result<Block, EvalError> {
        let mut block = self.of.fill(steps)?;
        block.map(|value| -value);
        self.merge.apply(block, steps.count)
    }
}
