//! Rules for distributions.

use super::super::distributions::{AnyDistribution, distributions};
use super::super::document::{Node, Path};
use super::super::problem::Problem;
use super::super::{Distribution, Duration, Scenario};

/// Shapes and exponents may not exceed this: beyond it a distribution is a constant.
const SHAPE_MAX: f64 = 100.0;

/// Names every distribution that cannot be drawn from.
pub fn check(scenario: &mut Scenario, root: &Node) -> Vec<Problem> {
    let mut problems = Vec::new();
    for (path, distribution) in distributions(scenario) {
        let fault = match distribution {
            AnyDistribution::Duration(distribution) => fault_of(distribution),
            AnyDistribution::Count(distribution) => fault_of(distribution),
        };
        if let Some((key, label)) = fault {
            let path = if key.is_empty() { path } else { path.key(key) };
            problems.push(problem(root, &path, label));
        }
    }
    problems
}

fn problem(root: &Node, path: &Path, label: String) -> Problem {
    Problem::new("the distribution is impossible").at(root.place_of(path), label)
}

/// The key that is wrong, and what it must be.
fn fault_of<T: Magnitude>(distribution: &Distribution<T>) -> Option<(&'static str, String)> {
    let positive = |value: &T| value.magnitude() > 0.0;
    let sound = |value: &T| value.magnitude() >= 0.0;
    let in_shape = |value: f64| value > 0.0 && value <= SHAPE_MAX;
    let more_than_0 = || "must be more than 0".to_owned();
    match distribution {
        Distribution::Constant { value } if !sound(value) => Some(("", "must be 0 or more".into())),
        Distribution::Uniform { min, .. } if !sound(min) => {
            Some(("min", "must be 0 or more".into()))
        }
        Distribution::Uniform { min, max } if max.magnitude() < min.magnitude() => {
            Some(("max", "must not be less than `min`".into()))
        }
        Distribution::Exponential { mean } if !positive(mean) => Some(("mean", more_than_0())),
        Distribution::Lognormal { median, .. } if !positive(median) => {
            Some(("median", more_than_0()))
        }
        Distribution::Lognormal { median, p99 } if p99.magnitude() <= median.magnitude() => {
            Some(("p99", "must be more than `median`".into()))
        }
        Distribution::Pareto { min, .. } if !positive(min) => Some(("min", more_than_0())),
        Distribution::Pareto { shape, .. } if !in_shape(*shape) => Some((
            "shape",
            format!("must be more than 0 and at most {SHAPE_MAX}"),
        )),
        Distribution::Zipf { scale, .. } if !positive(scale) => Some(("scale", more_than_0())),
        Distribution::Zipf { ranks: 0, .. } => Some(("ranks", "must be 1 or more".into())),
        Distribution::Zipf { exponent, .. } if !in_shape(*exponent) => Some((
            "exponent",
            format!("must be more than 0 and at most {SHAPE_MAX}"),
        )),
        _ => None,
    }
}

/// A value that has a size.
trait Magnitude {
    fn magnitude(&self) -> f64;
}

impl Magnitude for f64 {
    fn magnitude(&self) -> f64 {
        *self
    }
}

impl Magnitude for Duration {
    fn magnitude(&self) -> f64 {
        self.as_secs_f64()
    }
}
