//! What happened, as a row of figures.

use maud::{Markup, html};

use crate::report::RunReport;
use crate::report::format::{count, rate, seconds};

/// The figures of a run.
pub fn figures(report: &RunReport) -> Markup {
    let runs = &report.runs;
    let ended = runs.completed + runs.no_work + runs.error + runs.cancelled;
    let mut fates = vec![
        format!("{} completed", count(runs.completed)),
        format!("{} no work", count(runs.no_work)),
    ];
    for (number, word) in [
        (runs.error, "error"),
        (runs.cancelled, "cancelled"),
        (runs.open, "never ended"),
    ] {
        if number > 0 {
            fates.push(format!("{} {word}", count(number)));
        }
    }
    let struck: u64 = report.faults.iter().map(|fault| fault.begun).sum();
    let hit: u64 = report.faults.iter().map(|fault| fault.hit).sum();
    html! {
        section .figures aria-label="What happened" {
            (figure("Runs", &count(ended), &fates.join(", ")))
            (figure("Images scanned", &count(report.images),
                &format!("{} changed, {} failed", count(report.deltas), count(report.images_failed))))
            @for (key, name) in [("plannerLatency", "Planner latency, p95"), ("runDuration", "Run duration, p95")] {
                @if let Some(quantiles) = report.latency.get(key) {
                    (figure(name, &seconds(quantiles.p95_seconds),
                        &format!("median {}, longest {}", seconds(quantiles.p50_seconds), seconds(quantiles.max_seconds))))
                }
            }
            (figure("Backlog, peak", &count(report.backlog_peak), "images that await a runner"))
            (figure("Faults", &count(struck), &format!("{} hits", count(hit))))
            (figure("Speed", &format!("{}×", rate(report.speed())),
                &format!("real time; {} events", count(report.events))))
        }
    }
}

fn figure(name: &str, value: &str, detail: &str) -> Markup {
    html! {
        div .figure {
            p .name { (name) }
            p .value { (value) }
            p .detail { (detail) }
        }
    }
}

/// The exact quantiles, from every sample.
pub fn latencies(report: &RunReport) -> Markup {
    html! {
        section aria-labelledby="latencies-title" {
            h2 #latencies-title { "Latency percentiles" }
            p .hint { "Of every sample that the workers took, not of buckets." }
            div .scroll {
                table {
                    thead { tr {
                        th scope="col" { "Time from … to" }
                        @for name in ["p50", "p95", "p99", "longest", "samples"] { th .number scope="col" { (name) } }
                    } }
                    tbody { @for (key, quantiles) in &report.latency { tr {
                        th scope="row" { (meaning(key)) }
                        td .number { (seconds(quantiles.p50_seconds)) }
                        td .number { (seconds(quantiles.p95_seconds)) }
                        td .number { (seconds(quantiles.p99_seconds)) }
                        td .number { (seconds(quantiles.max_seconds)) }
                        td .number { (count(quantiles.count)) }
                    } } }
                }
            }
        }
    }
}

fn meaning(key: &str) -> &str {
    match key {
        "plannerLatency" => "Planner latency: creation of a run to the end of its planning",
        "runDuration" => "Run duration: creation of a run to its completion",
        other => other,
    }
}
