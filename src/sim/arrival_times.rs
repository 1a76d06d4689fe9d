//! When something happens: from a scenario's words to offsets from the start.

use crate::scenario::Timing;
use crate::sim::kernel::RandomStream;

/// No entry of a scenario happens more often than this.
const ARRIVAL_TIMES_MAX: usize = 1_000_000;

/// The offsets from the start, in nanoseconds, at which it happens before `duration_ns`, ascending.
pub(super) fn arrival_times(
    timing: &Timing,
    duration_ns: u64,
    stream: &mut RandomStream,
) -> Vec<u64> {
    if let Some(at) = timing.at {
        return vec![at.as_nanos()]
            .into_iter()
            .filter(|at_ns| *at_ns < duration_ns)
            .collect();
    }
    let from_ns = timing
        .from
        .map_or(0, super::super::model::duration::Duration::as_nanos);
    let until_ns = timing.until.map_or(
        duration_ns,
        super::super::model::duration::Duration::as_nanos,
    );
    let until_ns = until_ns.min(duration_ns);
    let mut gap_ns = || match (timing.every, timing.mean_interval) {
        (Some(every), _) => every.as_nanos(),
        (None, Some(mean)) => exponential_ns(mean.as_nanos(), stream),
        // A scenario that was validated says when.
        (None, None) => u64::MAX,
    };
    let mut offsets = Vec::new();
    let mut next_ns = from_ns.saturating_add(gap_ns().max(1));
    while next_ns < until_ns && offsets.len() < ARRIVAL_TIMES_MAX {
        offsets.push(next_ns);
        next_ns = next_ns.saturating_add(gap_ns().max(1));
    }
    offsets
}

/// A gap between events that know nothing of one another.
fn exponential_ns(mean_ns: u64, stream: &mut RandomStream) -> u64 {
    // The cast saturates; 1 - uniform is never 0.
    (mean_ns as f64 * -libm::log(1.0 - stream.uniform())) as u64
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::duration::Duration;

    fn at(timing: &Timing) -> Vec<u64> {
        let mut stream = RandomStream::new(1, "test");
        arrival_times(timing, Duration::from_secs(100).as_nanos(), &mut stream)
            .into_iter()
            .map(|offset_ns| offset_ns / 1_000_000_000)
            .collect()
    }

    #[test]
    fn every_begins_one_interval_after_from() {
        let timing = Timing {
            every: Some(Duration::from_secs(20)),
            from: Some(Duration::from_secs(15)),
            until: Some(Duration::from_secs(90)),
            ..Timing::default()
        };
        assert_eq!(at(&timing), [35, 55, 75]);
    }

    #[test]
    fn what_comes_after_the_end_does_not_come() {
        let late = Timing {
            at: Some(Duration::from_secs(100)),
            ..Timing::default()
        };
        assert!(at(&late).is_empty());
        assert!(at(&Timing::default()).is_empty());
    }

    #[test]
    fn a_mean_interval_gives_about_as_many() {
        let timing = Timing {
            mean_interval: Some(Duration::from_secs(1)),
            ..Timing::default()
        };
        assert!((70..130).contains(&at(&timing).len()));
    }
}
