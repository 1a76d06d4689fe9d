//! Functions that apply to each element.

use crate::error::EvalError;
use crate::operators::block::{ABSENT, Block, is_present};
use crate::operators::date_functions::DateField;
use crate::operators::operator::{BoxedOperator, Operator, fill_all};
use crate::operators::series::{OutputSeries, SeriesMerge};
use crate::operators::steps::Steps;
use crate::parse::semantics::Semantics;
use rehearsal_convert::Nearest;

/// Function of the value of one element.
#[derive(Clone, Copy)]
pub(crate) enum ElementFunction {
    /// Function of the value only.
    Plain(fn(f64) -> f64),
    /// Date field of the value as a timestamp.
    Date(DateField),
    /// `clamp(x, least, most)`
    Clamp,
    /// `clamp_min(x, least)`
    ClampMin,
    /// `clamp_max(x, most)`
    ClampMax,
    /// `round(x, to)`
    Round,
    /// `timestamp(x)` of an expression that is no selector: the step's time.
    Time,
}

impl ElementFunction {
    /// Returns the function of a name.
    pub(crate) fn named(name: &str) -> Option<Self> {
        if let Some(field) = DateField::named(name) {
            return Some(Self::Date(field));
        }
        Some(Self::Plain(match name {
            "abs" => f64::abs,
            "acos" => f64::acos,
            "acosh" => f64::acosh,
            "asin" => f64::asin,
            "asinh" => f64::asinh,
            "atan" => f64::atan,
            "atanh" => f64::atanh,
            "ceil" => f64::ceil,
            "cos" => f64::cos,
            "cosh" => f64::cosh,
            "deg" => f64::to_degrees,
            "exp" => f64::exp,
            "floor" => f64::floor,
            "ln" => f64::ln,
            "log10" => f64::log10,
            "log2" => f64::log2,
            "rad" => f64::to_radians,
            "sgn" => |value| match value {
                _ if value > 0.0 => 1.0,
                _ if value < 0.0 => -1.0,
                _ => value,
            },
            "sin" => f64::sin,
            "sinh" => f64::sinh,
            "sqrt" => f64::sqrt,
            "tan" => f64::tan,
            "tanh" => f64::tanh,
            "clamp" => return Some(Self::Clamp),
            "clamp_max" => return Some(Self::ClampMax),
            "clamp_min" => return Some(Self::ClampMin),
            "round" => return Some(Self::Round),
            "timestamp" => return Some(Self::Time),
            _ => return None,
        }))
    }
}

/// Operator of a function call on a vector.
pub(crate) struct ElementCall<'s> {
    function: ElementFunction,
    of: BoxedOperator<'s>,
    scalars: Vec<BoxedOperator<'s>>,
    merge: SeriesMerge,
}

impl<'s> ElementCall<'s> {
    pub(crate) fn new(
        function: ElementFunction,
        of: BoxedOperator<'s>,
        scalars: Vec<BoxedOperator<'s>>,
        semantics: Semantics,
    ) -> Self {
        let series = of.series().iter();
        let merge = SeriesMerge::of(series.map(|series| series.renamed(semantics)).collect());
        Self {
            function,
            of,
            scalars,
            merge,
        }
    }
}

impl Operator for ElementCall<'_> {
    fn series(&self) -> &[OutputSeries] {
        &self.merge.series
    }

    fn eval_block(&self, steps: Steps) -> Result<Block, EvalError> {
        let mut block = self.of.eval_block(steps)?;
        let scalars = fill_all(&self.scalars, steps)?;
        let scalar = |index: usize, step: usize| scalars[index].at(0, step);
        match self.function {
            ElementFunction::Plain(function) => block.map(function),
            ElementFunction::Date(field) => block.map(|value| field.of(value)),
            ElementFunction::Clamp => each(&mut block, |value, step| {
                let (least, most) = (scalar(0, step), scalar(1, step));
                let clamped = maximum(least, minimum(most, value));
                (most >= least || most.is_nan() || least.is_nan()).then_some(clamped)
            }),
            ElementFunction::ClampMin => {
                each(&mut block, |value, step| {
                    Some(maximum(scalar(0, step), value))
                });
            }
            ElementFunction::ClampMax => {
                each(&mut block, |value, step| {
                    Some(minimum(scalar(0, step), value))
                });
            }
            ElementFunction::Round => each(&mut block, |value, step| {
                let to = scalars.first().map_or(1.0, |scalars| scalars.at(0, step));
                let inverse = 1.0 / to;
                Some((value * inverse + 0.5).floor() / inverse)
            }),
            ElementFunction::Time => {
                each(&mut block, |_, step| {
                    Some(steps.at(step).nearest_f64() / 1_000.0)
                });
            }
        }
        self.merge.apply(block, steps.count)
    }
}

fn each(block: &mut Block, function: impl Fn(f64, usize) -> Option<f64>) {
    for column in block.columns_mut() {
        for (step, value) in column.iter_mut().enumerate() {
            if is_present(*value) {
                *value = function(*value, step).unwrap_or(ABSENT);
            }
        }
    }
}

/// Maximum; NaN if either is NaN, unless the other is +Inf.
pub(crate) fn maximum(a: f64, b: f64) -> f64 {
    if a == f64::INFINITY || b == f64::INFINITY {
        f64::INFINITY
    } else if a.is_nan() || b.is_nan() {
        f64::NAN
    } else {
        a.max(b)
    }
}

/// Minimum; NaN if either is NaN, unless the other is -Inf.
pub(crate) fn minimum(a: f64, b: f64) -> f64 {
    -maximum(-a, -b)
}
