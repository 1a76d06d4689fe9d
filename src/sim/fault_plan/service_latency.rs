//! Latencies of the services and Retry-After, drawn from a seed: a worker that is right only while
//! its services answer at once shows it.

use std::fmt;

use super::{FaultProfile, SetArguments, draw_log_uniform};
use crate::scenario::{DistributionSpec, DurationDistribution, LatencySpec, ScannerSpec, Scenario};
use crate::sim::draw_index;
use crate::sim::kernel::RandomStream;
use crate::worker::duration::Duration;
use rehearsal_convert::Saturating;

/// Range of the median of a round trip to the store, a queue, Notify or the impact index, ms.
const ROUND_TRIP_MS: (f64, f64) = (1.0, 100.0);

/// Range of the median of the Scanner's latency, ms.
const SCAN_MS: (f64, f64) = (20.0, 2_000.0);

/// Range of the median of Retry-After, ms.
const RETRY_AFTER_MS: (f64, f64) = (500.0, 60_000.0);

/// Range of the factor between median and 99th percentile.
const TAIL: (f64, f64) = (1.5, 40.0);

/// Constant round trips whose sums are bounds of the buckets of latency and duration, ms.
const ROUND_MS: [u64; 3] = [50, 250, 500];

/// One seed in this many has constant latencies.
const CONSTANT_ONE_IN: u64 = 8;

/// Constant latency of the Scanner, in round trips.
const SCAN_ROUND_TRIPS: u64 = 10;

fn draw_lognormal(
    stream: &mut RandomStream,
    (low_ms, high_ms): (f64, f64),
) -> DurationDistribution {
    let median_ms = draw_log_uniform(stream, low_ms, high_ms);
    let p99_ms = median_ms * draw_log_uniform(stream, TAIL.0, TAIL.1);
    let whole = |ms: f64| Duration::from_millis(ms.saturating_u64().max(1));
    DistributionSpec::Lognormal {
        median: whole(median_ms),
        p99: whole(p99_ms).max(Duration::from_millis(2)),
    }
}

/// Latencies that a profile has drawn; `None` keeps the value of the scenario.
#[derive(Debug, Clone, Default, PartialEq)]
#[allow(missing_docs, reason = "each is named after the key that it sets")]
pub struct ServiceLatency {
    pub store: Option<DurationDistribution>,
    pub queue: Option<DurationDistribution>,
    pub notify: Option<DurationDistribution>,
    pub impact: Option<DurationDistribution>,
    pub scanner: Option<DurationDistribution>,
    pub retry_after: Option<DurationDistribution>,
}

impl ServiceLatency {
    /// Draws latencies for `swarm`, each for half of the seeds; every other profile keeps all.
    pub(super) fn draw(profile: FaultProfile, seed: u64) -> Self {
        if profile != FaultProfile::Swarm {
            return Self::default();
        }
        let stream = &mut RandomStream::new(seed, "profile.latency");
        let mut often = |range| {
            let drawn = draw_lognormal(stream, range);
            (stream.below(2) == 0).then_some(drawn)
        };
        let drawn = Self {
            store: often(ROUND_TRIP_MS),
            queue: often(ROUND_TRIP_MS),
            notify: often(ROUND_TRIP_MS),
            impact: often(ROUND_TRIP_MS),
            scanner: often(SCAN_MS),
            retry_after: often(RETRY_AFTER_MS),
        };
        let stream = &mut RandomStream::new(seed, "profile.latency.constant");
        match stream.below(CONSTANT_ONE_IN) {
            0 => drawn.constant(ROUND_MS[draw_index(stream, ROUND_MS.len())]),
            _ => drawn,
        }
    }

    /// Returns constant latencies: samples lie exactly on the bounds of buckets.
    fn constant(self, round_trip_ms: u64) -> Self {
        let always = |ms| Some(DurationDistribution::from(Duration::from_millis(ms)));
        let round_trip = always(round_trip_ms);
        Self {
            store: round_trip.clone(),
            queue: round_trip.clone(),
            notify: round_trip.clone(),
            impact: round_trip,
            scanner: always(round_trip_ms * SCAN_ROUND_TRIPS),
            ..self
        }
    }

