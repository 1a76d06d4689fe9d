//! Progress on standard error: bars on a terminal, otherwise a line per minute.

use std::ops::Range;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressStyle};
use rehearsal::scenario::Scenario;

use super::output::print_status;

/// Delay between two lines.
const LINE_INTERVAL: Duration = Duration::from_secs(60);

/// Lines in place of a bar.
struct LineClock {
    last: Mutex<Instant>,
}

impl LineClock {
    fn new() -> Self {
        Self {
            last: Mutex::new(Instant::now()),
        }
    }

    /// Prints a line if it is due and the bar is hidden.
    fn tick(&self, bar: &ProgressBar, line: impl FnOnce() -> String) {
        let mut last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        if bar.is_hidden() && last.elapsed() >= LINE_INTERVAL {
            *last = Instant::now();
            print_status(&line());
        }
    }
}

/// Progress bar of one run, in virtual time.
pub struct ProgressLine {
    bar: ProgressBar,
    lines: LineClock,
}

impl ProgressLine {
    /// Bar with the length of the scenario.
    pub fn new(scenario: &Scenario) -> Self {
        let bar = ProgressBar::new(scenario.duration.std().as_secs());
        let style = ProgressStyle::with_template("{prefix} {wide_bar} {percent:>3} %  {msg}");
        if let Ok(style) = style {
            bar.set_style(style);
        }
        bar.set_prefix(scenario.name.clone());
        Self {
            bar,
            lines: LineClock::new(),
        }
    }

    /// Sets the virtual time since the start.
    pub fn advance(&self, elapsed: Duration) {
        self.bar
            .set_position(elapsed.as_secs().min(self.bar.length().unwrap_or(0)));
        let elapsed = rehearsal::scenario::Duration::from_secs(elapsed.as_secs());
        self.bar.set_message(elapsed.to_string());
        self.lines.tick(&self.bar, || {
            let whole = self.bar.length().unwrap_or_default();
            let whole = rehearsal::scenario::Duration::from_secs(whole);
            format!("{}: {elapsed} of {whole}", self.bar.prefix())
        });
    }

    /// Removes the bar.
    pub fn finish(&self) {
        self.bar.finish_and_clear();
    }
}

/// Progress bar over seeds.
pub struct SeedBar {
    bar: ProgressBar,
    lines: LineClock,
}

impl SeedBar {
    /// Minimum number of seeds that is treated as unlimited.
    const ENDLESS: u64 = 1 << 40;

    /// Bar over a range of seeds.
    pub fn new(name: &str, seeds: &Range<u64>) -> Self {
        let count = seeds.end - seeds.start;
        let (bar, template) = match count {
            ..Self::ENDLESS => (
                ProgressBar::new(count),
                "{prefix} {wide_bar} {pos} of {len} seeds  {per_sec}  {msg}  ETA {eta}",
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
        Self {
            bar,
            lines: LineClock::new(),
        }
    }

    /// Sets the number of finished and of failed seeds.
    pub fn advance(&self, tried: u64, failed: u64) {
        self.bar.set_position(tried);
        self.bar.set_message(format!("{failed} failed"));
        self.lines.tick(&self.bar, || {
            format!("{}: {tried} seeds, {failed} failed", self.bar.prefix())
        });
    }

    /// Counts one more finished seed.
    pub fn advance_by_one(&self) {
        self.bar.inc(1);
        self.lines.tick(&self.bar, || {
            format!("{}: {} seeds", self.bar.prefix(), self.bar.position())
        });
    }

    /// Removes the bar.
    pub fn finish(&self) {
        self.bar.finish_and_clear();
    }
}

/// Spinner with a message.
pub struct Spinner {
    bar: ProgressBar,
}

impl Spinner {
    /// Spinner with a name as its prefix.
    pub fn new(name: &str) -> Self {
        let bar = ProgressBar::new_spinner();
        if let Ok(style) = ProgressStyle::with_template("{prefix} {spinner} {elapsed}  {wide_msg}")
        {
            bar.set_style(style);
        }
        bar.set_prefix(name.to_owned());
        Self { bar }
    }

    /// Sets the message.
    pub fn set_message(&self, message: &str) {
        self.bar.set_message(message.to_owned());
        self.bar.tick();
    }

    /// Removes the bar.
    pub fn finish(&self) {
        self.bar.finish_and_clear();
    }
}
