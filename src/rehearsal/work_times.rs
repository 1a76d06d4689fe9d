//! Mean times of work in a world without faults, by which the drain is measured.

use std::time::Duration;

use crate::check::WorkTimes;
use crate::model::Mode;
use crate::scenario::{DurationDistribution, Scenario};
use crate::sim::distribution::DistributionError;
use crate::sim::kernel::RandomStream;
use crate::sim::sampler::Sampler;
use rehearsal_convert::Nearest;

/// Number of draws of which the mean of a distribution is taken.
const DRAWS: u32 = 1_000;

/// Maximum number of calls of store and queue, each, that a segment takes besides its scans: lease,
/// reads, commit, acknowledgement, its release and its events.
const CALLS_PER_SEGMENT: f64 = 10.0;

/// Returns the mean times of a scenario.
///
/// # Errors
/// A distribution of the scenario has impossible parameters.
pub(super) fn work_times(scenario: &Scenario) -> Result<WorkTimes, DistributionError> {
    let (scanner, latency) = (&scenario.scanner, &scenario.latency);
    let slow = mean_seconds(&scanner.slow_latency)?;
    let failing = (scanner.error_probability.0 + scanner.rate_limit_probability.0).min(0.9);
    let retries = failing / (1.0 - failing);
    let retry_after = mean_seconds(&scanner.retry_after)?;
    let mut scan = [Duration::ZERO; 2];
    for mode in Mode::ALL {
        let own = match mode {
            Mode::AnalysisOnly => &scanner.analysis_only_latency,
            Mode::ContentRefresh => &scanner.content_refresh_latency,
        };
        let usual = mean_seconds(own.as_ref().unwrap_or(&scanner.latency))?;
        let request = usual + scanner.slow_share.0 * (slow - usual);
        scan[mode.index()] = duration(request + retries * (request + retry_after));
    }
    let call = mean_seconds(&latency.store)? + mean_seconds(&latency.queue)?;
    Ok(WorkTimes {
        scan,
        segment: duration(CALLS_PER_SEGMENT * call),
    })
}

fn mean_seconds(distribution: &DurationDistribution) -> Result<f64, DistributionError> {
    let sampler = Sampler::of_durations(distribution)?;
    let stream = &mut RandomStream::new(0, "rehearsal.work-times");
    let sum_ns: f64 = (0..DRAWS).map(|_| sampler.draw(stream)).sum();
    Ok(sum_ns / 1e9 / DRAWS.nearest_f64())
}

/// A duration that saturates: a distribution may have an infinite mean.
fn duration(seconds: f64) -> Duration {
    Duration::try_from_secs_f64(seconds).unwrap_or(Duration::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scenario::Loader;

    #[test]
    fn times_include_slow_images_and_retries() {
        let text = "name = \"times\"\nduration = \"1h\"\n[[schedule]]\nid = \"s\"\n\
                    [scanner]\nlatency = \"1s\"\ncontentRefreshLatency = \"2s\"\n\
                    slowShare = 0.1\nslowLatency = \"11s\"\n\
                    rateLimitProbability = 0.5\nretryAfter = \"4s\"\n\
                    [latency]\nstore = \"30ms\"\nqueue = \"20ms\"\n";
        let scenario = Loader::default().parse("times.toml", text, None);
        let scenario = scenario.unwrap_or_else(|problems| panic!("{problems}"));
        let times = work_times(&scenario).unwrap();
        // A mean request of 2 s, and on average one retry after 4 s.
        let seconds = times.scan.map(|scan| scan.as_secs_f64());
        assert!(
            (seconds[Mode::AnalysisOnly.index()] - 8.0).abs() < 1e-6,
            "{seconds:?}"
        );
        assert!(
            (seconds[Mode::ContentRefresh.index()] - 9.8).abs() < 1e-6,
            "{seconds:?}"
        );
        assert_eq!(times.segment, Duration::from_millis(500));
    }
}
