//! Fires of a cron expression in a time zone.
//!
//! Daylight saving time is handled as in Vixie cron. An expression whose minute or hour field
//! starts with `*` follows real time: it fires at every instant whose local time matches, through
//! both changes of the offset. Any other expression names wall-clock times. A time in the skipped
//! hour fires once, at the first valid instant after it (several collapse into one), and a time in
//! the repeated hour fires at its first occurrence only.
//!
//! Evaluation in UTC was rejected: a nightly schedule would move by an hour twice a year. Croner's
//! own time zones were rejected too: they come from the machine, and a simulation must not depend
//! on it.

use std::cell::RefCell;
use std::str::FromStr;
use std::sync::{Arc, Mutex, PoisonError};

use croner::Cron;
use croner::parser::{CronParser, Seconds, Year};
use jiff::ToSpan;
use jiff::civil::DateTime;
use jiff::tz::{AmbiguousOffset, TimeZone};
use rustc_hash::FxHashMap;

use super::Timestamp;

/// Maximum parsed expressions in the cache, a few kilobytes each: each minute of a day fits in.
const MAX_PARSED: usize = 2048;

/// Calendars by cron expression and time zone.
type ParsedCalendars = FxHashMap<(Box<str>, Box<str>), Calendar>;

thread_local! {
    /// Cache of calendars by expression and time zone. Parsing costs as much as thirty fires, and
    /// every process of every simulated fleet asks for the same few expressions.
    static PARSED: RefCell<ParsedCalendars> = RefCell::default();
}

/// Error of a cron expression or a time zone.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CalendarError {
    /// The text is not a five-field cron expression.
    #[error("`{expression}` is no cron expression of five fields: {reason}")]
    Expression {
        /// Text of the expression.
        expression: String,
        /// Reason, in the parser's words.
        reason: String,
    },
    /// The name is not in the time zone database.
    #[error("`{0}` is no IANA time zone; write for instance `UTC` or `Europe/Vienna`")]
    TimeZone(String),
    /// The expression has no next fire.
    #[error("`{0}` never fires")]
    NeverFires(String),
}

/// A cron expression in a time zone.
#[derive(Debug, Clone)]
pub struct Calendar(Arc<FireRule>);

#[derive(Debug)]
struct FireRule {
    cron: Cron,
    time_zone: TimeZone,
    follows_real_time: bool,
    /// The last instant of [`Calendar::next_after`] with its answer: all processes of a simulated
    /// fleet ask for the same one in turn.
    last: Mutex<Option<(Timestamp, Option<Timestamp>)>>,
}

impl Calendar {
    /// Parses a five-field cron expression and an IANA time zone name.
    ///
    /// # Errors
    /// Either cannot be parsed, or the expression has no fire from 2024 on.
    pub fn new(expression: &str, time_zone: &str) -> Result<Self, CalendarError> {
        let key = (Box::from(expression), Box::from(time_zone));
        if let Some(known) = PARSED.with_borrow(|parsed| parsed.get(&key).cloned()) {
            return Ok(known);
        }
        let calendar = Self::parse(expression, time_zone)?;
        PARSED.with_borrow_mut(|parsed| {
            if parsed.len() == MAX_PARSED {
                parsed.clear();
            }
            parsed.insert(key, calendar.clone());
        });
        Ok(calendar)
    }

    fn parse(expression: &str, time_zone: &str) -> Result<Self, CalendarError> {
        let cron = parse(expression)?;
        let time_zone =
            TimeZone::get(time_zone).map_err(|_| CalendarError::TimeZone(time_zone.to_owned()))?;
        let mut minute_and_hour = expression.split_whitespace().take(2);
        let follows_real_time = minute_and_hour.any(|field| field.starts_with('*'));
        let calendar = Self(Arc::new(FireRule {
            cron,
            time_zone,
            follows_real_time,
            last: Mutex::default(),
        }));
        let reference = Timestamp::from_seconds(1_704_067_200);
        match calendar.next_after(reference) {
            Some(_) => Ok(calendar),
            None => Err(CalendarError::NeverFires(expression.to_owned())),
        }
    }

    /// Returns the first fire after `instant`; none if there is none within croner's horizon.
    pub fn next_after(&self, instant: Timestamp) -> Option<Timestamp> {
        // The answer is right whatever happened to its last user.
        let last = || self.0.last.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((_, next)) = last().filter(|(asked, _)| *asked == instant) {
            return next;
        }
        let next = self.0.next_after(instant);
        *last() = Some((instant, next));
        next
    }

    /// Returns the latest fire in (`after`, `until`] and the number of fires before it in there.
    pub fn latest_between(&self, after: Timestamp, until: Timestamp) -> Option<(Timestamp, u32)> {
        let mut latest = self.next_after(after).filter(|fire| *fire <= until)?;
        let mut earlier = 0;
        while let Some(fire) = self.next_after(latest).filter(|fire| *fire <= until) {
            latest = fire;
            earlier += 1;
        }
        Some((latest, earlier))
    }
}

