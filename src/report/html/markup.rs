//! HTML markup around the panels: the results that are readable without a script.

mod checks;
mod content_policy;
mod figures;
mod parameters;

use maud::{DOCTYPE, Markup, PreEscaped, html};

use super::dashboard::Dashboard;
use super::page_data::PageData;
use crate::report::format::seconds;
use crate::report::{RecordedRun, Verdict};
use crate::scenario::Duration;

const STYLE: [&str; 2] = [include_str!("uPlot.min.css"), include_str!("page.css")];

/// Chart library, followed by the files of the script.
const LIBRARY: &str = include_str!("uPlot.iife.min.js");
const SCRIPT: [&str; 7] = [
    include_str!("page/units.js"),
    include_str!("page/fields.js"),
    include_str!("page/chart.js"),
    include_str!("page/panels.js"),
    include_str!("page/dashboard.js"),
    include_str!("page/timeline.js"),
    include_str!("page/page.js"),
];

/// Licence of the chart library, which has to be included.
const LIBRARY_LICENCE: &str = include_str!("uPlot.LICENSE");

/// Returns the whole page.
pub fn page(run: &RecordedRun, dashboard: &Dashboard, page_data: &PageData, json: &str) -> String {
    let report = &run.report;
    let title = format!(
        "{} {} · Rehearsal",
        report.verdict.as_str(),
        report.scenario
    );
    let (style, script) = (STYLE.join("\n"), script());
    let policy = content_policy::policy(&[LIBRARY, &script], &style);
    let markup = html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta http-equiv="Content-Security-Policy" content=(policy);
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta name="color-scheme" content="light dark";
                // Without an icon, browsers request one from the network.
                link rel="icon" href="data:,";
                title { (title) }
                style { (PreEscaped(style)) }
            }
            body {
                a .skip href="#dashboard" { "Skip to the dashboard" }
                (head(run))
                main {
                    (figures::figures(report))
                    (checks::checks(report))
                    section aria-labelledby="timeline-title" {
                        h2 #timeline-title { "Timeline" }
                        div #timeline {}
                    }
                    (panels(run, dashboard, page_data))
                    (figures::latencies(report))
                    (parameters::parameters(run))
                    (parameters::replay(run))
                }
                footer {
                    p {
                        "Rehearsal " (run.version) ". This file needs no network. "
                        "Charts are drawn by uPlot."
                    }
                }
                script #page-data type="application/json" { (PreEscaped(json)) }
                (PreEscaped(format!("<!-- uPlot:\n{LIBRARY_LICENCE}\n-->")))
                script { (PreEscaped(LIBRARY)) }
                script { (PreEscaped(script)) }
            }
        }
    };
    markup.into_string()
}

/// Joins the files of the script to one program with its own scope.
fn script() -> String {
    format!("(() => {{\n\"use strict\";\n{}}})();", SCRIPT.join("\n"))
}

/// Returns the CSS class of a verdict.
fn tone(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Pass => "good",
        Verdict::Fail => "bad",
        Verdict::Miss | Verdict::Vacuous => "doubtful",
    }
}

fn head(run: &RecordedRun) -> Markup {
    let report = &run.report;
    let sign = match report.verdict {
        Verdict::Pass => "✓",
        Verdict::Fail => "✗",
        Verdict::Miss | Verdict::Vacuous => "?",
    };
    html! {
        header .top {
            div .title {
                p .verdict.(tone(report.verdict)) {
                    span aria-hidden="true" { (sign) } " " (report.verdict.as_str())
                }
                div {
                    h1 { (report.scenario) }
                    p .lead { (report.description) }
                }
                button #theme type="button" title="Light, dark, or the system's theme" {
                    "Theme: system"
                }
            }
            dl .facts {
                (fact("Seed", &report.seed.to_string()))
                (fact("Profile", &report.profile))
                (fact("Virtual time", &seconds(report.virtual_seconds)))
                @if report.has_wall_time() {
                    (fact("Wall-clock time", &seconds(report.wall_seconds)))
                }
                (fact("Trace", &report.trace_hash))
            }
        }
    }
}

fn fact(name: &str, value: &str) -> Markup {
    html! { div { dt { (name) } dd { (value) } } }
}

fn panels(run: &RecordedRun, dashboard: &Dashboard, page_data: &PageData) -> Markup {
    let length = |ms: i64| Duration::from_secs(ms.unsigned_abs() / 1_000).to_string();
    let (step, scrape) = (length(page_data.step_ms), length(run.scrape_interval_ms));
    let sampling = if page_data.step_ms == run.scrape_interval_ms {
        format!("One value per {step}, as scraped.")
    } else {
        format!("One value per {step}; scraped every {scrape}.")
    };
    html! {
        section #dashboard aria-labelledby="dashboard-title" {
            div .bar {
                h2 #dashboard-title { (dashboard.title) }
                div #variables .variables {}
                button #whole type="button" disabled { "Show all" }
                output #window .window {}
            }
            p .hint {
                (sampling) " Drag over a panel to zoom all panels; Escape or a double click shows "
                "everything again. With the keyboard: arrows move, + and − zoom."
            }
            noscript { p .problem {
                "The timeline and the panels are drawn by a script, and scripts are disabled."
            } }
            div #panels {}
            p #spoken .unseen role="status" aria-live="polite" {}
        }
    }
}
