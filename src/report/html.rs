//! The HTML report: one file that needs nothing else, neither network nor server.
//!
//! ```text
//!  RunRecord ──────────────────────────────────────────> frame (HTML) ──┐
//!  Dashboard ──> variables, panels ──PromQL──> TimeSeriesStore ──> island (JSON) ──> one page
//!                                       style, chart library, script ──┘
//! ```
//!
//! The frame is readable without a script: verdict, invariants, latencies, parameters. The script
//! draws the time line and the dashboard's panels from the island.

mod column;
mod dashboard;
mod frame;
mod grid;
mod history;
mod island;
mod legend;
mod oracle;
mod panel;
mod timeline;
mod variable;

pub use dashboard::{Dashboard, DashboardError};

use super::RunRecord;
use crate::bundled;
use crate::metrics::TimeSeriesStore;
use crate::promql::rules::{RuleFile, evaluate};
use dashboard::VariableModel;
use grid::Grid;
use island::{DrawnSection, Island};
use oracle::{Archive, Oracle};
use panel::Painter;
use timeline::Group;
use variable::Variable;

/// Values of a series at most: as many as a wide panel has pixels on a good screen, so that there is
/// something to see when it is zoomed.
const POINTS_MAX: usize = 2_400;

/// Values of a series at least, however many series there are.
const POINTS_MIN: usize = 150;

/// The data of a page takes no more than this, bytes, unless even [`POINTS_MIN`] values do: with
/// frame, style and script the page stays below a megabyte.
const ISLAND_MAX: usize = 850_000;

impl Dashboard {
    /// The dashboard of the operator files.
    ///
    /// # Panics
    /// Never: a test reads it.
    pub fn bundled() -> Self {
        Self::parse(bundled::DASHBOARD)
            .unwrap_or_else(|error| unreachable!("the bundled dashboard {error}"))
    }
}

/// The report of a finished rehearsal with the panels of a dashboard and the alerts of some rules.
pub fn html(
    run: &RunRecord,
    series: &TimeSeriesStore,
    dashboard: &Dashboard,
    rules: &RuleFile,
) -> String {
    let told = evaluate(rules, series, history::span(run));
    let timeline = history::groups(run, rules, &told);
    let archive = Archive {
        series,
        rules,
        recorded: &told.map(|told| told.recorded).unwrap_or_default(),
    };
    let mut points = POINTS_MAX;
    loop {
        let island = draw(run, &archive, dashboard, timeline.clone(), points);
        let json = island.json();
        if json.len() <= ISLAND_MAX || points <= POINTS_MIN {
            return frame::page(run, dashboard, &island, &json);
        }
        points = POINTS_MIN.max(points / 2);
    }
}

/// The data of a page whose series have so many values at most.
fn draw(
    run: &RunRecord,
    archive: &Archive<'_>,
    dashboard: &Dashboard,
    timeline: Vec<Group>,
    points: usize,
) -> Island {
    let grid = Grid::fitting(run.start_ms, run.end_ms, run.scrape_interval_ms, points);
    let oracle = Oracle::new(archive, grid, run.end_ms);
    let resolve =
        |model: &VariableModel| Variable::resolve(model, |query| oracle.label_values(query));
    let variables: Vec<Variable> = dashboard.variables.iter().filter_map(resolve).collect();
    let mut island = Island::new(grid, run.end_ms, timeline, &variables);
    let painter = Painter {
        oracle,
        variables: &variables,
        grid,
        scrape_interval_ms: run.scrape_interval_ms,
        end_ms: run.end_ms,
    };
    let sections = dashboard.sections.iter().map(|section| DrawnSection {
        title: section.title.clone(),
        collapsed: section.collapsed,
        panels: section
            .panels
            .iter()
            .map(|panel| painter.draw(panel))
            .collect(),
    });
    island.sections = sections.collect();
    island
}
