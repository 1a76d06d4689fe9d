//! A progress bar in virtual time, where a person watches.

use std::time::Duration;

use indicatif::{ProgressBar, ProgressStyle};
use rehearsal::scenario::Scenario;

/// A progress bar in virtual time; nothing at all where standard error is no terminal.
pub struct Bar {
    bar: ProgressBar,
}

impl Bar {
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
