//! Checks of distributions.

use crate::scenario::distribution_paths::{AnyDistribution, distributions};
use crate::scenario::document::{Diagnostic, KeyPath, Node};
use crate::scenario::{DistributionSpec, Duration, Scenario};
use rehearsal_kernel::distribution::DistributionError;

/// Maximum shape or exponent. Above it, a distribution is practically constant.
const SHAPE_MAX: f64 = 100.0;

/// Reports every distribution with impossible parameters.
pub fn check(scenario: &mut Scenario, root: &Node) -> Vec<Diagnostic> {
    let mut diagnostics = Vec::new();
    for (path, distribution) in distributions(scenario) {
        let fault = match distribution {
            AnyDistribution::Duration(distribution) => fault_of(distribution),
            AnyDistribution::Count(distribution) => fault_of(distribution),
        };
        if let Some((key, label)) = fault {
            let path = if key.is_empty() { path } else { path.key(key) };
            diagnostics.push(diagnostic(root, &path, label));
        }
    }
    diagnostics
}

fn diagnostic(root: &Node, path: &KeyPath, label: String) -> Diagnostic {
    Diagnostic::new("the distribution has impossible parameters").at(root.span_of(path), label)
}

/// Key of an impossible parameter, with its valid range.
fn fault_of<T: Magnitude>(distribution: &DistributionSpec<T>) -> Option<(&'static str, String)> {
    let positive = |value: &T| value.magnitude() > 0.0;
    let sound = |value: &T| value.magnitude() >= 0.0;
    let in_shape = |value: f64| value > 0.0 && value <= SHAPE_MAX;
    let more_than_0 = || "must be more than 0".to_owned();
    match distribution {
        DistributionSpec::Constant { value } if !sound(value) => {
            Some(("", "must be 0 or more".into()))
        }
        DistributionSpec::Uniform { min, .. } if !sound(min) => {
            Some(("min", "must be 0 or more".into()))
        }
        DistributionSpec::Uniform { min, max } if max.magnitude() < min.magnitude() => {
            Some(("max", "must not be less than `min`".into()))
        }
        DistributionSpec::Exponential { mean } if !positive(mean) => Some(("mean", more_than_0())),
        DistributionSpec::Lognormal { median, .. } if !positive(median) => {
            Some(("median", more_than_0()))
        }
        DistributionSpec::Lognormal { median, p99 } if p99.magnitude() <= median.magnitude() => {
            Some(("p99", "must be more than `median`".into()))
        }
        DistributionSpec::Pareto { min, .. } if !positive(min) => Some(("min", more_than_0())),
        DistributionSpec::Pareto { shape, .. } if !in_shape(*shape) => Some((
            "shape",
            format!("must be more than 0 and at most {SHAPE_MAX}"),
        )),
        DistributionSpec::Zipf { scale, .. } if !positive(scale) => Some(("scale", more_than_0())),
        DistributionSpec::Zipf { ranks: 0, .. } => Some(("ranks", "must be 1 or more".into())),
        DistributionSpec::Zipf { exponent, .. } if !in_shape(*exponent) => Some((
            "exponent",
            format!("must be more than 0 and at most {SHAPE_MAX}"),
        )),
        // Its values are not read yet.
        DistributionSpec::Empirical { .. } => None,
        _ => refused(distribution),
    }
}

/// Key of a parameter that the simulator refuses, with its valid range.
fn refused<T: Magnitude>(distribution: &DistributionSpec<T>) -> Option<(&'static str, String)> {
    match distribution.distribution(T::magnitude) {
        Err(DistributionError::Parameter {
            parameter,
            expected,
            ..
        }) => {
            // The kernel has other names for the bounds.
            let key = match parameter {
                "value" => "",
                "low" | "scale" => "min",
                "high" => "max",
                key => key,
            };
            Some((key, format!("must be {expected}")))
        }
        Err(error) => Some(("", error.to_string())),
        Ok(_) => None,
    }
}

/// Value that can be compared with 0.
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
