//! How it came about: latencies in full, every parameter, and the line that does it again.

use maud::{Markup, html};

use crate::report::number::{count, seconds};
use crate::report::{RunRecord, RunReport};

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

/// Every parameter, and the scenario as a file.
pub fn parameters(run: &RunRecord) -> Markup {
    let differing = run.parameters.iter().filter(|it| it.differs).count();
    html! {
        section aria-labelledby="parameters-title" {
            h2 #parameters-title { "Parameters" }
            details {
                summary {
                    "All " (run.parameters.len()) " of them: " strong { (differing) " differ from their defaults" }
                }
                div .scroll {
                    table .parameters {
                        thead { tr {
                            th scope="col" { "Parameter" } th scope="col" { "Value" } th scope="col" { "Default" }
                        } }
                        // Those that somebody has chosen come first.
                        tbody { @for differs in [true, false] {
                            @for parameter in run.parameters.iter().filter(|it| it.differs == differs) {
                                tr .set[differs] {
                                    th scope="row" {
                                        @if differs { span .mark aria-label="set" { "●" } " " }
                                        code { (parameter.key) }
                                    }
                                    td { (parameter.value) }
                                    td { (parameter.default) }
                                }
                            }
                        } }
                    }
                }
            }
            details {
                summary { "The scenario, with the faults that were drawn, as a file" }
                pre tabindex="0" { code { (run.scenario) } }
            }
        }
    }
}

/// The shell line that does the same again.
pub fn replay(run: &RunRecord) -> Markup {
    html! {
        section aria-labelledby="replay-title" {
            h2 #replay-title { "Once more" }
            div .replay {
                pre tabindex="0" { code #replay { (run.report.replay) } }
                button #copy type="button" { "Copy" }
            }
        }
    }
}
