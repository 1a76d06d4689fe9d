//! Figures of an estimate for people: rounded, with a unit.

use std::fmt;

use rehearsal_convert::Saturating;

use super::{CostEstimate, GIB};

/// Names of large numbers, the largest first.
const SCALES: [(f64, &str); 3] = [(1e12, " trillion"), (1e9, " billion"), (1e6, " million")];

/// A rounded number with a noun, as in `1.5 million events`.
pub fn about(number: f64, noun: &str) -> String {
    let scale = SCALES.iter().find(|(scale, _)| number >= *scale);
    let (number, name) = match scale {
        Some((scale, name)) if number < 1e15 => (number / scale, *name),
        Some(_) => return format!("more than 1000 trillion {noun}s"),
        None => (number, ""),
    };
    let plural = if name.is_empty() && number.round() == 1.0 {
        ""
    } else {
        "s"
    };
    let is_coarse = number < 10.0 && !name.is_empty();
    let digits = if is_coarse {
        format!("{number:.1}")
    } else {
        format!("{number:.0}")
    };
    format!("{}{name} {noun}{plural}", digits.trim_end_matches(".0"))
}

/// Memory in MiB or GiB.
fn memory(bytes: f64) -> String {
    match bytes < GIB {
        true => format!("{:.0} MiB", bytes / GIB * 1024.0),
        false => format!("{:.0} GiB", bytes / GIB),
    }
}

/// Time in seconds, minutes, hours or days.
fn time(seconds: f64) -> String {
    let (unit, name) = match seconds.saturating_u64() {
        0..120 => (1.0, "s"),
        120..7_200 => (60.0, "min"),
        7_200..172_800 => (3_600.0, "h"),
        _ => (86_400.0, "days"),
    };
    match seconds / unit {
        number if number < 1.0 => "less than a second".into(),
        number if number > 1e6 => format!("more than a million {name}"),
        number => format!("{number:.0} {name}"),
    }
}

/// Events, time and memory.
pub fn limits(estimate: &CostEstimate) -> String {
    let events = about(estimate.events, "event");
    let (time, memory) = (time(estimate.seconds), memory(estimate.bytes));
    format!("{events}, {time} and {memory}")
}

impl fmt::Display for CostEstimate {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (runs, scans) = (about(self.runs, "run"), about(self.scans, "scan"));
        write!(formatter, "about {runs}, {scans}, {}", limits(self))
    }
}
