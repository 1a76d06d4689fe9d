//! A second calendar by brute force, against which the worker's is checked.
//!
//! It walks over real time minute by minute, converts each to local time and looks whether it
//! matches. It shares nothing with [`crate::model::Calendar`] but the time zone database, and not
//! even the way of thinking:
//!
//! ```text
//! local clock:  01:58 01:59 | 03:00 03:01 ..   the skipped hour: a jump of 61 minutes
//!               ... 02:59 | 02:00 02:01 ..     the repeated hour: a step back
//! ```
//!
//! An expression that follows real time fires at every minute that matches. Any other keeps a high
//! water mark of the local clock: a minute at or below the mark was there before, and does not
//! count; a minute above it represents all local minutes since the mark, skipped ones included.

use jiff::tz::TimeZone;

use crate::model::Timestamp;

const SECONDS_PER_MINUTE: i64 = 60;
const MINUTES_PER_DAY: i64 = 24 * 60;

/// Minutes before its start at which a walk begins, so that it knows of a repeated hour in
/// progress.
const WARM_UP_MINUTES: i64 = 26 * 60;

/// Error of a text that the calendar can't read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum WalkCalendarError {
    /// Not five fields of numbers, names, ranges, steps and lists.
    #[error("the checking calendar can't read the cron expression `{0}`")]
    Expression(String),
    /// Not in the time zone database.
    #[error("the checking calendar knows no time zone `{0}`")]
    TimeZone(String),
}

/// Minutes at which a cron expression matches: one bit for each value of each field.
#[derive(Debug, Clone, PartialEq, Eq)]
struct CronFields {
    minutes: u64,
    hours: u64,
    days: u64,
    months: u64,
    weekdays: u64,
    /// Day of month and day of week both count if one of them starts with `*`; else either does.
    both_days: bool,
    follows_real_time: bool,
}

const MONTHS: [&str; 12] = [
    "jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec",
];
const WEEKDAYS: [&str; 7] = ["sun", "mon", "tue", "wed", "thu", "fri", "sat"];

impl CronFields {
    fn read(expression: &str) -> Option<Self> {
        let fields: Vec<&str> = expression.split_whitespace().collect();
        let [minute, hour, day, month, weekday] = fields[..] else {
            return None;
        };
        let weekdays = read_field(weekday, 0, 7, &WEEKDAYS, 0)?;
        let is_star = |field: &str| field.starts_with(['*', '?']);
        Some(Self {
            minutes: read_field(minute, 0, 59, &[], 0)?,
            hours: read_field(hour, 0, 23, &[], 0)?,
            days: read_field(day, 1, 31, &[], 0)?,
            months: read_field(month, 1, 12, &MONTHS, 1)?,
            // Sunday is 0 and 7.
            weekdays: (weekdays | weekdays >> 7) & 0x7f,
            both_days: is_star(day) || is_star(weekday),
            follows_real_time: minute.starts_with('*') || hour.starts_with('*'),
        })
    }

    /// Whether the local minute (counted from the epoch as if it were UTC) matches.
    fn matches(&self, local_minute: i64) -> bool {
        let of_day = local_minute.rem_euclid(MINUTES_PER_DAY);
        if self.minutes >> (of_day % 60) & 1 == 0 || self.hours >> (of_day / 60) & 1 == 0 {
            return false;
        }
        let days = local_minute.div_euclid(MINUTES_PER_DAY);
        let (month, day) = month_and_day(days);
        // 1 January 1970 was a Thursday.
        let weekday = (days + 4).rem_euclid(7);
        let in_month = self.days >> day & 1 == 1;
        let in_week = self.weekdays >> weekday & 1 == 1;
        let is_day = if self.both_days {
            in_month && in_week
        } else {
            in_month || in_week
        };
        self.months >> month & 1 == 1 && is_day
    }
}

/// Reads one field as a set of bits. `names` are numbered from `first_name` on.
fn read_field(field: &str, least: u64, most: u64, names: &[&str], first_name: u64) -> Option<u64> {
    let number = |text: &str| -> Option<u64> {
        let lower = text.to_ascii_lowercase();
        let named = names.iter().position(|name| *name == lower);
        let value = named.map_or_else(|| text.parse().ok(), |n| Some(n as u64 + first_name))?;
        (least..=most).contains(&value).then_some(value)
    };
    let mut bits = 0_u64;
    for part in field.split(',') {
        let (range, step) = match part.split_once('/') {
            Some((range, step)) => (range, Some(step.parse::<usize>().ok()?)),
            None => (part, None),
        };
        let (from, to) = match range.split_once('-') {
            _ if range == "*" || range == "?" => (least, most),
            Some((from, to)) => (number(from)?, number(to)?),
            // `5/15` means from 5 on.
            None if step.is_some() => (number(range)?, most),
            None => (number(range)?, number(range)?),
        };
        if from > to || step == Some(0) {
            return None;
        }
        for value in (from..=to).step_by(step.unwrap_or(1)) {
            bits |= 1 << value;
        }
    }
    Some(bits)
}

