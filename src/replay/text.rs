//! Result of a replay as terminal text.

use std::fmt::{self, Write};
use std::slice;

use anstyle::AnsiColor;

use super::entry::{TraceEntry, clock};
use super::{ReplayCase, ReplayExcerpt, ReplayOutcome};
use crate::report::format::{bold, coloured, count, dim, line, paint, seconds};
use crate::sweep::Bug;

/// Maximum width of a column. A column is as wide as its widest cell.
const WIDTH_MAX: usize = 60;

/// Returns the result of a case and the entries around its first violation, as text with styles.
/// The last line is that of `rehearsal run`: `FAIL scenario=NAME seed=N trace=HEX`.
pub fn text(case: &ReplayCase, replayed: &ReplayOutcome) -> String {
    let mut text = String::new();
    // Writing to a string can't fail.
    let _ = write(&mut text, case, replayed);
    text
}

fn write(out: &mut String, case: &ReplayCase, replayed: &ReplayOutcome) -> fmt::Result {
    let (scenario, row) = (&case.scenario, &replayed.trial.row);
    writeln!(
        out,
        "{}: seed {}, profile {}",
        bold(&scenario.name),
        scenario.seed,
        case.options.profile.as_str()
    )?;
    writeln!(out)?;
    if let Some(bug) = &case.bug {
        write_recorded(out, bug, replayed)?;
    }
    match (&replayed.trial.failure, &case.bug) {
        (Some(failure), None) => line(out, "message", slice::from_ref(&failure.message))?,
        (None, None) => line(out, "now", &["does not fail".into()])?,
        _ => {}
    }
    if let Some(excerpt) = &replayed.excerpt {
        write_excerpt(out, excerpt, replayed)?;
    }
    writeln!(out)?;
    writeln!(
        out,
        "{} scenario={} seed={} trace={}",
        coloured(row.verdict),
        scenario.name,
        scenario.seed,
        row.trace
    )
}

/// Writes the recorded failure, and whether the case still fails in the same way.
fn write_recorded(out: &mut String, bug: &Bug, replayed: &ReplayOutcome) -> fmt::Result {
    line(
        out,
        "recorded",
        &[paint(AnsiColor::Red, &bug.cause).to_string()],
    )?;
    line(out, "message", slice::from_ref(&bug.message))?;
    if !bug.drawn.is_empty() {
        line(out, "drawn", &[bug.drawn.join(", ")])?;
    }
    let trial = &replayed.trial;
    let now = match &trial.failure {
        None => paint(AnsiColor::Green, "no longer fails").to_string(),
        Some(failure) if failure.cause == bug.cause => "fails with the same cause".to_owned(),
        Some(failure) => format!("fails with another cause: {}", failure.message),
    };
    line(out, "now", &[now])?;
    line(out, "trace", &[trace_text(bug, &trial.row.trace)])
}

/// Compares the trace with the recorded one and explains a difference.
fn trace_text(bug: &Bug, trace: &str) -> String {
    let version = env!("CARGO_PKG_VERSION");
    if bug.trace == trace {
        return match trace {
            "" => "none, in the recording and now: the run did not end".into(),
            _ => format!("{trace}, as recorded: the same events"),
        };
    }
    let why = match bug.version == version {
        true => format!("the program has changed within version {version}"),
        false => format!("recorded by version {}, this is {version}", bug.version),
    };
    let known = |trace: &str| match trace {
        "" => "none".to_owned(),
        trace => trace.to_owned(),
    };
    format!("{}, expected {}: {why}", known(trace), known(&bug.trace))
}

fn write_excerpt(
    out: &mut String,
    excerpt: &ReplayExcerpt,
    replayed: &ReplayOutcome,
) -> fmt::Result {
    let window = &excerpt.window;
    let reach = seconds(window.until.since(window.centre).as_secs_f64());
    let day = window.centre.to_jiff().strftime("%Y-%m-%d");
    let centre = clock(window.centre);
    let entries = count(excerpt.entries.len() as u64);
    writeln!(out)?;
    let is_stuck = replayed.trial.stuck_since.is_some();
    let reason = match is_stuck {
        true => ", when the work that is left last moved",
        false => "",
    };
    writeln!(
        out,
        "{day}, {reach} around {centre} UTC{reason}, {entries} observations"
    )?;
    if excerpt.discarded > 0 {
        let discarded = count(excerpt.discarded);
        writeln!(
            out,
            "{discarded} more were discarded; a smaller --around shows all observations"
        )?;
    }
    writeln!(out)?;
    let widths = ColumnWidths::of(&excerpt.entries);
    let (before, after) = {
        let entries = &excerpt.entries;
        entries.split_at(entries.partition_point(|entry| entry.at <= window.centre))
    };
    before
        .iter()
        .try_for_each(|entry| widths.write(out, entry))?;
    let message = replayed
        .trial
        .failure
        .as_ref()
        .map(|failure| &failure.message);
    let message = message.map_or("", String::as_str);
    let violation = paint(AnsiColor::Red, format!("▶ {message}"));
    if !is_stuck {
        writeln!(out, "{centre}  {violation}")?;
    }
    after
        .iter()
        .try_for_each(|entry| widths.write(out, entry))?;
    if is_stuck {
        writeln!(out, "\nat the end of the drain  {violation}")?;
    }
    Ok(())
}

/// Widths of the columns in characters.
struct ColumnWidths {
    process: usize,
    subject: usize,
}

impl ColumnWidths {
    fn of(entries: &[TraceEntry]) -> Self {
        let widest = |cell: fn(&TraceEntry) -> &str| {
            let widths = entries.iter().map(|entry| cell(entry).chars().count());
            widths.max().unwrap_or(0).min(WIDTH_MAX)
        };
        Self {
            process: widest(|entry| &entry.process),
            subject: widest(|entry| &entry.subject),
        }
    }

    fn write(&self, out: &mut String, entry: &TraceEntry) -> fmt::Result {
        writeln!(
            out,
            "{}  {:<process$}  {:<subject$}  {}",
            dim(clock(entry.at)),
            entry.process,
            entry.subject,
            entry.event,
            process = self.process,
            subject = self.subject,
        )
    }
}
