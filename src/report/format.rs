//! Text for people on a terminal: numbers, durations, aligned lines and colours.
//!
//! Texts always contain colours. The command that prints them strips colours where the terminal
//! does not support them.

use std::fmt::{self, Display, Write};

use anstyle::{AnsiColor, Style};

use super::Verdict;
use rehearsal_convert::Saturating;

/// Formats a count with separators: `1,204,331`.
pub fn count(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::with_capacity(digits.len() * 4 / 3);
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// Formats a rate with three digits: `2.41M`, `870`, `1.20`.
pub fn rate(number: f64) -> String {
    let (scaled, unit) = match number {
        ..1e3 => (number, ""),
        ..1e6 => (number / 1e3, "k"),
        ..1e9 => (number / 1e6, "M"),
        _ => (number / 1e9, "G"),
    };
    match scaled {
        ..10.0 => format!("{scaled:.2}{unit}"),
        ..100.0 => format!("{scaled:.1}{unit}"),
        _ => format!("{scaled:.0}{unit}"),
    }
}

/// Formats a duration in its two largest units: `2.50s`, `3m20s`, `1d4h`.
pub fn seconds(seconds: f64) -> String {
    if seconds < 1.0 {
        return format!("{:.0}ms", seconds * 1e3);
    }
    if seconds < 60.0 {
        return format!("{seconds:.2}s");
    }
    let whole = seconds.round().saturating_u64();
    let (large, small) = match whole {
        0..3_600 => ((whole / 60, "m"), (whole % 60, "s")),
        3_600..86_400 => ((whole / 3_600, "h"), (whole % 3_600 / 60, "m")),
        _ => ((whole / 86_400, "d"), (whole % 86_400 / 3_600, "h")),
    };
    match small.0 {
        0 => format!("{}{}", large.0, large.1),
        _ => format!("{}{}{}{}", large.0, large.1, small.0, small.1),
    }
}

/// Writes a name and its values on one line.
pub fn line(out: &mut String, name: &str, parts: &[String]) -> fmt::Result {
    writeln!(out, "{}{}", dim(format!("{name:<18}")), parts.join("   "))
}

/// Formats a verdict in its colour.
pub fn coloured(verdict: Verdict) -> impl Display {
    let colour = match verdict {
        Verdict::Pass => AnsiColor::Green,
        Verdict::Fail => AnsiColor::Red,
        Verdict::Miss | Verdict::Vacuous => AnsiColor::Yellow,
    };
    styled(colour.on_default().bold(), verdict.as_str())
}

/// Formats text in a colour.
pub fn paint(colour: AnsiColor, text: impl Display) -> impl Display {
    styled(colour.on_default(), text)
}

/// Formats text in bold.
pub fn bold(text: impl Display) -> impl Display {
    styled(Style::new().bold(), text)
}

/// Formats text dimmed.
pub fn dim(text: impl Display) -> impl Display {
    styled(Style::new().dimmed(), text)
}

fn styled(style: Style, text: impl Display) -> impl Display {
    fmt::from_fn(move |formatter| write!(formatter, "{style}{text}{style:#}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_formatted_short() {
        assert_eq!(count(0), "0");
        assert_eq!(count(999), "999");
        assert_eq!(count(1_204_331), "1,204,331");
        assert_eq!(rate(2_411_000.0), "2.41M");
        assert_eq!(rate(870.4), "870");
        assert_eq!(rate(0.0), "0.00");
        assert_eq!(seconds(0.0), "0ms");
        assert_eq!(seconds(2.5), "2.50s");
        assert_eq!(seconds(200.0), "3m20s");
        assert_eq!(seconds(604_800.0), "7d");
        assert_eq!(seconds(100_800.0), "1d4h");
    }
}