/// Month (1 to 12) and day (1 to 31) of a day counted from 1970-01-01 (the civil calendar's
/// arithmetic with years that begin in March).
fn month_and_day(days: i64) -> (i64, i64) {
    let since_era = (days + 719_468).rem_euclid(146_097);
    let year_of_era =
        (since_era - since_era / 1_460 + since_era / 36_524 - since_era / 146_096) / 365;
    let day_of_year = since_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted_month = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * shifted_month + 2) / 5 + 1;
    let month = if shifted_month < 10 {
        shifted_month + 3
    } else {
        shifted_month - 9
    };
    (month, day)
}

/// A cron expression in a time zone, walked forward from an instant.
#[derive(Debug, Clone)]
pub struct WalkCalendar {
    fields: CronFields,
    time_zone: TimeZone,
    /// The next minute to look at.
    minute: i64,
    /// The highest local minute so far.
    high_water: i64,
    offset: OffsetSpan,
}

/// The offset from UTC, and how long it stays.
#[derive(Debug, Clone, Copy, Default)]
struct OffsetSpan {
    seconds: i64,
    until_seconds: i64,
}

impl WalkCalendar {
    /// Reads a five-field cron expression and an IANA time zone name, and starts at `from`: only
    /// fires after it will be passed.
    ///
    /// # Errors
    /// Either can't be read.
    pub fn new(
        expression: &str,
        time_zone: &str,
        from: Timestamp,
    ) -> Result<Self, WalkCalendarError> {
        let fields = CronFields::read(expression)
            .ok_or_else(|| WalkCalendarError::Expression(expression.to_owned()))?;
        let time_zone = TimeZone::get(time_zone)
            .map_err(|_| WalkCalendarError::TimeZone(time_zone.to_owned()))?;
        let mut walk = Self {
            fields,
            time_zone,
            minute: from.seconds() / SECONDS_PER_MINUTE - WARM_UP_MINUTES,
            high_water: i64::MIN,
            offset: OffsetSpan {
                seconds: 0,
                until_seconds: i64::MIN,
            },
        };
        walk.fires_until(from, |_| ());
        Ok(walk)
    }

    /// Passes every fire after the position of the walk, up to and with `until`, and moves there.
    pub fn fires_until(&mut self, until: Timestamp, mut give: impl FnMut(Timestamp)) {
        let last = until.seconds() / SECONDS_PER_MINUTE;
        while self.minute <= last {
            let seconds = self.minute * SECONDS_PER_MINUTE;
            let local = (seconds + self.offset_at(seconds)).div_euclid(SECONDS_PER_MINUTE);
            if self.fires_at(local) {
                give(Timestamp::from_seconds(seconds.max(0).cast_unsigned()));
            }
            self.high_water = self.high_water.max(local);
            self.minute += 1;
        }
    }

    fn fires_at(&self, local: i64) -> bool {
        if self.fields.follows_real_time || self.high_water == i64::MIN {
            return self.fields.matches(local);
        }
        (self.high_water + 1..=local).any(|minute| self.fields.matches(minute))
    }

    fn offset_at(&mut self, seconds: i64) -> i64 {
        if seconds >= self.offset.until_seconds {
            let instant = jiff::Timestamp::from_second(seconds).unwrap_or(jiff::Timestamp::MAX);
            let next_change = self.time_zone.following(instant).next();
            self.offset = OffsetSpan {
                seconds: i64::from(self.time_zone.to_offset(instant).seconds()),
                until_seconds: next_change
                    .map_or(i64::MAX, |change| change.timestamp().as_second()),
            };
        }
        self.offset.seconds
    }
}

#[cfg(test)]
mod tests {
    use rehearsal_convert::Index;

    use proptest::prelude::*;

    use super::*;
    use crate::model::Calendar;

    fn walked(expression: &str, zone: &str, from: Timestamp, until: Timestamp) -> Vec<String> {
        let mut fires = Vec::new();
        let mut walk = WalkCalendar::new(expression, zone, from).unwrap();
        walk.fires_until(until, |fire| fires.push(fire.to_string()));
        fires
    }

    fn calculated(expression: &str, zone: &str, from: Timestamp, until: Timestamp) -> Vec<String> {
        let calendar = Calendar::new(expression, zone).unwrap();
        std::iter::successors(calendar.next_after(from), |fire| calendar.next_after(*fire))
            .take_while(|fire| *fire <= until)
            .map(|fire| fire.to_string())
            .collect()
    }

