//! Options of a worker process, with defaults and allowed ranges.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::duration;
use crate::flow::backoff::Backoff;

/// Options of a worker process. All processes of a fleet have the same.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "camelCase", default, deny_unknown_fields)]
pub struct WorkerOptions {
    /// Maximum delay between two polls of a trigger for schedules and exports. A known fire is
    /// handled when it is due.
    #[serde(with = "duration::text")]
    #[schemars(with = "duration::Duration")]
    pub trigger_poll: Duration,
    /// Delay between two polls of a planner for waiting runs.
    #[serde(with = "duration::text")]
    #[schemars(with = "duration::Duration")]
    pub planner_poll: Duration,
    /// Maximum runs planned in one batch.
    #[schemars(range(min = 1, max = 10_000))]
    pub planner_batch: u32,
    /// Failed attempts after which planning of a run ends in `Error`.
    #[schemars(range(min = 1, max = 100))]
    pub planner_attempts: u32,
    /// Maximum images in a segment.
    #[schemars(range(min = 1, max = 10_000))]
    pub segment_size: u32,
    /// Maximum segments that one process works on at once.
    #[schemars(range(min = 1, max = 1_000))]
    pub segments_at_once: u32,
    /// Duration of a lease. It is renewed after each third.
    #[serde(with = "duration::text")]
    #[schemars(with = "duration::Duration")]
    pub lease: Duration,
    /// Maximum time that a call to a queue waits for a message.
    #[serde(with = "duration::text", rename = "leasePatience")]
    #[schemars(with = "duration::Duration")]
    pub receive_wait_time: Duration,
    /// Counted deliveries after which a message is poison.
    #[schemars(range(min = 1, max = 100))]
    pub max_delivery_attempts: u32,
    /// Whether a poison message becomes a dead letter, or is dropped and counted.
    pub dead_letter_enabled: bool,
    /// Maximum delay after the first failed attempt.
    #[serde(with = "duration::text")]
    #[schemars(with = "duration::Duration")]
    pub backoff_initial: Duration,
    /// Maximum delay after any failed attempt.
    #[serde(with = "duration::text")]
    #[schemars(with = "duration::Duration")]
    pub backoff_max: Duration,
    /// Factor by which the maximum delay grows from one attempt to the next.
    #[schemars(range(min = 1, max = 10))]
    pub backoff_factor: u32,
    /// Timeout of one request to the Scanner.
    #[serde(with = "duration::text")]
    #[schemars(with = "duration::Duration")]
    pub scanner_timeout: Duration,
    /// Maximum requests per image and delivery.
    #[schemars(range(min = 1, max = 100))]
    pub scanner_attempts: u32,
    /// Maximum delay between two polls of a relay. A commit of its own process wakes it earlier.
    #[serde(with = "duration::text")]
    #[schemars(with = "duration::Duration")]
    pub relay_poll: Duration,
    /// Maximum intents or events that a relay handles at once.
    #[schemars(range(min = 1, max = 100_000))]
    pub relay_batch: u32,
    /// Age at which a backlog value is withheld. It is read again after two thirds of this.
    #[serde(with = "duration::text")]
    #[schemars(with = "duration::Duration")]
    pub backlog_refresh: Duration,
    /// Delay between two repairs.
    #[serde(with = "duration::text")]
    #[schemars(with = "duration::Duration")]
    pub sweep_interval: Duration,
    /// Time after which an unfinished run ends in `Error`.
    #[serde(with = "duration::text")]
    #[schemars(with = "duration::Duration")]
    pub run_timeout: Duration,
    /// Time that a stopping process has to finish work before it releases its leases.
    #[serde(with = "duration::text")]
    #[schemars(with = "duration::Duration")]
    pub stop_grace: Duration,
    /// Maximum time after a permit's instant at which it may be used. After a slower answer of the
    /// store it is up to 2 s longer.
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
    /// Key of the option in scenario files.
    pub key: &'static str,
    /// Value of the option.
    pub found: String,
    /// Minimum allowed value.
    pub least: String,
    /// Maximum allowed value.
    pub most: String,
}