    /// Returns the scenario with the drawn latencies set. Those of a mode or of slow images stay.
    pub(super) fn applied_to(&self, scenario: Scenario) -> Scenario {
        let set = |drawn: &Option<DurationDistribution>, stated: DurationDistribution| {
            drawn.clone().unwrap_or(stated)
        };
        let LatencySpec {
            store,
            queue,
            notify,
            impact,
        } = scenario.latency;
        Scenario {
            latency: LatencySpec {
                store: set(&self.store, store),
                queue: set(&self.queue, queue),
                notify: set(&self.notify, notify),
                impact: set(&self.impact, impact),
            },
            scanner: ScannerSpec {
                latency: set(&self.scanner, scenario.scanner.latency),
                retry_after: set(&self.retry_after, scenario.scanner.retry_after),
                ..scenario.scanner
            },
            ..scenario
        }
    }
}

impl fmt::Display for ServiceLatency {
    /// Writes the latencies as arguments of `--set`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut arguments = SetArguments::default();
        arguments.add("latency", "store", self.store.as_ref());
        arguments.add("latency", "queue", self.queue.as_ref());
        arguments.add("latency", "notify", self.notify.as_ref());
        arguments.add("latency", "impact", self.impact.as_ref());
        arguments.add("scanner", "latency", self.scanner.as_ref());
        arguments.add("scanner", "retryAfter", self.retry_after.as_ref());
        arguments.fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scenario::Loader;

    #[test]
    fn swarm_draws_each_latency_for_about_half_of_the_seeds() {
        let (mut counts, mut constant) = ([0; 6], 0);
        for seed in 0..200 {
            let drawn = ServiceLatency::draw(FaultProfile::Swarm, seed);
            let ServiceLatency {
                store,
                queue,
                notify,
                impact,
                scanner,
                retry_after,
            } = drawn;
            let all = [store, queue, notify, impact, scanner, retry_after];
            for (count, drawn) in counts.iter_mut().zip(&all) {
                *count += usize::from(drawn.is_some());
            }
            constant += usize::from(matches!(all, [Some(DistributionSpec::Constant { .. }), ..]));
            for drawn in all.into_iter().flatten() {
                if let DistributionSpec::Lognormal { median, p99 } = drawn {
                    assert!(p99 > median);
                }
            }
        }
        let is_half = |count: &usize| (70..130).contains(count);
        assert!(counts.iter().all(is_half), "{counts:?}");
        assert!((12..40).contains(&constant), "{constant} of 200 seeds");
        for profile in [FaultProfile::None, FaultProfile::Light, FaultProfile::Heavy] {
            let drawn = ServiceLatency::draw(profile, 1);
            assert_eq!(drawn, ServiceLatency::default());
        }
    }

    #[test]
    fn drawn_latencies_are_set_as_the_command_line_takes_them() {
        let latency = |median_ms, p99_ms| {
            Some(DistributionSpec::Lognormal {
                median: Duration::from_millis(median_ms),
                p99: Duration::from_millis(p99_ms),
            })
        };
        let drawn = ServiceLatency {
            store: latency(30, 1_500),
            retry_after: latency(1_000, 9_000),
            ..ServiceLatency::default()
        };
        assert_eq!(
            drawn.to_string(),
            "--set 'latency.store={ kind = \"lognormal\", median = \"30ms\", p99 = \"1s500ms\" }' \
             --set 'scanner.retryAfter={ kind = \"lognormal\", median = \"1s\", p99 = \"9s\" }'"
        );
        let text = |keys: &str| {
            let text = format!("name = \"latency\"\nduration = \"1h\"\n{keys}");
            Loader::default()
                .parse("latency.toml", &text, None)
                .unwrap()
        };
        let schedule = "[[schedule]]\nid = \"s\"\nwhenCron = \"0 * * * *\"\n";
        let stated = text(&format!(
            "{schedule}[latency]\n\
             store = {{ kind = \"lognormal\", median = \"30ms\", p99 = \"1s500ms\" }}\n\
             [scanner]\n\
             retryAfter = {{ kind = \"lognormal\", median = \"1s\", p99 = \"9s\" }}\n"
        ));
        assert_eq!(drawn.applied_to(text(schedule)), stated);
    }
}
