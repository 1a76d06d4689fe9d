//! The worker's options, their defaults and their allowed ranges.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::backoff::Backoff;
use crate::model::duration;

/// Options of a worker process.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "camelCase", default, deny_unknown_fields)]
pub struct WorkerOptions {
    /// Between two looks of a trigger at schedules and exports, at most. A fire that it knows of is
    /// looked for when it is due.
    #[serde(with = "duration::text")]
    #[schemars(with = "duration::Duration")]
    pub trigger_poll: Duration,
    /// Between two looks of a planner at waiting runs.
    #[serde(with = "duration::text")]
    #[schemars(with = "duration::Duration")]
    pub planner_poll: Duration,
    /// Runs planned in one batch at most.
    #[schemars(range(min = 1, max = 10_000))]
    pub planner_batch: u32,
    /// Failed attempts after which planning gives up.
    #[schemars(range(min = 1, max = 100))]
    pub planner_attempts: u32,
    /// Images in a segment at most.
    #[schemars(range(min = 1, max = 10_000))]
    pub segment_size: u32,
    /// Segments worked at once by one process.
    #[schemars(range(min = 1, max = 1_000))]
    pub segments_at_once: u32,
    /// How long a lease lasts; it is renewed after a third.
    #[serde(with = "duration::text")]
    #[schemars(with = "duration::Duration")]
    pub lease: Duration,
    /// How long a call waits for a message.
    #[serde(with = "duration::text", rename = "leasePatience")]
    #[schemars(with = "duration::Duration")]
    pub receive_wait_time: Duration,
    /// Deliveries that count, after which a message is poison.
    #[schemars(range(min = 1, max = 100))]
    pub max_delivery_attempts: u32,
    /// Whether poison is set aside (or dropped and counted).
    pub dead_letter_enabled: bool,
    /// First back-off.
    #[serde(with = "duration::text")]
    #[schemars(with = "duration::Duration")]
    pub backoff_initial: Duration,
    /// Longest back-off.
    #[serde(with = "duration::text")]
    #[schemars(with = "duration::Duration")]
    pub backoff_max: Duration,
    /// Growth of the back-off, from one attempt to the next.
    #[schemars(range(min = 1, max = 10))]
    pub backoff_factor: u32,
    /// How long the Scanner may take for one request.
    #[serde(with = "duration::text")]
    #[schemars(with = "duration::Duration")]
    pub scanner_timeout: Duration,
    /// Requests per image and delivery at most.
    #[schemars(range(min = 1, max = 100))]
    pub scanner_attempts: u32,
    /// Between two looks of a relay, if nobody pokes it.
    #[serde(with = "duration::text")]
    #[schemars(with = "duration::Duration")]
    pub relay_poll: Duration,
    /// Intents and events handled at once by a relay at most.
    #[schemars(range(min = 1, max = 100_000))]
    pub relay_batch: u32,
    /// Age at which a backlog value is withheld; read again after two thirds of it.
    #[serde(with = "duration::text")]
    #[schemars(with = "duration::Duration")]
    pub backlog_refresh: Duration,
    /// Between two rounds of repair.
    #[serde(with = "duration::text")]
    #[schemars(with = "duration::Duration")]
    pub sweep_interval: Duration,
    /// A run open for longer ends in `Error`.
    #[serde(with = "duration::text")]
    #[schemars(with = "duration::Duration")]
    pub run_timeout: Duration,
    /// How long a stopping process works on before it hands its leases back.
    #[serde(with = "duration::text")]
    #[schemars(with = "duration::Duration")]
    pub stop_grace: Duration,
    /// How late a permit may be used.
    #[serde(with = "duration::text")]
    #[schemars(with = "duration::Duration")]
    pub permit_tolerance: Duration,
}

impl Default for WorkerOptions {
    fn default() -> Self {
        let seconds = Duration::from_secs;
        Self {
            trigger_poll: seconds(15),
            planner_poll: seconds(5),
            planner_batch: 20,
            planner_attempts: 5,
            segment_size: 64,
            segments_at_once: 8,
            lease: seconds(60),
            receive_wait_time: seconds(20),
            max_delivery_attempts: 5,
            dead_letter_enabled: true,
            backoff_initial: seconds(5),
            backoff_max: seconds(300),
            backoff_factor: 2,
            scanner_timeout: seconds(30),
            scanner_attempts: 3,
            relay_poll: seconds(30),
            relay_batch: 256,
            backlog_refresh: seconds(15),
            sweep_interval: seconds(60),
            run_timeout: seconds(24 * 3600),
            stop_grace: seconds(30),
            permit_tolerance: Duration::from_millis(50),
        }
    }
}