    #[test]
    fn both_changes_of_the_hour() {
        let at = |text: &str| text.parse::<Timestamp>().unwrap();
        // Vienna skips 02:00 to 03:00 on 2024-03-31: three times collapse into one.
        assert_eq!(
            walked(
                "0,20,40 2 * * *",
                "Europe/Vienna",
                at("2024-03-30T12:00:00Z"),
                at("2024-03-31T12:00:00Z")
            ),
            ["2024-03-31T01:00:00Z"]
        );
        // It repeats 02:00 to 03:00 on 2024-10-27: the first one counts.
        assert_eq!(
            walked(
                "30 2 * * *",
                "Europe/Vienna",
                at("2024-10-26T12:00:00Z"),
                at("2024-10-27T12:00:00Z")
            ),
            ["2024-10-27T00:30:00Z"]
        );
        // Begun in the second pass, the first is over.
        assert!(
            walked(
                "30 2 * * *",
                "Europe/Vienna",
                at("2024-10-27T01:10:00Z"),
                at("2024-10-27T12:00:00Z")
            )
            .is_empty()
        );
        // Real time knows neither.
        assert_eq!(
            walked(
                "30 * * * *",
                "Europe/Vienna",
                at("2024-10-27T00:00:00Z"),
                at("2024-10-27T03:00:00Z")
            )
            .len(),
            3
        );
    }

    #[test]
    fn what_it_can_not_read() {
        for text in [
            "",
            "* * * *",
            "60 * * * *",
            "5-1 * * * *",
            "*/0 * * * *",
            "x * * * *",
            "0 0 L * *",
        ] {
            assert!(
                WalkCalendar::new(text, "UTC", Timestamp::ZERO).is_err(),
                "{text}"
            );
        }
        assert!(WalkCalendar::new("* * * * *", "Europe/Atlantis", Timestamp::ZERO).is_err());
    }

    fn field(least: u32, most: u32) -> impl Strategy<Value = String> {
        let number = move || least..=most;
        prop_oneof![
            4 => Just("*".to_owned()),
            2 => number().prop_map(|n| n.to_string()),
            1 => (1_u32..=15).prop_map(|step| format!("*/{step}")),
            1 => (number(), number()).prop_map(|(a, b)| format!("{}-{}", a.min(b), a.max(b))),
            1 => prop::collection::btree_set(number(), 2..5).prop_map(|numbers| {
                numbers.iter().map(ToString::to_string).collect::<Vec<_>>().join(",")
            }),
        ]
    }

    fn expression() -> impl Strategy<Value = String> {
        // Hours mostly around the changes, so that they are met.
        let hour =
            prop_oneof![2 => field(0, 23), 2 => (0_u32..=4).prop_map(|hour| hour.to_string())];
        (field(0, 59), hour, field(1, 28), field(1, 12), field(0, 7)).prop_map(
            |(minute, hour, day, month, weekday)| {
                format!("{minute} {hour} {day} {month} {weekday}")
            },
        )
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 400, ..ProptestConfig::default() })]

        /// The worker's calendar and this one agree. Every window has a change of the hour in the
        /// middle, in zones of both hemispheres, with changes of an hour and of half an hour.
        #[test]
        fn the_two_calendars_agree(
            expression in expression(),
            zone in prop::sample::select(vec![
                "UTC", "Europe/Vienna", "America/New_York", "Australia/Lord_Howe",
                "America/Santiago", "Asia/Kolkata", "Pacific/Chatham", "Africa/Casablanca",
            ]),
            year in 2024_i16..2030,
            part in 0_u64..48,
        ) {
            let january: Timestamp = format!("{year}-01-01T00:00:00Z").parse().unwrap();
            let zone_of = TimeZone::get(zone).unwrap();
            let changes: Vec<Timestamp> = zone_of
                .following(january.to_jiff())
                .take(4)
                .map(|change| Timestamp::from_jiff(change.timestamp()))
                .collect();
            let middle = changes.get(part.to_index() % 4).copied().unwrap_or(january);
            let from = middle.before(std::time::Duration::from_secs(part * 1_800 + 7));
            let until = middle.after(std::time::Duration::from_secs(48 * 3_600));
            // The model refuses an expression that never fires; so does the scenario format.
            if Calendar::new(&expression, zone).is_ok() {
                let walked = walked(&expression, zone, from, until);
                let calculated = calculated(&expression, zone, from, until);
                let pairs = walked.iter().zip(&calculated);
                let differs = pairs.clone().find(|(walked, calculated)| walked != calculated);
                prop_assert!(
                    differs.is_none() && walked.len() == calculated.len(),
                    "walked {}, calculated {}; first difference {:?}",
                    walked.len(),
                    calculated.len(),
                    differs
                );
            }
        }
    }
}
