//! Shorter durations, and earlier faults and operations.

use std::str::FromStr;

use toml::{Table, Value};

use super::toml_edit::{tables_mut, with};
use crate::model::Timestamp;
use crate::scenario::Duration;
use crate::scenario::PathSegment;

/// Times of the first fault or operation after the start, in minutes.
const EARLY_MINUTES: [u64; 4] = [1, 2, 5, 10];

/// Moves all faults and operations to earlier times, or shortens the duration alone.
pub fn shorter_duration(table: &Table) -> Vec<Table> {
    let Some(duration) = table.get("duration").and_then(duration_of) else {
        return Vec::new();
    };
    let earlier = EARLY_MINUTES
        .into_iter()
        .filter_map(|minutes| shifted_earlier(table, minutes));
    let seconds = duration.std().as_secs();
    let shorter = [8, 4, 2]
        .into_iter()
        .map(|part| seconds / part)
        .chain([seconds * 3 / 4, seconds * 9 / 10])
        .map(|seconds| Duration::from_secs(round_seconds(seconds.max(1))))
        .map(|shorter| {
            with(
                table,
                &[PathSegment::Key("duration".into())],
                shorter.to_string().into(),
            )
        });
    earlier.chain(shorter).collect()
}

/// Moves all faults and operations so that the first is `minutes` after the start; none if it is
/// not later than that.
pub fn shifted_earlier(table: &Table, minutes: u64) -> Option<Table> {
    let soon = Duration::from_secs(minutes * 60).as_nanos();
    let lists = ["fault", "operation"].into_iter();
    let elements = lists.filter_map(|list| table.get(list)?.as_array());
    let times = elements
        .flatten()
        .filter_map(|element| duration_of(element.get("at")?));
    let first = times.map(Duration::as_nanos).min()?;
    let earlier = first.checked_sub(soon).filter(|earlier| *earlier > 0)?;
    Some(moved(table, |nanos| nanos - earlier))
}

/// Removes the start and shifts all times, so that their minutes of the hour stay.
pub fn with_default_start(table: &Table) -> Option<Table> {
    let start: Timestamp = table.get("start")?.as_str()?.parse().ok()?;
    let before = start.nanos() % (3_600 * 1_000_000_000);
    let mut candidate = moved(table, |nanos| nanos + before);
    candidate.remove("start");
    Some(candidate)
}

/// Moves all faults and operations, and the end.
fn moved(table: &Table, to: impl Fn(u64) -> u64) -> Table {
    let mut candidate = table.clone();
    let mut move_time = |value: &mut Value| {
        if let Some(time) = duration_of(value) {
            *value = Duration::from_nanos(to(time.as_nanos())).to_string().into();
        }
    };
    candidate.get_mut("duration").map(&mut move_time);
    for list in ["fault", "operation"] {
        let elements = tables_mut(&mut candidate, list);
        let times = elements.filter_map(|element| element.get_mut("at"));
        times.for_each(&mut move_time);
    }
    candidate
}

/// Rounds seconds up to a unit that fits their magnitude.
fn round_seconds(seconds: u64) -> u64 {
    let unit = match seconds {
        0..60 => 1,
        60..3_600 => 60,
        3_600..86_400 => 600,
        _ => 3_600,
    };
    seconds.div_ceil(unit) * unit
}

/// Duration of a value; none if the value is not a duration.
pub fn duration_of(value: &Value) -> Option<Duration> {
    Duration::from_str(value.as_str()?).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::shrink::toml_edit::table;

    #[test]
    fn default_start_keeps_minutes_of_the_hour() {
        let parts = table(
            "start = '2024-10-27T07:50:00Z'
            duration = '11m'
            fault = [{ at = '10m', kind = 'notify-outage' }]",
        );
        let whole = table(
            "duration = '1h1m'
            fault = [{ at = '1h', kind = 'notify-outage' }]",
        );
        assert_eq!(with_default_start(&parts), Some(whole.clone()));
        assert_eq!(with_default_start(&whole), None);
    }

    #[test]
    fn shorter_duration_moves_faults_to_first_minutes() {
        let late = table(
            "duration = '1h20m'
            fault = [{ at = '1h', kind = 'notify-outage', duration = '2m' }]
            operation = [{ at = '1h5m', kind = 'purge' }]",
        );
        let soon = table(
            "duration = '21m'
            fault = [{ at = '1m', kind = 'notify-outage', duration = '2m' }]
            operation = [{ at = '6m', kind = 'purge' }]",
        );
        assert_eq!(shorter_duration(&late)[0], soon);
        assert_ne!(
            shorter_duration(&soon)[0],
            soon,
            "the fault is in the first minute already"
        );
    }
}