/// An option outside its range.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{key}` is {found}, and must lie between {least} and {most}")]
pub struct OptionError {
    /// The option's key.
    pub key: &'static str,
    /// Its value.
    pub found: String,
    /// The least allowed value.
    pub least: String,
    /// The greatest allowed value.
    pub most: String,
}

impl WorkerOptions {
    /// How the delays between tries grow.
    pub fn backoff(&self) -> Backoff {
        Backoff {
            initial: self.backoff_initial,
            factor: self.backoff_factor,
            max: self.backoff_max,
        }
    }

    /// Leases after which a process without a heartbeat counts as gone, and work as stale.
    pub const LEASES_UNTIL_STALE: u32 = 2;

    /// How long until a process without a heartbeat, or work without a holder, is taken over.
    pub fn stale_after(&self) -> Duration {
        self.lease * Self::LEASES_UNTIL_STALE
    }

    /// Between two renewals of a lease, and two heartbeats.
    pub fn renewal_interval(&self) -> Duration {
        self.lease / 3
    }

    /// Checks every option.
    ///
    /// # Errors
    /// Each option outside its range, in the order of the struct.
    pub fn validate(&self) -> Result<(), Vec<OptionError>> {
        let millis = Duration::from_millis;
        let seconds = Duration::from_secs;
        let hour = seconds(3600);
        let durations = [
            ("triggerPoll", self.trigger_poll, millis(100), hour),
            ("plannerPoll", self.planner_poll, millis(100), hour),
            ("lease", self.lease, seconds(3), hour),
            (
                "leasePatience",
                self.receive_wait_time,
                millis(10),
                self.lease / 3,
            ),
            (
                "backoffInitial",
                self.backoff_initial,
                millis(10),
                self.backoff_max,
            ),
            ("backoffMax", self.backoff_max, millis(10), hour),
            ("scannerTimeout", self.scanner_timeout, millis(100), hour),
            ("relayPoll", self.relay_poll, millis(100), hour),
            ("backlogRefresh", self.backlog_refresh, seconds(1), hour),
            ("sweepInterval", self.sweep_interval, seconds(1), hour),
            ("runTimeout", self.run_timeout, seconds(60), hour * 24 * 365),
            ("stopGrace", self.stop_grace, Duration::ZERO, hour),
            (
                "permitTolerance",
                self.permit_tolerance,
                millis(1),
                seconds(1),
            ),
        ];
        let counts = [
            ("plannerBatch", self.planner_batch, 1, 10_000),
            ("plannerAttempts", self.planner_attempts, 1, 100),
            ("segmentSize", self.segment_size, 1, 10_000),
            ("segmentsAtOnce", self.segments_at_once, 1, 1_000),
            ("maxDeliveryAttempts", self.max_delivery_attempts, 1, 100),
            ("backoffFactor", self.backoff_factor, 1, 10),
            ("scannerAttempts", self.scanner_attempts, 1, 100),
            ("relayBatch", self.relay_batch, 1, 100_000),
        ];
        let durations = durations
            .into_iter()
            .filter(|(_, found, least, most)| !(least..=most).contains(&found))
            .map(|(key, found, least, most)| OptionError {
                key,
                found: duration::Duration::from(found).to_string(),
                least: duration::Duration::from(least).to_string(),
                most: duration::Duration::from(most).to_string(),
            });
        let counts = counts
            .into_iter()
            .filter(|(_, found, least, most)| !(least..=most).contains(&found))
            .map(|(key, found, least, most)| OptionError {
                key,
                found: found.to_string(),
                least: least.to_string(),
                most: most.to_string(),
            });
        let errors: Vec<OptionError> = durations.chain(counts).collect();
        if errors.is_empty() {
            Ok(())
        } else {
            Err(errors)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_defaults_are_valid() {
        assert_eq!(WorkerOptions::default().validate(), Ok(()));
    }

    #[test]
    fn each_bad_value_is_named_with_its_range() {
        let options = WorkerOptions {
            lease: Duration::from_secs(1),
            receive_wait_time: Duration::from_millis(100),
            segment_size: 0,
            ..WorkerOptions::default()
        };
        let errors = options.validate().unwrap_err();
        let messages: Vec<String> = errors.iter().map(ToString::to_string).collect();
        assert_eq!(
            messages,
            [
                "`lease` is 1s, and must lie between 3s and 1h",
                "`segmentSize` is 0, and must lie between 1 and 10000",
            ]
        );
    }
}