/// Key, value, minimum and maximum of an option.
type OptionRange<T> = (&'static str, T, T, T);

/// Returns the error of an option outside its range. `shown` makes a value readable.
fn range_error<T: Copy + PartialOrd>(
    (key, found, least, most): OptionRange<T>,
    shown: impl Fn(T) -> String,
) -> Option<OptionError> {
    (found < least || found > most).then(|| OptionError {
        key,
        found: shown(found),
        least: shown(least),
        most: shown(most),
    })
}

impl WorkerOptions {
    /// Leases without a heartbeat after which a process counts as dead, and work as stale.
    pub const LEASES_UNTIL_STALE: u32 = 2;

    /// Returns the growth of the delays between attempts.
    pub(crate) fn backoff(&self) -> Backoff {
        Backoff {
            initial: self.backoff_initial,
            factor: self.backoff_factor,
            max: self.backoff_max,
        }
    }

    /// Returns the time after which a process without a heartbeat, or work without a holder, is
    /// taken over.
    pub fn stale_after(&self) -> Duration {
        self.lease * Self::LEASES_UNTIL_STALE
    }

    /// Returns the delay between two renewals of a lease, and between two heartbeats.
    pub fn renewal_interval(&self) -> Duration {
        self.lease / 3
    }

    /// Checks every option.
    ///
    /// # Errors
    /// Every option outside its range: durations first, then numbers, each in the struct's order.
    pub fn validate(&self) -> Result<(), Vec<OptionError>> {
        let shown = |value| duration::Duration::from(value).to_string();
        let durations = self.durations().into_iter();
        let durations = durations.filter_map(|range| range_error(range, shown));
        let counts = self.counts().into_iter();
        let counts = counts.filter_map(|range| range_error(range, |count| count.to_string()));
        let errors: Vec<OptionError> = durations.chain(counts).collect();
        if errors.is_empty() {
            Ok(())
        } else {
            Err(errors)
        }
    }

    fn durations(&self) -> [OptionRange<Duration>; 13] {
        let millis = Duration::from_millis;
        let second = Duration::from_secs(1);
        let hour = second * 3600;
        [
            ("triggerPoll", self.trigger_poll, millis(100), hour),
            ("plannerPoll", self.planner_poll, millis(100), hour),
            ("lease", self.lease, second * 3, hour),
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
            ("backlogRefresh", self.backlog_refresh, second, hour),
            ("sweepInterval", self.sweep_interval, second, hour),
            ("runTimeout", self.run_timeout, second * 60, hour * 24 * 365),
            ("stopGrace", self.stop_grace, Duration::ZERO, hour),
            ("permitTolerance", self.permit_tolerance, millis(1), second),
        ]
    }

    fn counts(&self) -> [OptionRange<u32>; 8] {
        [
            ("plannerBatch", self.planner_batch, 1, 10_000),
            ("plannerAttempts", self.planner_attempts, 1, 100),
            ("segmentSize", self.segment_size, 1, 10_000),
            ("segmentsAtOnce", self.segments_at_once, 1, 1_000),
            ("maxDeliveryAttempts", self.max_delivery_attempts, 1, 100),
            ("backoffFactor", self.backoff_factor, 1, 10),
            ("scannerAttempts", self.scanner_attempts, 1, 100),
            ("relayBatch", self.relay_batch, 1, 100_000),
        ]
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Map, Value, json};

    use super::*;

    #[test]
    fn defaults_are_valid() {
        assert_eq!(WorkerOptions::default().validate(), Ok(()));
    }

    #[test]
    fn bad_values_are_named_with_their_ranges() {
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

    /// The default options as JSON, with one of them replaced.
    fn with(key: &str, value: Value) -> WorkerOptions {
        let defaults = serde_json::to_value(WorkerOptions::default()).unwrap();
        let mut options: Map<String, Value> = serde_json::from_value(defaults).unwrap();
        assert!(options.insert(key.to_owned(), value).is_some(), "{key}");
        serde_json::from_value(options.into()).unwrap()
    }

    fn errors(options: &WorkerOptions) -> Vec<OptionError> {
        options.validate().err().unwrap_or_default()
    }

    /// Other options' ranges depend on `lease` and `backoffMax`, so only the changed one is asked.
    fn refuses(key: &str, value: Value) -> bool {
        errors(&with(key, value))
            .iter()
            .any(|error| error.key == key)
    }

    #[test]
    fn each_duration_is_refused_beyond_its_limits() {
        let ranges = WorkerOptions::default().durations();
        assert_eq!(ranges.len(), 13);
        let text = |value: Duration| json!(duration::Duration::from(value).to_string());
        let step = Duration::from_nanos(1);
        for (key, _, least, most) in ranges {
            assert!(!refuses(key, text(least)), "{key} {least:?}");
            assert!(!refuses(key, text(most)), "{key} {most:?}");
            assert!(refuses(key, text(most + step)), "{key} over {most:?}");
            if let Some(below) = least.checked_sub(step) {
                assert!(refuses(key, text(below)), "{key} under {least:?}");
            }
        }
    }

    #[test]
    fn each_count_is_refused_beyond_its_limits() {
        for (key, _, least, most) in WorkerOptions::default().counts() {
            assert!(
                !refuses(key, json!(least)) && !refuses(key, json!(most)),
                "{key}"
            );
            assert!(refuses(key, json!(least - 1)), "{key}");
            assert!(refuses(key, json!(most + 1)), "{key}");
        }
    }

    #[test]
    fn every_option_but_the_switch_has_a_range() {
        let options = WorkerOptions::default();
        let mut ranged: Vec<&str> = options.durations().map(|(key, ..)| key).into();
        ranged.extend(options.counts().map(|(key, ..)| key));
        ranged.push("deadLetterEnabled");
        ranged.sort_unstable();
        let json = serde_json::to_value(options).unwrap();
        let keys: Map<String, Value> = serde_json::from_value(json).unwrap();
        let mut keys: Vec<&str> = keys.keys().map(String::as_str).collect();
        keys.sort_unstable();
        assert_eq!(ranged, keys);
    }
}
