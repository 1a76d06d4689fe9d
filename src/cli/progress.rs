//! Progress bars, where a person watches.

use std::ops::Range;
use std::time::Duration;

use indicatif::{ProgressBar, ProgressStyle};
use rehearsal::scenario::Scenario;

/// A progress bar in virtual time; nothing at all where standard error is no terminal.
pub struct ProgressLine {
    bar: ProgressBar,
}

impl ProgressLine {
    /// A bar as long as the scenario.
    pub fn new(scenario: &Scenario) -> Self {
        let bar = ProgressBar::new(scenario.duration.std().as_secs());
        let style = ProgressStyle::with_template("{prefix} {wide_bar} {percent:>3} %  {msg}");
        if let Ok(style) = style {
            bar.set_style(style);
        }
        bar.set_prefix(scenario.name.clone());
        Self { bar }
    }

    /// So much virtual time has passed since the start.
    pub fn advance(&self, elapsed: Duration) {
        self.bar
            .set_position(elapsed.as_secs().min(self.bar.length().unwrap_or(0)));
        let elapsed = rehearsal::scenario::Duration::from_secs(elapsed.as_secs());
        self.bar.set_message(elapsed.to_string());
    }

    /// Leaves no trace.
    pub fn finish(&self) {
        self.bar.finish_and_clear();
    }
}

/// A progress bar over seeds; nothing at all where standard error is no terminal.
pub struct SeedBar {
    bar: ProgressBar,
}

impl SeedBar {
    /// So many seeds may be assumed to be without end.
    const ENDLESS: u64 = 1 << 40;

    /// A bar over these seeds.
    pub fn new(name: &str, seeds: &Range<u64>) -> Self {
        let count = seeds.end - seeds.start;
        let (bar, template) = match count {
            ..Self::ENDLESS => (
                ProgressBar::new(count),
                "{prefix} {wide_bar} {pos} of {len} seeds  {per_sec}  {msg}  ends in {eta}",
            ),
            _ => (
                ProgressBar::new_spinner(),
                "{prefix} {spinner} {pos} seeds in {elapsed}  {per_sec}  {msg}",
            ),
        };
        if let Ok(style) = ProgressStyle::with_template(template) {
            bar.set_style(style);
        }
        bar.set_prefix(name.to_owned());
        Self { bar }
    }

    /// So many seeds were tried, and so many of them failed.
    pub fn advance(&self, tried: u64, failed: u64) {
        self.bar.set_position(tried);
        self.bar.set_message(format!("{failed} failed"));
    }

    /// One more is done.
    pub fn advance_by_one(&self) {
        self.bar.inc(1);
    }

    /// Leaves no trace.
    pub fn finish(&self) {
        self.bar.finish_and_clear();
    }
}

/// A line that says what is being done; nothing at all where standard error is no terminal.
pub struct Spinner {
    bar: ProgressBar,
}

impl Spinner {
    /// A line that begins with a name.
    pub fn new(name: &str) -> Self {
        let bar = ProgressBar::new_spinner();
        if let Ok(style) = ProgressStyle::with_template("{prefix} {spinner} {elapsed}  {wide_msg}")
        {
            bar.set_style(style);
        }
        bar.set_prefix(name.to_owned());
        Self { bar }
    }

    /// Says what is being done now.
    pub fn say(&self, what: &str) {
        self.bar.set_message(what.to_owned());
        self.bar.tick();
    }

    /// Leaves no trace.
    pub fn finish(&self) {
        self.bar.finish_and_clear();
    }
}
