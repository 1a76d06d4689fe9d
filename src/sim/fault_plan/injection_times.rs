//! Times of drawn faults and operations.
//!
//! Uniform times alone would seldom disturb a run: most schedules are idle most of the time. So the
//! `swarm` profile draws half of all times shortly after a cron fire, while its run is planned,
//! queued, scanned, or has just ended.

use super::{FaultProfile, draw_log_uniform};
use crate::model::Timestamp;
use crate::model::calendar::Calendar;
use crate::model::time::nanos_of;
use crate::scenario::{Scenario, ScheduleSpec};
use crate::sim::draw_index;
use crate::sim::kernel::RandomStream;
use crate::worker::duration::Duration;
use rehearsal_convert::Saturating;

/// Maximum number of fires of one schedule that times are aimed at.
const FIRES_MAX: usize = 1_000;

/// Delay range, in seconds after a cron fire, for faults that target its run.
const AFTER_FIRE_SECONDS: (f64, f64) = (0.01, 300.0);

/// Distribution of the times of faults and operations over the first nine tenths of a scenario.
pub(super) struct InjectionTimes {
    /// Cron fires, counted from the start; empty unless the profile aims at fires.
    fires_ns: Vec<u64>,
    end_ns: u64,
}

impl InjectionTimes {
    /// Builds the distribution for a scenario. Only `swarm` aims at fires.
    pub fn new(scenario: &Scenario, profile: FaultProfile) -> Self {
        let end_ns = scenario.duration.as_nanos() / 10 * 9;
        let fires_ns = match profile {
            FaultProfile::Swarm => fires_ns(scenario, end_ns),
            _ => Vec::new(),
        };
        Self { fires_ns, end_ns }
    }

    /// Draws a time since the start. If there are fires, half of the times follow one.
    pub fn draw(&self, stream: &mut RandomStream) -> Duration {
        let is_aimed = !self.fires_ns.is_empty() && stream.chance(0.5);
        let at_ns = is_aimed.then(|| self.draw_after_fire(stream));
        let at_ns = at_ns.filter(|at_ns| *at_ns < self.end_ns);
        Duration::from_nanos(at_ns.unwrap_or_else(|| stream.below(self.end_ns)))
    }

    fn draw_after_fire(&self, stream: &mut RandomStream) -> u64 {
        let fire_ns = self.fires_ns[draw_index(stream, self.fires_ns.len())];
        let (soonest, latest) = AFTER_FIRE_SECONDS;
        fire_ns + (draw_log_uniform(stream, soonest, latest) * 1e9).saturating_u64()
    }
}

/// Returns the fires of the schedules that a scenario writes out, counted from its start.
fn fires_ns(scenario: &Scenario, end_ns: u64) -> Vec<u64> {
    let end = scenario.start.after(Duration::from_nanos(end_ns).std());
    let enabled = scenario
        .schedules
        .iter()
        .filter(|schedule| schedule.enabled);
    let fires = enabled.flat_map(|schedule| cron_fires(schedule, scenario.start, end));
    fires
        .map(|fire| nanos_of(fire.since(scenario.start)))
        .collect()
}

/// The first [`FIRES_MAX`] cron fires of a schedule after `start` and before `end`.
pub(super) fn cron_fires(
    schedule: &ScheduleSpec,
    start: Timestamp,
    end: Timestamp,
) -> impl Iterator<Item = Timestamp> {
    let expression = schedule.when_cron.as_deref();
    // A scenario that was validated has no other expressions.
    let calendar = expression.and_then(|text| Calendar::new(text, &schedule.time_zone).ok());
    let mut next = calendar
        .as_ref()
        .and_then(|calendar| calendar.next_after(start));
    let all = std::iter::from_fn(move || {
        let fire = next?;
        next = calendar
            .as_ref()
            .and_then(|calendar| calendar.next_after(fire));
        Some(fire)
    });
    all.take_while(move |fire| *fire < end).take(FIRES_MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scenario::Loader;

    #[test]
    fn swarm_times_follow_fires_half_of_the_time() {
        let text = "name = \"aimed\"\nstart = 2024-05-06T00:00:00Z\nduration = \"2h\"\n\
                    [[schedule]]\nid = \"nightly\"\nwhenCron = \"0 1 * * *\"\n";
        let scenario = Loader::default().parse("aimed.toml", text, None).unwrap();
        let aimed = |profile| {
            let times = InjectionTimes::new(&scenario, profile);
            let stream = &mut RandomStream::new(1, "test");
            let drawn = (0..1_000).map(|_| times.draw(stream).as_secs_f64());
            drawn
                .inspect(|seconds| assert!(*seconds < 6_480.0))
                .filter(|seconds| (3_600.0..3_900.0).contains(seconds))
                .count()
        };
        assert!((450..600).contains(&aimed(FaultProfile::Swarm)));
        assert!(aimed(FaultProfile::Heavy) < 100);
    }
}
