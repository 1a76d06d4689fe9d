//! Expected numbers of arrivals, and their limit.

use crate::scenario::document::{Diagnostic, KeyPath, Node};
use crate::scenario::{DistributionSpec, Duration, DurationDistribution, Scenario, Timing};

/// Maximum expected number of arrivals of one kind in a rehearsal.
const ARRIVALS_MAX: f64 = 1e6;

/// Reports intervals so short that a rehearsal would not end.
pub fn check(scenario: &Scenario, root: &Node) -> Vec<Diagnostic> {
    let mut diagnostics = Vec::new();
    let mut check = |path: KeyPath, interval: f64| {
        let count = scenario.duration.as_secs_f64() / interval;
        if count > ARRIVALS_MAX {
            let label = format!("about {count:.0} arrivals");
            let help = "1 million is the maximum: choose a longer interval or a shorter `duration`";
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

/// Typical draw of a distribution of durations, in seconds.
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
        // Ascending. Without a directory, they are not read.
        DistributionSpec::Empirical { values, .. } => values
            .get(values.len() / 2)
            .map_or(f64::INFINITY, |median| median.as_secs_f64()),
    }
}

/// Expected number of arrivals within a duration.
pub fn arrivals(timing: &Timing, duration: Duration) -> f64 {
    if let Some(at) = timing.at {
        return if at < duration { 1.0 } else { 0.0 };
    }
    let until = timing.until.unwrap_or(duration).min(duration);
    let from = timing.from.map_or(0.0, Duration::as_secs_f64);
    let interval = timing.every.or(timing.mean_interval);
    let interval = interval.map_or(f64::INFINITY, Duration::as_secs_f64);
    ((until.as_secs_f64() - from) / interval.max(1e-9)).max(0.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn arrivals_lie_between_from_and_until() {
        let timing = |every, from, until| Timing {
            every: Some(Duration::from_secs(every)),
            from: Some(Duration::from_secs(from)),
            until: Some(Duration::from_secs(until)),
            ..Timing::default()
        };
        let count = |timing: Timing| arrivals(&timing, Duration::from_secs(100));
        let is = |found: f64, expected: f64| assert!((found - expected).abs() < 1e-6, "{found}");
        is(count(timing(10, 20, 70)), 5.0);
        is(count(timing(10, 20, 700)), 8.0);
        is(count(timing(10, 200, 700)), 0.0);
        is(
            count(Timing {
                at: Some(Duration::from_secs(5)),
                ..Timing::default()
            }),
            1.0,
        );
        is(
            count(Timing {
                at: Some(Duration::from_secs(100)),
                ..Timing::default()
            }),
            0.0,
        );
    }
}
