//! Progress on standard error: bars on a terminal, otherwise a line per minute.

use std::ops::Range;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressStyle};
use rehearsal::report::printable;
use rehearsal::scenario::Scenario;

use super::output::print_status;

/// Delay between two lines.
const LINE_INTERVAL: Duration = Duration::from_secs(60);

/// Lines in place of a hidden bar, one per interval.
struct LineClock {
    last: Mutex<Instant>,
    now: fn() -> Instant,
    print: fn(&str),
}

impl Default for LineClock {
    fn default() -> Self {
        Self::new(Instant::now, print_status)
    }
}

impl LineClock {
    fn new(now: fn() -> Instant, print: fn(&str)) -> Self {
        Self {
            last: Mutex::new(now()),
            now,
            print,
        }
    }

    /// Prints a line if it is due and the bar is hidden.
    fn tick(&self, is_hidden: bool, line: impl FnOnce() -> String) {
        let mut last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        let now = (self.now)();
        if is_hidden && now.duration_since(*last) >= LINE_INTERVAL {
            *last = now;
            (self.print)(&line());
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
            lines: LineClock::default(),
        }
    }

    /// Sets the virtual time since the start.
    pub fn advance(&self, elapsed: Duration) {
        self.bar
            .set_position(elapsed.as_secs().min(self.bar.length().unwrap_or(0)));
        let elapsed = rehearsal::scenario::Duration::from_secs(elapsed.as_secs());
        self.bar.set_message(elapsed.to_string());
        self.lines.tick(self.bar.is_hidden(), || {
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
        bar.set_prefix(printable(name));
        Self {
            bar,
            lines: LineClock::default(),
        }
    }

    /// Sets the number of finished and of failed seeds.
    pub fn advance(&self, tried: u64, failed: u64) {
        self.bar.set_position(tried);
        self.bar.set_message(format!("{failed} failed"));
        self.lines.tick(self.bar.is_hidden(), || {
            format!("{}: {tried} seeds, {failed} failed", self.bar.prefix())
        });
    }

    /// Counts one more finished seed.
    pub fn advance_by_one(&self) {
        self.bar.inc(1);
        self.lines.tick(self.bar.is_hidden(), || {
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
    lines: LineClock,
}

impl Spinner {
    /// Spinner with a name as its prefix.
    pub fn new(name: &str) -> Self {
        let bar = ProgressBar::new_spinner();
        if let Ok(style) = ProgressStyle::with_template("{prefix} {spinner} {elapsed}  {wide_msg}")
        {
            bar.set_style(style);
        }
        bar.set_prefix(printable(name));
        Self {
            bar,
            lines: LineClock::default(),
        }
    }

    /// Sets the message.
    pub fn set_message(&self, message: &str) {
        self.bar.set_message(printable(message));
        self.bar.tick();
        self.lines.tick(self.bar.is_hidden(), || {
            format!("{}: {message}", self.bar.prefix())
        });
    }

    /// Removes the bar.
    pub fn finish(&self) {
        self.bar.finish_and_clear();
    }
}

#[cfg(test)]
mod tests {
    use std::cell::{Cell, RefCell};

    use indicatif::ProgressDrawTarget;

    use super::*;

    thread_local! {
        static BEGAN: Instant = Instant::now();
        static SECONDS: Cell<u64> = const { Cell::new(0) };
        static PRINTED: RefCell<Vec<String>> = const { RefCell::new(Vec::new()) };
    }

    /// Clock that shows the seconds which the test states, and lines that go into a list.
    fn lines() -> LineClock {
        SECONDS.set(0);
        LineClock::new(
            || BEGAN.with(|began| *began) + Duration::from_secs(SECONDS.get()),
            |line| PRINTED.with_borrow_mut(|printed| printed.push(line.to_owned())),
        )
    }

    /// Lines that are printed if progress is reported at these seconds.
    fn printed(mut report: impl FnMut(u64)) -> Vec<String> {
        for seconds in [1, 59, 60, 61, 119, 121, 400, 459, 460] {
            SECONDS.set(seconds);
            report(seconds);
        }
        PRINTED.take()
    }

    fn hidden<B>(
        mut bar: B,
        change: impl FnOnce(&mut B) -> (&mut ProgressBar, &mut LineClock),
    ) -> B {
        let (target, clock) = change(&mut bar);
        target.set_draw_target(ProgressDrawTarget::hidden());
        *clock = lines();
        bar
    }

    #[test]
    fn without_terminal_a_line_per_minute_is_printed() {
        let scenario = Scenario {
            name: "night".into(),
            ..Scenario::default()
        };
        let run = hidden(ProgressLine::new(&scenario), |it| {
            (&mut it.bar, &mut it.lines)
        });
        let of_run = printed(|seconds| run.advance(Duration::from_secs(seconds * 60)));
        let expected = ["1h", "2h1m", "6h40m", "7h40m"].map(|at| format!("night: {at} of 1d"));
        assert_eq!(of_run, expected);
        let seeds = hidden(SeedBar::new("night", &(0..1_000)), |it| {
            (&mut it.bar, &mut it.lines)
        });
        let of_seeds = printed(|seconds| seeds.advance(seconds, seconds / 100));
        assert_eq!(of_seeds[2], "night: 400 seeds, 4 failed");
        assert_eq!(of_seeds.len(), 4);
        let spinner = hidden(Spinner::new("night"), |it| (&mut it.bar, &mut it.lines));
        let of_spinner = printed(|seconds| spinner.set_message(&format!("step {seconds}")));
        let steps = [60, 121, 400, 460].map(|step| format!("night: step {step}"));
        assert_eq!(of_spinner, steps);
    }

    #[test]
    fn with_terminal_no_line_is_printed() {
        let clock = lines();
        let of_bar = printed(|_| clock.tick(false, || unreachable!("no line is printed")));
        assert_eq!(of_bar, [""; 0]);
    }
}