impl FireRule {
    fn next_after(&self, instant: Timestamp) -> Option<Timestamp> {
        if self.follows_real_time {
            self.next_real_time(instant)
        } else {
            self.next_wall_clock(instant)
        }
    }

    /// Returns the next matching local time after `local`, without any change of the offset.
    fn next_local(&self, local: DateTime, inclusive: bool) -> Option<DateTime> {
        let seconds = TimeZone::UTC.to_timestamp(local).ok()?.as_second();
        let from = chrono::DateTime::from_timestamp(seconds, 0)?;
        let next = self.cron.find_next_occurrence(&from, inclusive).ok()?;
        Some(TimeZone::UTC.to_datetime(jiff::Timestamp::from_second(next.timestamp()).ok()?))
    }

    /// Walks real time from one change of the offset to the next: between them local time is real
    /// time plus a constant.
    fn next_real_time(&self, instant: Timestamp) -> Option<Timestamp> {
        let mut from = instant.to_jiff();
        let mut inclusive = false;
        loop {
            let offset = self.time_zone.to_offset(from);
            let local = self.next_local(offset.to_datetime(from), inclusive)?;
            let candidate = offset.to_timestamp(local).ok()?;
            let change = self
                .time_zone
                .following(from)
                .next()
                .map(|change| change.timestamp());
            match change {
                Some(change) if change <= candidate => (from, inclusive) = (change, true),
                _ => return Some(Timestamp::from_jiff(candidate)),
            }
        }
    }

    /// Walks matching wall-clock times and maps each to its one instant. Starts three hours early:
    /// a time in a skipped hour fires later than it reads, one in a repeated hour earlier.
    fn next_wall_clock(&self, instant: Timestamp) -> Option<Timestamp> {
        let start = self.time_zone.to_datetime(instant.to_jiff());
        let mut local = start.checked_sub(3.hours()).ok()?;
        loop {
            local = self.next_local(local, false)?;
            let fire = Timestamp::from_jiff(self.instant_of(local)?);
            if fire > instant {
                return Some(fire);
            }
        }
    }

    /// Returns the one instant of a wall-clock time: the end of the gap if it is skipped, the first
    /// occurrence if it is repeated.
    fn instant_of(&self, local: DateTime) -> Option<jiff::Timestamp> {
        let ambiguous = self.time_zone.to_ambiguous_timestamp(local);
        match ambiguous.offset() {
            AmbiguousOffset::Unambiguous { offset } => offset.to_timestamp(local).ok(),
            AmbiguousOffset::Fold { before, .. } => before.to_timestamp(local).ok(),
            AmbiguousOffset::Gap { before, after } => {
                // With the offset after the change, a skipped time lies before the change.
                let early = after.to_timestamp(local).ok()?;
                let change = self
                    .time_zone
                    .following(early)
                    .next()
                    .map(|change| change.timestamp());
                change.or_else(|| before.to_timestamp(local).ok())
            }
        }
    }
}

fn parse(expression: &str) -> Result<Cron, CalendarError> {
    let refused = |reason: String| CalendarError::Expression {
        expression: expression.to_owned(),
        reason,
    };
    let fields: Vec<&str> = expression.split_whitespace().collect();
    if fields.len() != 5 {
        return Err(refused(format!("it has {} fields", fields.len())));
    }
    CronParser::builder()
        .seconds(Seconds::Disallowed)
        .year(Year::Disallowed)
        // As in Vixie cron: either day matches, unless one of the fields starts with `*`.
        .dom_and_dow(fields[2].starts_with('*') || fields[4].starts_with('*'))
        .build()
        .parse(expression)
        .map_err(|error| refused(error.to_string()))
}

/// Parses a five-field cron expression in UTC, for callers without a time zone.
impl FromStr for Calendar {
    type Err = CalendarError;

