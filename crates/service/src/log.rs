//! Structured logs of a process: text for people, JSON lines for programs.

use std::cell::RefCell;
use std::collections::VecDeque;
use std::io;
use std::time::Duration;

use tokio::time::Instant;
use tracing::Subscriber;
use tracing::level_filters::LevelFilter;
use tracing_subscriber::fmt::MakeWriter;

/// Form of the lines.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LogFormat {
    /// Text, with colours if wanted.
    Text {
        /// Whether levels are coloured.
        is_coloured: bool,
    },
    /// One JSON object in each line.
    Json,
}

impl LogFormat {
    /// Returns the form for a stream: text on a terminal, coloured unless `NO_COLOR` is set, and
    /// JSON elsewhere.
    pub fn for_stream(is_terminal: bool, no_color: Option<&str>) -> Self {
        match is_terminal {
            true => Self::Text {
                is_coloured: no_color.is_none_or(str::is_empty),
            },
            false => Self::Json,
        }
    }
}

/// Returns a subscriber that writes events of at least this level.
pub fn subscriber<W>(
    format: LogFormat,
    level: LevelFilter,
    writer: W,
) -> Box<dyn Subscriber + Send + Sync>
where
    W: for<'a> MakeWriter<'a> + Send + Sync + 'static,
{
    let lines = tracing_subscriber::fmt()
        .with_max_level(level)
        .with_target(false)
        .with_writer(writer);
    match format {
        LogFormat::Text { is_coloured } => Box::new(lines.with_ansi(is_coloured).finish()),
        LogFormat::Json => Box::new(lines.json().flatten_event(true).finish()),
    }
}

/// Interval between two lines about the same cause.
const INTERVAL: Duration = Duration::from_secs(60);

/// Maximum number of causes that are remembered.
const CAUSES_MAX: usize = 8;

/// Limit of repeated lines: one a minute for each cause.
#[derive(Debug, Default)]
pub struct LogInterval(RefCell<VecDeque<(String, Instant)>>);

impl LogInterval {
    /// Returns whether a line about this cause is due, and counts it as written if so.
    pub fn is_due(&self, cause: &str) -> bool {
        let mut written = self.0.borrow_mut();
        written.retain(|(_, at)| at.elapsed() < INTERVAL);
        if written.len() == CAUSES_MAX || written.iter().any(|(known, _)| known == cause) {
            return false;
        }
        written.push_back((cause.to_owned(), Instant::now()));
        true
    }
}

/// Sends the events of the whole program to standard error. A second call changes nothing.
pub fn install(format: LogFormat, level: LevelFilter) {
    // Another subscriber of the program stays.
    let _ = tracing::subscriber::set_global_default(subscriber(format, level, io::stderr));
}

#[cfg(test)]
pub(crate) mod tests {
    use std::sync::{Arc, Mutex};

    use super::*;

    /// Memory to which a test's logs go.
    #[derive(Clone, Default)]
    pub struct LogBuffer(Arc<Mutex<Vec<u8>>>);

    impl LogBuffer {
        /// Returns what was written so far.
        pub fn text(&self) -> String {
            String::from_utf8(self.0.lock().unwrap().clone()).unwrap()
        }
    }

    impl io::Write for LogBuffer {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().unwrap().write(bytes)
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    impl MakeWriter<'_> for LogBuffer {
        type Writer = Self;

        fn make_writer(&self) -> Self {
            self.clone()
        }
    }

    /// Returns the lines that `work` logs in this form.
    pub fn logged(format: LogFormat, work: impl FnOnce()) -> String {
        // A subscriber of the whole program, so that a test on another thread, which has none,
        // does not switch events off.
        let _ = tracing::subscriber::set_global_default(subscriber(
            LogFormat::Json,
            LevelFilter::DEBUG,
            io::sink,
        ));
        let buffer = LogBuffer::default();
        let subscriber = subscriber(format, LevelFilter::DEBUG, buffer.clone());
        tracing::subscriber::with_default(subscriber, work);
        buffer.text()
    }

    #[test]
    fn cause_is_logged_once_a_minute_and_many_causes_are_not_logged_at_all() {
        let mut builder = tokio::runtime::Builder::new_current_thread();
        let runtime = builder.enable_time().start_paused(true).build().unwrap();
        runtime.block_on(async {
            let interval = LogInterval::default();
            assert!(interval.is_due("a") && !interval.is_due("a") && interval.is_due("b"));
            tokio::time::advance(INTERVAL).await;
            let due = (0..100).filter(|cause| interval.is_due(&cause.to_string()));
            assert_eq!(due.count(), CAUSES_MAX);
        });
    }

    #[test]
    fn form_follows_terminal_and_no_color() {
        let text = |is_coloured| LogFormat::Text { is_coloured };
        assert_eq!(LogFormat::for_stream(true, None), text(true));
        assert_eq!(LogFormat::for_stream(true, Some("")), text(true));
        assert_eq!(LogFormat::for_stream(true, Some("1")), text(false));
        assert_eq!(LogFormat::for_stream(false, None), LogFormat::Json);
    }

    #[test]
    fn json_lines_carry_their_fields() {
        let line = logged(LogFormat::Json, || {
            tracing::info!(
                run = "run:a:b:cron:c",
                segment = 3,
                delivery = 7,
                "committed"
            );
        });
        let line: serde_json::Value = serde_json::from_str(&line).unwrap();
        assert_eq!(line["message"], "committed");
        assert_eq!(line["run"], "run:a:b:cron:c");
        assert_eq!(
            (&line["segment"], &line["delivery"]),
            (&3.into(), &7.into())
        );
        assert_eq!(line["level"], "INFO");
    }

    #[test]
    fn only_a_coloured_text_has_escape_sequences() {
        let work = || tracing::warn!(run = "r", "late");
        let plain = logged(LogFormat::Text { is_coloured: false }, work);
        assert!(
            plain.contains("WARN late run=\"r\"") && !plain.contains('\x1b'),
            "{plain}"
        );
        let coloured = logged(LogFormat::Text { is_coloured: true }, work);
        assert!(coloured.contains('\x1b'), "{coloured}");
    }
}
