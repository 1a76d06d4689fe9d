//! Key figures and latency percentiles of a run.

use maud::{Markup, html};

use crate::report::RunReport;
use crate::report::format::{count, rate, seconds};

/// Latencies whose 95th percentile is a key figure, with the name of the figure.
const P95_FIGURES: [(&str, &str); 2] = [
    ("plannerLatency", "Planner latency, p95"),
    ("runDuration", "Run duration, p95"),
];

/// Returns the row of key figures.
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
        (runs.open, "stuck"),
    ] {
        if number > 0 {
            fates.push(format!("{} {word}", count(number)));
        }
    }
    let injected: u64 = report.faults.iter().map(|fault| fault.begun).sum();
    let hit: u64 = report.faults.iter().map(|fault| fault.hit).sum();
    html! {
        section .figures aria-label="Key figures" {
            (figure("Runs", &count(ended), &fates.join(", ")))
            (figure("Images scanned", &count(report.images),
                &format!(
                    "{} changed, {} failed", count(report.deltas), count(report.images_failed)
                )))
            @for (key, name) in P95_FIGURES {
                @if let Some(quantiles) = report.latency.get(key) {
                    (figure(name, &seconds(quantiles.p95_seconds),
                        &format!(
                            "median {}, maximum {}",
                            seconds(quantiles.p50_seconds), seconds(quantiles.max_seconds)
                        )))
                }
            }
            (figure("Backlog, peak", &count(report.backlog_peak), "images waiting for a runner"))
            @for station in &report.stations {
                (figure(&format!("Utilisation, {}", station.service),
                    &format!("{:.1} %", station.utilisation * 100.0),
                    &format!("a call waits {} on average", seconds(station.waits.mean_seconds))))
            }
            (figure("Faults", &count(injected),
                &format!("{} calls, messages or processes affected", count(hit))))
            @if report.has_wall_time() {
                (figure("Speed", &format!("{}×", rate(report.speed())),
                    &format!("real time; {} events", count(report.events))))
            } @else {
                (figure("Events", &count(report.events), "steps of the simulation"))
            }
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

/// Returns the table of exact percentiles, which are computed from every sample.
pub fn latencies(report: &RunReport) -> Markup {
    html! {
        section aria-labelledby="latencies-title" {
            h2 #latencies-title { "Latency percentiles" }
            p .hint { "Computed from every sample that the workers recorded, not from buckets." }
            div .scroll {
                table {
                    thead { tr {
                        th scope="col" { "Latency" }
                        @for name in ["p50", "p95", "p99", "maximum", "samples"] {
                            th .number scope="col" { (name) }
                        }
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
