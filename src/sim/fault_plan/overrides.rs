//! Options of the worker drawn from a seed, so that rare paths are common.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::FaultProfile;
use crate::model::duration::Duration;
use crate::sim::kernel::RandomStream;
use crate::worker::options::WorkerOptions;

/// Options of the worker that a profile has drawn. Those that are absent stay.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
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
    /// Draws options; none but for `swarm`.
    pub(super) fn draw(profile: FaultProfile, seed: u64) -> Self {
        if profile != FaultProfile::Swarm {
            return Self::default();
        }
        let stream = &mut RandomStream::new(seed, "profile.options");
        // Each stays as it is half of the time.
        let mut often = |values: [u64; 3]| {
            let place = stream.below(2 * values.len() as u64) as usize;
            values.get(place).copied()
        };
        let mut count = |values| often(values).map(|count| count as u32);
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

    /// Sets the options. What follows from the lease is kept in proportion.
    pub fn apply(&self, options: &mut WorkerOptions) {
        let set = |option: &mut u32, value: Option<u32>| *option = value.unwrap_or(*option);
        set(&mut options.segment_size, self.segment_size);
        set(&mut options.segments_at_once, self.segments_at_once);
        set(
            &mut options.max_delivery_attempts,
            self.max_delivery_attempts,
        );
        set(&mut options.planner_batch, self.planner_batch);
        set(&mut options.scanner_attempts, self.scanner_attempts);
        if let Some(enabled) = self.dead_letter_enabled {
            options.dead_letter_enabled = enabled;
        }
        if let Some(lease) = self.lease {
            options.lease = lease.std();
            options.receive_wait_time = options.receive_wait_time.min(options.lease / 3);
        }
    }
}

impl fmt::Display for PlanOverrides {
    /// Writes them as `--set` takes them.
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

    #[test]
    fn drawn_options_are_valid() {
        for seed in 0..100 {
            let mut options = WorkerOptions::default();
            PlanOverrides::draw(FaultProfile::Swarm, seed).apply(&mut options);
            assert_eq!(options.validate(), Ok(()));
        }
        let is_drawn = |seed: &u64| {
            let mut options = WorkerOptions::default();
            PlanOverrides::draw(FaultProfile::Swarm, *seed).apply(&mut options);
            options != WorkerOptions::default()
        };
        assert!((0..100).filter(is_drawn).count() > 90);
        assert_eq!(
            PlanOverrides::draw(FaultProfile::Heavy, 1),
            PlanOverrides::default()
        );
    }

    #[test]
    fn they_are_written_as_the_command_line_takes_them() {
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
