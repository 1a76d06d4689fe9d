//! UTC dates and times of day for any number of seconds since 1970.

use rehearsal_convert::{Nearest, Saturating};

const DAY_SECONDS: i64 = 86_400;

/// Field of a date or time of day.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum DateField {
    Minute,
    Hour,
    DayOfWeek,
    DayOfMonth,
    DayOfYear,
    DaysInMonth,
    Month,
    Year,
}

impl DateField {
    /// Returns the field of a function name.
    pub(crate) fn named(name: &str) -> Option<Self> {
        Some(match name {
            "minute" => Self::Minute,
            "hour" => Self::Hour,
            "day_of_week" => Self::DayOfWeek,
            "day_of_month" => Self::DayOfMonth,
            "day_of_year" => Self::DayOfYear,
            "days_in_month" => Self::DaysInMonth,
            "month" => Self::Month,
            "year" => Self::Year,
            _ => return None,
        })
    }

    /// Returns the field at `seconds` since 1970.
    pub(crate) fn of(self, seconds: f64) -> f64 {
        let seconds = seconds.saturating_i64();
        let days = seconds.div_euclid(DAY_SECONDS);
        let of_day = seconds.rem_euclid(DAY_SECONDS);
        let (year, month, day) = civil(days);
        let value = match self {
            Self::Minute => of_day / 60 % 60,
            Self::Hour => of_day / 3_600,
            // 1970-01-01 was a Thursday.
            Self::DayOfWeek => (days + 4).rem_euclid(7),
            Self::DayOfMonth => day,
            Self::DayOfYear => days - days_until(year, 1) + 1,
            Self::DaysInMonth => match month {
                12 => 31,
                _ => days_until(year, month + 1) - days_until(year, month),
            },
            Self::Month => month,
            Self::Year => year,
        };
        value.nearest_f64()
    }
}

/// Converts days since 1970 to year, month and day of the proleptic Gregorian calendar.
///
/// Internally, years begin in March, so that the leap day is the last day; 400 years have 146,097
/// days.
fn civil(days: i64) -> (i64, i64, i64) {
    let days = days + 719_468;
    let era = days.div_euclid(146_097);
    let of_era = days.rem_euclid(146_097);
    let year_of_era = (of_era - of_era / 1_460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month_from_march = (5 * of_year + 2) / 153;
    let day = of_year - (153 * month_from_march + 2) / 5 + 1;
    let month = (month_from_march + 2) % 12 + 1;
    let year = year_of_era + era * 400 + i64::from(month <= 2);
    (year, month, day)
}

/// Number of days from 1970 to the first of a month.
fn days_until(year: i64, month: i64) -> i64 {
    let year = year - i64::from(month <= 2);
    let era = year.div_euclid(400);
    let year_of_era = year.rem_euclid(400);
    let of_year = (153 * ((month + 9) % 12) + 2) / 5;
    era * 146_097 + year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + of_year - 719_468
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn date_fields_of_known_instants_are_exact() {
        // 2024-02-29T23:59:30Z, a Thursday; 1969-12-31T12:00:00Z, a Wednesday; 1900 had no leap
        // day.
        for (seconds, expected) in [
            (1_709_251_170.0, [59, 23, 4, 29, 60, 29, 2, 2024]),
            (-43_200.0, [0, 12, 3, 31, 365, 31, 12, 1969]),
            (-2_203_891_200.0, [0, 0, 4, 1, 60, 31, 3, 1900]),
        ] {
            let fields = [
                DateField::Minute,
                DateField::Hour,
                DateField::DayOfWeek,
                DateField::DayOfMonth,
                DateField::DayOfYear,
                DateField::DaysInMonth,
                DateField::Month,
                DateField::Year,
            ];
            assert_eq!(
                fields.map(|field| field.of(seconds).saturating_i64()),
                expected,
                "{seconds}"
            );
        }
    }
}
