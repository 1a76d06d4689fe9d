//! What a person sees on a terminal: aligned lines, and colours that whoever prints them strips where
//! they aren't wanted.

use std::fmt::{self, Display, Write};

use anstyle::{AnsiColor, Style};

use super::Verdict;

/// A line of parts under a name.
pub fn line(out: &mut String, name: &str, parts: &[String]) -> fmt::Result {
    writeln!(out, "{}{}", dim(format!("{name:<18}")), parts.join("   "))
}

/// A verdict's word.
pub fn coloured(verdict: Verdict) -> impl Display {
    let colour = match verdict {
        Verdict::Pass => AnsiColor::Green,
        Verdict::Fail => AnsiColor::Red,
        Verdict::Miss | Verdict::Vacuous => AnsiColor::Yellow,
    };
    styled(colour.on_default().bold(), verdict.as_str())
}

/// Text in a colour.
pub fn paint(colour: AnsiColor, text: impl Display) -> impl Display {
    styled(colour.on_default(), text)
}

/// Text that stands out.
pub fn bold(text: impl Display) -> impl Display {
    styled(Style::new().bold(), text)
}

/// Text that stands back.
pub fn dim(text: impl Display) -> impl Display {
    styled(Style::new().dimmed(), text)
}

fn styled(style: Style, text: impl Display) -> impl Display {
    fmt::from_fn(move |formatter| write!(formatter, "{style}{text}{style:#}"))
}
