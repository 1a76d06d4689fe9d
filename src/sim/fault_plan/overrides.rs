//! Worker options drawn from a seed: small segments, few attempts and short leases make rare paths
//! common.

use std::fmt;

use super::FaultProfile;
use crate::sim::draw_index;
use crate::sim::kernel::RandomStream;
use crate::worker::duration::Duration;
use crate::worker::options::WorkerOptions;
use rehearsal_convert::Index;

/// Worker options that a profile has drawn; `None` keeps the value of the scenario.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[allow(missing_docs, reason = "each is named after the option that it sets")]
pub struct PlanOverrides {
    pub segment_size: Option<u32>,
    pub segments_at_once: Option<u32>,
    pub lease: Option<Duration>,
    pub max_delivery_attempts: Option<u32>,
    pub planner_batch: Option<u32>,
    pub scanner_attempts: Option<u32>,
    pub dead_letter_enabled: Option<bool>,
}

impl PlanOverrides {
    /// Draws options for `swarm`; every other profile keeps all of them.
    pub(super) fn draw(profile: FaultProfile, seed: u64) -> Self {
        if profile != FaultProfile::Swarm {
            return Self::default();
        }
        let stream = &mut RandomStream::new(seed, "profile.options");
        // Each option keeps its value half of the time.
        let mut often = |values: [u64; 3]| {
            let index = draw_index(stream, 2 * values.len());
            values.get(index).copied()
        };
        let mut count = |values| often(values).map(Index::index_u32);
        Self {
            segment_size: count([1, 3, 17]),
            segments_at_once: count([1, 2, 30]),
            max_delivery_attempts: count([1, 2, 8]),
            planner_batch: count([1, 2, 5]),
            scanner_attempts: count([1, 2, 6]),
            lease: often([6, 10, 20]).map(Duration::from_secs),
            dead_letter_enabled: often([0, 0, 1]).map(|enabled| enabled == 1),
        }
    }

    /// Returns the options with the drawn ones set. The receive wait time stays below a third of
    /// the lease.
    pub(super) fn applied_to(&self, options: WorkerOptions) -> WorkerOptions {
        let lease = self.lease.map_or(options.lease, Duration::std);
        let wait = options.receive_wait_time;
        WorkerOptions {
            segment_size: self.segment_size.unwrap_or(options.segment_size),
            segments_at_once: self.segments_at_once.unwrap_or(options.segments_at_once),
            max_delivery_attempts: self
                .max_delivery_attempts
                .unwrap_or(options.max_delivery_attempts),
            planner_batch: self.planner_batch.unwrap_or(options.planner_batch),
            scanner_attempts: self.scanner_attempts.unwrap_or(options.scanner_attempts),
            dead_letter_enabled: self
                .dead_letter_enabled
                .unwrap_or(options.dead_letter_enabled),
            lease,
            receive_wait_time: self.lease.map_or(wait, |_| wait.min(lease / 3)),
            ..options
        }
    }
}

impl fmt::Display for PlanOverrides {
    /// Writes the options as arguments of `--set`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = |value: Option<u32>| value.map(|value| value.to_string());
        let options = [
            ("segmentSize", text(self.segment_size)),
            ("segmentsAtOnce", text(self.segments_at_once)),
            ("maxDeliveryAttempts", text(self.max_delivery_attempts)),
            ("plannerBatch", text(self.planner_batch)),
            ("scannerAttempts", text(self.scanner_attempts)),
            ("lease", self.lease.map(|lease| format!("\"{lease}\""))),
            (
                "deadLetterEnabled",
                self.dead_letter_enabled.map(|enabled| enabled.to_string()),
            ),
        ];
        let drawn = options
            .iter()
            .filter_map(|(key, value)| Some((key, value.as_ref()?)));
        for (index, (key, value)) in drawn.enumerate() {
            let space = if index == 0 { "" } else { " " };
            write!(f, "{space}--set 'workers.options.{key}={value}'")?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn applied(profile: FaultProfile, seed: u64) -> WorkerOptions {
        PlanOverrides::draw(profile, seed).applied_to(WorkerOptions::default())
    }

    #[test]
    fn swarm_options_are_valid_and_mostly_differ_from_the_defaults() {
        let mut changed = 0;
        for seed in 0..100 {
            let options = applied(FaultProfile::Swarm, seed);
            assert_eq!(options.validate(), Ok(()));
            assert!(options.receive_wait_time <= options.lease / 3);
            changed += usize::from(options != WorkerOptions::default());
        }
        assert!(changed > 90, "{changed} of 100 seeds change an option");
        for profile in [FaultProfile::None, FaultProfile::Light, FaultProfile::Heavy] {
            assert!((0..20).all(|seed| applied(profile, seed) == WorkerOptions::default()));
        }
    }

    #[test]
    fn swarm_draws_every_option_for_about_half_of_the_seeds() {
        let mut counts = [0; 7];
        for seed in 0..200 {
            let drawn = PlanOverrides::draw(FaultProfile::Swarm, seed);
            let is_drawn = [
                drawn.segment_size.is_some(),
                drawn.segments_at_once.is_some(),
                drawn.lease.is_some(),
                drawn.max_delivery_attempts.is_some(),
                drawn.planner_batch.is_some(),
                drawn.scanner_attempts.is_some(),
                drawn.dead_letter_enabled.is_some(),
            ];
            for (count, is_drawn) in counts.iter_mut().zip(is_drawn) {
                *count += usize::from(is_drawn);
            }
        }
        assert!(
            counts.iter().all(|count| (70..130).contains(count)),
            "{counts:?}"
        );
    }

    #[test]
    fn overrides_set_every_option_that_they_name() {
        let overrides = PlanOverrides {
            segment_size: Some(3),
            segments_at_once: Some(2),
            lease: Some(Duration::from_secs(6)),
            max_delivery_attempts: Some(8),
            planner_batch: Some(1),
            scanner_attempts: Some(6),
            dead_letter_enabled: Some(false),
        };
        let options = overrides.applied_to(WorkerOptions::default());
        let expected = WorkerOptions {
            segment_size: 3,
            segments_at_once: 2,
            lease: std::time::Duration::from_secs(6),
            receive_wait_time: std::time::Duration::from_secs(2),
            max_delivery_attempts: 8,
            planner_batch: 1,
            scanner_attempts: 6,
            dead_letter_enabled: false,
            ..WorkerOptions::default()
        };
        assert_eq!(options, expected);
        let none = PlanOverrides::default().applied_to(WorkerOptions::default());
        assert_eq!(none, WorkerOptions::default());
    }

    #[test]
    fn overrides_are_written_as_the_command_line_takes_them() {
        let overrides = PlanOverrides {
            segment_size: Some(3),
            lease: Some(Duration::from_secs(6)),
            ..PlanOverrides::default()
        };
        assert_eq!(
            overrides.to_string(),
            "--set 'workers.options.segmentSize=3' --set 'workers.options.lease=\"6s\"'"
        );
    }
}
