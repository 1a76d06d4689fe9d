//! Report as terminal text, written so that a person grasps it within ten seconds.

use std::fmt::{self, Write};

use anstyle::AnsiColor;

use super::format::{bold, coloured, count, dim, line, paint, rate, seconds};
use super::{
    ExpectationOutcome, InvariantSummary, RunReport, StationSummary, StuckRunSummary,
    ViolationSummary, WaitSummary,
};

/// Maximum number of violations per invariant, and of stuck runs, that are shown. The JSON
/// document has all that were kept.
const SHOWN_MAX: usize = 3;

/// Returns the report as text with styles. The last line is meant for scripts too: `PASS
/// scenario=NAME seed=N trace=HEX`.
pub fn terminal(report: &RunReport) -> String {
    let mut text = String::new();
    // Writing to a string can't fail.
    let _ = write_report(&mut text, report);
    text
}

fn write_report(out: &mut String, report: &RunReport) -> fmt::Result {
    let part = report.window.map(|window| format!(", {window}"));
    writeln!(
        out,
        "{}{}: {} of virtual time{}",
        bold(&report.scenario),
        part.unwrap_or_default(),
        seconds(report.virtual_seconds),
        speed(report),
    )?;
    if !report.description.is_empty() {
        writeln!(out, "{}", dim(&report.description))?;
    }
    writeln!(out)?;
    write_checks(out, report)?;
    writeln!(out)?;
    write_facts(out, report)?;
    write_failures(out, report)?;
    writeln!(out)?;
    writeln!(
        out,
        "{} scenario={} seed={} trace={}",
        coloured(report.verdict),
        report.scenario,
        report.seed,
        report.trace_hash
    )
}

/// Wall-clock time and speed; nothing if they are left out.
fn speed(report: &RunReport) -> String {
    match report.has_wall_time() {
        true => format!(
            " in {}, {} times real time",
            seconds(report.wall_seconds),
            rate(report.speed())
        ),
        false => String::new(),
    }
}

/// Writes the number of invariants, expectations and gates that held.
fn write_checks(out: &mut String, report: &RunReport) -> fmt::Result {
    // An invariant that was never evaluated is not counted as held.
    let checked = report
        .invariants
        .iter()
        .filter(|invariant| invariant.checks > 0);
    let held = checked
        .clone()
        .filter(|invariant| invariant.violations == 0)
        .count();
    let exercised = checked
        .clone()
        .filter(|invariant| invariant.exercised > 0)
        .count();
    let checks = checked.clone().map(|invariant| invariant.checks).sum();
    line(
        out,
        "invariants",
        &[
            of(held, checked.count(), "held"),
            format!("{} checks", count(checks)),
            format!("{exercised} exercised"),
        ],
    )?;
    write_expectations(out, report)?;
    if !report.gates.is_empty() {
        let met = report.gates.iter().filter(|gate| gate.is_met()).count();
        line(out, "gates", &[of(met, report.gates.len(), "met")])?;
    }
    match &report.determinism {
        Some(determinism) if determinism.same => line(out, "re-run", &["the same".into()]),
        Some(_) => line(
            out,
            "re-run",
            &[paint(AnsiColor::Red, "differs").to_string()],
        ),
        None => Ok(()),
    }
}

/// Writes the number of required expectations that were met, then of the others.
fn write_expectations(out: &mut String, report: &RunReport) -> fmt::Result {
    let count = |required: bool| {
        let mut counted = (0, 0);
        for expectation in report
            .expectations
            .iter()
            .filter(|it| it.required == required)
        {
            counted.0 += usize::from(expectation.outcome == ExpectationOutcome::Met);
            counted.1 += 1;
        }
        counted
    };
    let ((met, required), (held, others)) = (count(true), count(false));
    let parts = [
        (required > 0).then(|| of(met, required, "met")),
        (others > 0).then(|| format!("{held} of {others} not required held")),
        (!report.skipped.is_empty()).then(|| format!("{} skipped", report.skipped.len())),
    ];
    let parts: Vec<String> = parts.into_iter().flatten().collect();
    match parts.is_empty() {
        true => Ok(()),
        false => line(out, "expectations", &parts),
    }
}

/// Writes runs, images, fires, latencies, backlog, faults and speed.
fn write_facts(out: &mut String, report: &RunReport) -> fmt::Result {
    let runs = &report.runs;
    let mut parts = vec![
        format!("{} completed", count(runs.completed)),
        format!("{} no work", count(runs.no_work)),
        format!("{} error", count(runs.error)),
        format!("{} cancelled", count(runs.cancelled)),
    ];
    if runs.open > 0 {
        parts.push(paint(AnsiColor::Red, format!("{} never ended", count(runs.open))).to_string());
    }
    line(out, "runs", &parts)?;
    line(
        out,
        "images",
        &[
            format!("{} scanned", count(report.images)),
            format!("{} failed", count(report.images_failed)),
            format!("{} changed", count(report.deltas)),
        ],
    )?;
    let fires: Vec<String> = report
        .fires
        .iter()
        .map(|(fate, number)| format!("{} {fate}", count(*number)))
        .collect();
    line(out, "cron fires", &fires)?;
    for (name, quantiles) in &report.latency {
        let parts = [
            format!("p50 {}", seconds(quantiles.p50_seconds)),
            format!("p95 {}", seconds(quantiles.p95_seconds)),
            format!("p99 {}", seconds(quantiles.p99_seconds)),
            format!("max {}", seconds(quantiles.max_seconds)),
        ];
        line(out, &spaced(name), &parts)?;
    }
    line(
        out,
        "backlog",
        &[format!("peak {} images", count(report.backlog_peak))],
    )?;
    for station in &report.stations {
        write_station(out, station)?;
    }
    if !report.faults.is_empty() {
        let faults: Vec<String> = report
            .faults
            .iter()
            .map(|fault| format!("{} {} (hit {})", fault.kind, fault.begun, count(fault.hit)))
            .collect();
        line(out, "faults", &faults)?;
    }
    let mut speed = vec![format!("{} events", count(report.events))];
    if report.has_wall_time() {
        speed.push(format!("{} events/s", rate(report.events_per_second())));
        speed.push(format!("{} images/s", rate(report.images_per_second())));
    }
    line(out, "speed", &speed)
}

