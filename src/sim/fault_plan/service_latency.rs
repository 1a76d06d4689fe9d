//! Latencies of the services and Retry-After, drawn from a seed: a worker that is right only while
//! its services answer at once shows it.

use std::fmt;

use super::{FaultProfile, draw_log_uniform};
use crate::scenario::{DistributionSpec, DurationDistribution, LatencySpec, ScannerSpec, Scenario};
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

/// Median and 99th percentile of a lognormal distribution.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DrawnLatency {
    /// Half of the draws are longer.
    pub median: Duration,
    /// One draw in a hundred is longer.
    pub p99: Duration,
}

impl DrawnLatency {
    fn draw(stream: &mut RandomStream, (low_ms, high_ms): (f64, f64)) -> Self {
        let median_ms = draw_log_uniform(stream, low_ms, high_ms);
        let p99_ms = median_ms * draw_log_uniform(stream, TAIL.0, TAIL.1);
        let whole = |ms: f64| Duration::from_millis(ms.saturating_u64().max(1));
        Self {
            median: whole(median_ms),
            p99: whole(p99_ms).max(Duration::from_millis(2)),
        }
    }

    fn distribution(self) -> DurationDistribution {
        let Self { median, p99 } = self;
        DistributionSpec::Lognormal { median, p99 }
    }
}

/// Latencies that a profile has drawn; `None` keeps the value of the scenario.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[allow(missing_docs, reason = "each is named after the key that it sets")]
pub struct ServiceLatency {
    pub store: Option<DrawnLatency>,
    pub queue: Option<DrawnLatency>,
    pub notify: Option<DrawnLatency>,
    pub impact: Option<DrawnLatency>,
    pub scanner: Option<DrawnLatency>,
    pub retry_after: Option<DrawnLatency>,
}

impl ServiceLatency {
    /// Draws latencies for `swarm`, each for half of the seeds; every other profile keeps all.
    pub(super) fn draw(profile: FaultProfile, seed: u64) -> Self {
        if profile != FaultProfile::Swarm {
            return Self::default();
        }
        let stream = &mut RandomStream::new(seed, "profile.latency");
        let mut often = |range| {
            let drawn = DrawnLatency::draw(stream, range);
            (stream.below(2) == 0).then_some(drawn)
        };
        Self {
            store: often(ROUND_TRIP_MS),
            queue: often(ROUND_TRIP_MS),
            notify: often(ROUND_TRIP_MS),
            impact: often(ROUND_TRIP_MS),
            scanner: often(SCAN_MS),
            retry_after: often(RETRY_AFTER_MS),
        }
    }

    /// Returns the scenario with the drawn latencies set. Those of a mode or of slow images stay.
    pub(super) fn applied_to(self, scenario: Scenario) -> Scenario {
        let set = |drawn: Option<DrawnLatency>, stated: DurationDistribution| {
            drawn.map_or(stated, DrawnLatency::distribution)
        };
        let LatencySpec {
            store,
            queue,
            notify,
            impact,
        } = scenario.latency;
        Scenario {
            latency: LatencySpec {
                store: set(self.store, store),
                queue: set(self.queue, queue),
                notify: set(self.notify, notify),
                impact: set(self.impact, impact),
            },
            scanner: ScannerSpec {
                latency: set(self.scanner, scenario.scanner.latency),
                retry_after: set(self.retry_after, scenario.scanner.retry_after),
                ..scenario.scanner
            },
            ..scenario
        }
    }
}

impl fmt::Display for ServiceLatency {
    /// Writes the latencies as arguments of `--set`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let drawn = [
            ("latency.store", self.store),
            ("latency.queue", self.queue),
            ("latency.notify", self.notify),
            ("latency.impact", self.impact),
            ("scanner.latency", self.scanner),
            ("scanner.retryAfter", self.retry_after),
        ];
        let drawn = drawn
            .iter()
            .filter_map(|(key, latency)| Some((key, (*latency)?)));
        for (index, (key, DrawnLatency { median, p99 })) in drawn.enumerate() {
            let space = if index == 0 { "" } else { " " };
            write!(
                f,
                "{space}--set '{key}={{ kind = \"lognormal\", median = \"{median}\", \
                 p99 = \"{p99}\" }}'"
            )?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scenario::Loader;

    #[test]
    fn swarm_draws_each_latency_for_about_half_of_the_seeds() {
        let mut counts = [0; 6];
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
            for (count, drawn) in counts.iter_mut().zip(all) {
                *count += usize::from(drawn.is_some());
            }
            assert!(all.iter().flatten().all(|drawn| drawn.p99 > drawn.median));
        }
        let is_half = |count: &usize| (70..130).contains(count);
        assert!(counts.iter().all(is_half), "{counts:?}");
        for profile in [FaultProfile::None, FaultProfile::Light, FaultProfile::Heavy] {
            let drawn = ServiceLatency::draw(profile, 1);
            assert_eq!(drawn, ServiceLatency::default());
        }
    }

    #[test]
    fn drawn_latencies_are_set_as_the_command_line_takes_them() {
        let latency = |median_ms, p99_ms| {
            Some(DrawnLatency {
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
