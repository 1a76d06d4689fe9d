//! Checks of distributions.

use crate::scenario::distribution_paths::{AnyDistribution, distributions};
use crate::scenario::document::{Diagnostic, KeyPath, Node};
use crate::scenario::{DistributionSpec, Duration, DurationDistribution, Scenario};
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

/// Maximum number of arrivals of one kind in a rehearsal.
const ARRIVALS_MAX: f64 = 1e7;

/// Reports intervals so short that a rehearsal would not end.
pub fn check_arrivals(scenario: &Scenario, root: &Node) -> Vec<Diagnostic> {
    let mut diagnostics = Vec::new();
    let mut check = |path: KeyPath, interval: f64| {
        let count = scenario.duration.as_secs_f64() / interval;
        if count > ARRIVALS_MAX {
            let label = format!("about {count:.0} arrivals");
            let help =
                "10 million are the maximum: choose a longer interval or a shorter `duration`";
            let diagnostic = Diagnostic::new("too many arrivals for one rehearsal");
            diagnostics.push(diagnostic.at(root.span_of(&path), label).help(help));
        }
    };
    let top = KeyPath::root();
    if let Some(advisories) = scenario.advisories.as_ref().filter(|it| it.trace.is_none()) {
        let interval = typical_seconds(&advisories.interval);
        check(top.key("advisories").key("interval"), interval);
    }
    let operations = scenario
        .operations
        .iter()
        .map(|operation| &operation.timing);
    let faults = scenario.faults.iter().map(|fault| &fault.timing);
    let timings = operations
        .enumerate()
        .map(|(index, timing)| (top.key("operation").index(index), timing))
        .chain(
            faults
                .enumerate()
                .map(|(index, timing)| (top.key("fault").index(index), timing)),
        );
    for (path, timing) in timings {
        for (key, interval) in [
            ("every", timing.every),
            ("meanInterval", timing.mean_interval),
        ] {
            if let Some(interval) = interval {
                check(path.key(key), interval.as_secs_f64());
            }
        }
    }
    diagnostics
}

/// Typical draw of a distribution of durations, in seconds. Empirical values are not read yet.
fn typical_seconds(distribution: &DurationDistribution) -> f64 {
    match distribution {
        DistributionSpec::Constant { value } => value.as_secs_f64(),
        DistributionSpec::Uniform { min, max } => {
            f64::midpoint(min.as_secs_f64(), max.as_secs_f64())
        }
        DistributionSpec::Exponential { mean } => mean.as_secs_f64(),
        DistributionSpec::Lognormal { median, .. } => median.as_secs_f64(),
        DistributionSpec::Pareto { min, .. } => min.as_secs_f64(),
        DistributionSpec::Zipf { scale, .. } => scale.as_secs_f64(),
        DistributionSpec::Empirical { .. } => f64::INFINITY,
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