/// Writes utilisation and waiting times of a service.
fn write_station(out: &mut String, station: &StationSummary) -> fmt::Result {
    let waits = |what: &str, waits: &WaitSummary| {
        let (mean, max) = (seconds(waits.mean_seconds), seconds(waits.max_seconds));
        format!("{what} mean {mean}, max {max}")
    };
    let mut parts = vec![
        format!("{:.1} % utilised", station.utilisation * 100.0),
        waits("waits", &station.waits),
    ];
    parts.extend(station.row_waits.iter().map(|it| waits("row locks", it)));
    let connections = station.connection_waits.iter();
    parts.extend(connections.map(|it| waits("connections", it)));
    line(out, &station.service, &parts)
}

/// Writes every failure, and the shell line that repeats the run.
fn write_failures(out: &mut String, report: &RunReport) -> fmt::Result {
    let mut failures = String::new();
    if let Some(reason) = &report.halted {
        failure(&mut failures, "halted", "virtual time", reason)?;
    }
    write_violations(&mut failures, &report.invariants)?;
    write_unmet(&mut failures, report)?;
    write_stuck(&mut failures, &report.stuck)?;
    if let Some(determinism) = report.determinism.as_ref().filter(|it| !it.same) {
        let detail = "the first event that differs";
        failure(&mut failures, "re-run", "determinism", detail)?;
        for side in &determinism.first_difference {
            writeln!(failures, "  {side}")?;
        }
    }
    if failures.is_empty() {
        return Ok(());
    }
    write!(out, "\n{failures}")?;
    writeln!(out, "{} {}", dim("replay:"), report.replay)
}

fn write_violations(out: &mut String, invariants: &[InvariantSummary]) -> fmt::Result {
    for invariant in invariants.iter().filter(|it| it.violations > 0) {
        let violations = match invariant.violations {
            1 => "one violation".to_owned(),
            several => format!("{} violations", count(several)),
        };
        let times = format!("{violations} in {} checks", count(invariant.checks));
        failure(out, "invariant", &invariant.name, &times)?;
        for violation in invariant.first.iter().take(SHOWN_MAX) {
            writeln!(out, "  {violation}")?;
        }
    }
    Ok(())
}

/// Writes the expectations and gates that were not met.
fn write_unmet(out: &mut String, report: &RunReport) -> fmt::Result {
    let expectations = report.expectations.iter();
    for expectation in expectations.filter(|it| it.is_failed()) {
        failure(out, "expectation", &expectation.name, &expectation.detail)?;
    }
    for gate in report.gates.iter().filter(|gate| !gate.is_met()) {
        let (required, found) = (count(gate.required), count(gate.found));
        let detail = format!("{required} required, {found} found");
        failure(out, "gate", &gate.name, &detail)?;
    }
    Ok(())
}

fn write_stuck(out: &mut String, stuck: &[StuckRunSummary]) -> fmt::Result {
    for run in stuck.iter().take(SHOWN_MAX) {
        failure(
            out,
            "stuck",
            &run.run,
            &format!("waits for {}", run.waits_for),
        )?;
    }
    if stuck.len() > SHOWN_MAX {
        writeln!(out, "  and {} more", stuck.len() - SHOWN_MAX)?;
    }
    Ok(())
}

impl fmt::Display for ViolationSummary {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            at,
            place,
            what,
            expected,
            found,
        } = self;
        write!(
            formatter,
            "{at}: {place} is {found}, expected {expected}, because {what}"
        )
    }
}

fn failure(out: &mut String, group: &str, name: &str, detail: &str) -> fmt::Result {
    writeln!(out, "{} {name}: {detail}", paint(AnsiColor::Red, group))
}

/// Formats a share: `24 of 25 held`, or `all 25 held`.
fn of(good: usize, all: usize, word: &str) -> String {
    if good == all {
        return format!("all {all} {word}");
    }
    paint(AnsiColor::Red, format!("{good} of {all} {word}")).to_string()
}

/// Splits a camel-case name: `plannerLatency` becomes `planner latency`.
fn spaced(name: &str) -> String {
    let mut text = String::new();
    for character in name.chars() {
        if character.is_uppercase() {
            text.push(' ');
        }
        text.extend(character.to_lowercase());
    }
    text
}
