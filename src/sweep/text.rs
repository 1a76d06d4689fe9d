//! Result of a sweep as text for a terminal.

use std::fmt::{self, Write};
use std::path::PathBuf;

use anstyle::AnsiColor;

use super::{ExpectationShare, RequiredSeeds, SweepFailure, SweepResult, SweepSubject};
use crate::report::format::{bold, coloured, count, line, paint, seconds};
use crate::report::{replay_command, shell_line};
use rehearsal_convert::Nearest;

/// Maximum number of failing seeds shown per cause.
const SEEDS_SHOWN: usize = 5;

/// Renders a result with ANSI styles. Uncovered events come first. The last line is stable for
/// scripts: `PASS scenario=NAME seeds=0..1000 failures=0 causes=0`.
pub fn text(result: &SweepResult, bug_file: impl Fn(&SweepFailure) -> Option<PathBuf>) -> String {
    let mut text = String::new();
    // Writing to a string can't fail.
    let _ = write_result(&mut text, result, bug_file);
    text
}

fn write_result(
    out: &mut String,
    result: &SweepResult,
    bug_file: impl Fn(&SweepFailure) -> Option<PathBuf>,
) -> fmt::Result {
    let subject = &result.subject;
    writeln!(
        out,
        "{}: {} seeds, profile {}",
        bold(&subject.scenario),
        count(result.seeds.len()),
        subject.profile,
    )?;
    writeln!(out)?;
    write_never(out, result)?;
    write_facts(out, result)?;
    for failure in &result.failures {
        write_failure(out, subject, failure, bug_file(failure))?;
    }
    writeln!(out)?;
    writeln!(
        out,
        "{} scenario={} seeds={} failures={} causes={}",
        coloured(result.verdict()),
        subject.scenario,
        compact(result),
        result.verdicts.fail,
        result.failures.len()
    )
}

/// Writes the events that never occurred. Names with the same prefix share a line.
fn write_never(out: &mut String, result: &SweepResult) -> fmt::Result {
    let mut groups: Vec<(&str, Vec<&str>)> = Vec::new();
    for name in result.coverage.never() {
        let (head, tail) = split(name);
        match groups.last_mut() {
            Some((known, tails)) if *known == head => tails.push(tail),
            _ => groups.push((head, vec![tail])),
        }
    }
    for name in result.never_met() {
        groups.push(("expectation:", vec![name]));
    }
    for (index, (head, tails)) in groups.iter().enumerate() {
        let name = if index == 0 { "never covered" } else { "" };
        line(out, name, &[format!("{head} {}", tails.join(" | "))])?;
    }
    Ok(())
}

/// Splits a name into its group prefix and the rest.
fn split(name: &str) -> (&str, &str) {
    let at = ["while ", "message ", "commit ", "run ", "{"]
        .iter()
        .find_map(|mark| name.find(mark).map(|at| (at, *mark)));
    match at {
        Some((at, "{")) => name.split_at(at),
        Some((at, mark)) => {
            let (head, tail) = name.split_at(at + mark.len());
            (head.trim_end(), tail)
        }
        None => (name, ""),
    }
}

fn write_facts(out: &mut String, result: &SweepResult) -> fmt::Result {
    let verdicts = result.verdicts;
    let failed = format!("{} failed", count(verdicts.fail));
    let failed = match verdicts.fail {
        0 => failed,
        _ => paint(AnsiColor::Red, failed).to_string(),
    };
    line(
        out,
        "seeds",
        &[
            format!("{} passed", count(verdicts.pass)),
            failed,
            format!("{} missed", count(verdicts.miss)),
            format!("{} vacuous", count(verdicts.vacuous)),
        ],
    )?;
    let marks = result.coverage.marks().count() as u64;
    let never = result.coverage.never().count() as u64;
    let covered = format!(
        "{} of {} events that can occur",
        count(marks - never),
        count(marks)
    );
    line(out, "covered", &[covered])?;
    if let Some(keys) = result.constant_keys.count() {
        let keys = format!(
            "{} keys of the scenario schema had one value",
            count(keys as u64)
        );
        line(
            out,
            "constant",
            &[keys, "listed in sweep.json by --out".into()],
        )?;
    }
    for (name, share) in &result.expectations {
        write_share(out, name, *share)?;
    }
    for (name, counts) in [
        ("planner latency", &result.latency_micros),
        ("run duration", &result.duration_micros),
    ] {
        let histogram = counts.histogram();
        let at = |quantile| seconds(histogram.value_at_quantile(quantile).nearest_f64() / 1e6);
        let parts = [
            format!("p50 {}", at(0.5)),
            format!("p95 {}", at(0.95)),
            format!("p99 {}", at(0.99)),
            format!("max {}", at(1.0)),
        ];
        line(out, name, &parts)?;
    }
    line(out, "events", &[count(result.events)])
}

/// Writes the share of seeds in which an expectation held.
fn write_share(out: &mut String, name: &str, share: ExpectationShare) -> fmt::Result {
    let required = match share.required {
        RequiredSeeds::None => None,
        RequiredSeeds::Some => Some("required in one".to_owned()),
        RequiredSeeds::Every => Some("required in all".to_owned()),
    };
    let (held, decided) = (count(share.held), count(share.decided));
    let skipped = (share.skipped > 0).then(|| format!("skipped in {}", count(share.skipped)));
    let parts = [
        Some(name.to_owned()),
        Some(format!("held in {held} of {decided} seeds")),
    ];
    let parts: Vec<String> = parts
        .into_iter()
        .chain([required, skipped])
        .flatten()
        .collect();
    line(out, "expectation", &parts)
}

fn write_failure(
    out: &mut String,
    subject: &SweepSubject,
    failure: &SweepFailure,
    bug_file: Option<PathBuf>,
) -> fmt::Result {
    let mut seeds: Vec<String> = failure.seeds.iter().map(u64::to_string).collect();
    if failure.count > SEEDS_SHOWN as u64 {
        seeds.truncate(SEEDS_SHOWN);
        seeds.push("...".into());
    }
    writeln!(out)?;
    writeln!(out, "{}", paint(AnsiColor::Red, &failure.cause))?;
    let seeds = format!("{} ({})", count(failure.count), seeds.join(", "));
    line(out, "  failing seeds", &[seeds])?;
    let after = seconds(failure.soonest.after_seconds);
    let soonest = format!("seed {}, {after} after the start", failure.soonest_seed);
    line(out, "  earliest", &[soonest])?;
    line(
        out,
        "  message",
        std::slice::from_ref(&failure.soonest.message),
    )?;
    if !failure.soonest.drawn.is_empty() {
        line(out, "  drawn", &[failure.soonest.drawn.join(", ")])?;
    }
    let replay = match bug_file {
        Some(path) => {
            let path = path.display().to_string();
            let shrink = shell_line(&["rehearsal", "shrink", &path]);
            line(out, "  shrink", &[shrink])?;
            shell_line(&["rehearsal", "replay", &path])
        }
        // A merge without --out has no bug file to replay.
        None => replay_command(
            &subject.path,
            failure.soonest_seed,
            &subject.profile,
            &subject.set,
        ),
    };
    writeln!(out, "replay: {replay}")
}

/// Seed range as one word; the number of seeds and ranges if there are several.
fn compact(result: &SweepResult) -> String {
    match result.seeds.ranges() {
        [range] => format!("{}..{}", range.start, range.end),
        ranges => format!("{}-in-{}-ranges", result.seeds.len(), ranges.len()),
    }
}
