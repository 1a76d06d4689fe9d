//! Arrival times: from the timing of a scenario entry to offsets from the start.

use crate::scenario::Timing;
use crate::sim::kernel::RandomStream;
use crate::worker::duration::Duration;
use rehearsal_convert::{Nearest, Saturating};

/// Maximum number of arrivals of one entry of a scenario, twice what a scenario may
/// expect.
const ARRIVALS_MAX: usize = 2_000_000;

/// Returns the offsets from the start, in nanoseconds and ascending, that lie before `duration_ns`.
pub(super) fn arrival_times(
    timing: &Timing,
    duration_ns: u64,
    stream: &mut RandomStream,
) -> Vec<u64> {
    if let Some(at) = timing.at {
        let at_ns = at.as_nanos();
        return (at_ns < duration_ns).then_some(at_ns).into_iter().collect();
    }
    let from_ns = timing.from.map_or(0, Duration::as_nanos);
    let until_ns = timing.until.map_or(duration_ns, Duration::as_nanos);
    let until_ns = until_ns.min(duration_ns);
    let mut gap_ns = || match (timing.every, timing.mean_interval) {
        (Some(every), _) => every.as_nanos(),
        (None, Some(mean)) => exponential_ns(mean.as_nanos(), stream),
        // A validated scenario states one of them.
        (None, None) => u64::MAX,
    };
    let mut offsets = Vec::new();
    let mut next_ns = from_ns.saturating_add(gap_ns().max(1));
    while next_ns < until_ns && offsets.len() < ARRIVALS_MAX {
        offsets.push(next_ns);
        next_ns = next_ns.saturating_add(gap_ns().max(1));
    }
    debug_assert!(offsets.is_sorted());
    offsets
}

/// Draws a gap of a Poisson process, in nanoseconds.
fn exponential_ns(mean_ns: u64, stream: &mut RandomStream) -> u64 {
    // 1 - uniform is never 0.
    (mean_ns.nearest_f64() * -libm::log(1.0 - stream.uniform())).saturating_u64()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(timing: &Timing) -> Vec<u64> {
        let mut stream = RandomStream::new(1, "test");
        arrival_times(timing, Duration::from_secs(100).as_nanos(), &mut stream)
            .into_iter()
            .map(|offset_ns| offset_ns / 1_000_000_000)
            .collect()
    }

    #[test]
    fn every_starts_one_interval_after_from() {
        let timing = Timing {
            every: Some(Duration::from_secs(20)),
            from: Some(Duration::from_secs(15)),
            until: Some(Duration::from_secs(90)),
            ..Timing::default()
        };
        assert_eq!(at(&timing), [35, 55, 75]);
    }

    #[test]
    fn arrivals_after_the_end_are_dropped() {
        let late = Timing {
            at: Some(Duration::from_secs(100)),
            ..Timing::default()
        };
        assert!(at(&late).is_empty());
        assert!(at(&Timing::default()).is_empty());
    }

    #[test]
    fn mean_interval_gives_about_as_many_arrivals() {
        let timing = Timing {
            mean_interval: Some(Duration::from_secs(1)),
            ..Timing::default()
        };
        assert!((70..130).contains(&at(&timing).len()));
    }
}