    fn from_str(expression: &str) -> Result<Self, Self::Err> {
        Self::new(expression, "UTC")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fires(expression: &str, time_zone: &str, from: &str, count: usize) -> Vec<String> {
        let calendar = Calendar::new(expression, time_zone).unwrap();
        let start: Timestamp = from.parse().unwrap();
        std::iter::successors(calendar.next_after(start), |fire| {
            calendar.next_after(*fire)
        })
        .take(count)
        .map(|fire| fire.to_string())
        .collect()
    }

    #[test]
    fn skipped_time_fires_once_at_the_first_valid_instant() {
        // Vienna skips 02:00 to 03:00 on 2024-03-31: 03:00 local is 01:00 UTC.
        assert_eq!(
            fires("30 2 * * *", "Europe/Vienna", "2024-03-30T00:00:00Z", 3),
            [
                "2024-03-30T01:30:00Z",
                "2024-03-31T01:00:00Z",
                "2024-04-01T00:30:00Z"
            ]
        );
    }

    #[test]
    fn several_skipped_times_fire_once() {
        assert_eq!(
            fires(
                "0,20,40 2 * * *",
                "Europe/Vienna",
                "2024-03-31T00:00:00Z",
                2
            ),
            ["2024-03-31T01:00:00Z", "2024-04-01T00:00:00Z"]
        );
        assert_eq!(
            fires("30 2,3 * * *", "Europe/Vienna", "2024-03-31T00:00:00Z", 2),
            ["2024-03-31T01:00:00Z", "2024-03-31T01:30:00Z"]
        );
    }

    #[test]
    fn repeated_time_fires_at_its_first_occurrence() {
        // Vienna repeats 02:00 to 03:00 on 2024-10-27.
        assert_eq!(
            fires("30 2 * * *", "Europe/Vienna", "2024-10-26T12:00:00Z", 2),
            ["2024-10-27T00:30:00Z", "2024-10-28T01:30:00Z"]
        );
        // From the middle of the second pass, the first one is not due again.
        assert_eq!(
            fires("30 2 * * *", "Europe/Vienna", "2024-10-27T01:10:00Z", 1),
            ["2024-10-28T01:30:00Z"]
        );
    }

    #[test]
    fn starred_expression_follows_real_time() {
        assert_eq!(
            fires("30 * * * *", "Europe/Vienna", "2024-03-31T00:00:00Z", 3),
            [
                "2024-03-31T00:30:00Z",
                "2024-03-31T01:30:00Z",
                "2024-03-31T02:30:00Z"
            ]
        );
        assert_eq!(
            fires("30 * * * *", "Europe/Vienna", "2024-10-27T00:00:00Z", 3),
            [
                "2024-10-27T00:30:00Z",
                "2024-10-27T01:30:00Z",
                "2024-10-27T02:30:00Z"
            ]
        );
        // Every 20 minutes of the skipped hour: none in it, since real time has no such hour.
        assert_eq!(
            fires("*/20 2 * * *", "Europe/Vienna", "2024-03-31T00:00:00Z", 1),
            ["2024-04-01T00:00:00Z"]
        );
        // And of the repeated hour: both passes.
        assert_eq!(
            fires("*/30 2 * * *", "Europe/Vienna", "2024-10-27T00:00:00Z", 4),
            [
                "2024-10-27T00:30:00Z",
                "2024-10-27T01:00:00Z",
                "2024-10-27T01:30:00Z",
                "2024-10-28T01:00:00Z"
            ]
        );
    }

    #[test]
    fn half_hour_change_in_the_south_is_skipped() {
        // Lord Howe Island skips 02:00 to 02:30 on 2024-10-06 (02:00 is 15:30 UTC).
        assert_eq!(
            fires(
                "15 2 * * *",
                "Australia/Lord_Howe",
                "2024-10-05T12:00:00Z",
                2
            ),
            ["2024-10-05T15:30:00Z", "2024-10-06T15:15:00Z"]
        );
    }

    #[test]
    fn latest_between_counts_the_earlier_fires() {
        let calendar = Calendar::new("0 * * * *", "UTC").unwrap();
        let at = |text: &str| text.parse::<Timestamp>().unwrap();
        assert_eq!(
            calendar.latest_between(at("2024-01-01T00:00:00Z"), at("2024-01-01T05:30:00Z")),
            Some((at("2024-01-01T05:00:00Z"), 4))
        );
        assert_eq!(
            calendar.latest_between(at("2024-01-01T05:00:00Z"), at("2024-01-01T05:59:59Z")),
            None
        );
    }

    #[test]
    fn parse_cache_is_bounded() {
        let parsed = || PARSED.with_borrow(FxHashMap::len);
        let calendar = |expression: &str| Calendar::new(expression, "UTC").unwrap();
        let first = calendar("1 2 3 4 *");
        assert!(Arc::ptr_eq(&first.0, &calendar("1 2 3 4 *").0));
        let elsewhere = Calendar::new("1 2 3 4 *", "Europe/Vienna").unwrap();
        assert!(!Arc::ptr_eq(&first.0, &elsewhere.0));
        for number in 0..2 * MAX_PARSED {
            let (day, hour, minute) = (number / 1440 + 1, number / 60 % 24, number % 60);
            calendar(&format!("{minute} {hour} {day} * *"));
            assert!((1..=MAX_PARSED).contains(&parsed()));
        }
        let start = Timestamp::from_seconds(1_704_067_200);
        let again = calendar("1 2 3 4 *");
        let later = Timestamp::from_seconds(1_800_000_000);
        for instant in [start, later, start, start] {
            assert_eq!(again.next_after(instant), first.0.next_after(instant));
        }
    }

    #[test]
    fn invalid_calendar_is_refused_with_a_reason() {
        for (expression, zone, reason) in [
            ("0 2 * *", "UTC", "4 fields"),
            ("61 2 * * *", "UTC", "no cron expression of five fields"),
            ("0 0 2 * * *", "UTC", "6 fields"),
            ("0 2 * * *", "Europe/Atlantis", "no IANA time zone"),
            ("0 2 30 2 *", "UTC", "never fires"),
        ] {
            let error = Calendar::new(expression, zone).unwrap_err().to_string();
            assert!(error.contains(reason), "{error}");
        }
    }
}
