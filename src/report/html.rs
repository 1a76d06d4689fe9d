//! The HTML report: one file that needs nothing else, neither network nor server.
//!
//! ```text
//!  RunRecord ──────────────────────────────────────────> frame (HTML) ──┐
//!  Dashboard ──> variables, panels ──PromQL──> TimeSeriesStore ──> island (JSON) ──> one page
//!                                       style, chart library, script ──┘
//! ```
//!
//! The markup is readable without a script: verdict, invariants, latencies, parameters. The script
//! draws the time line and the dashboard's panels from the page data.

mod dashboard;
mod legend;
mod markup;
mod page_data;
mod panel;
mod panel_queries;
mod rle_column;
mod step_grid;
mod timeline;
mod variable;

pub use dashboard::{Dashboard, DashboardError};

use super::RunRecord;
use crate::bundled;
use crate::metrics::TimeSeriesStore;
use crate::promql::rules::{RuleFile, evaluate};
use dashboard::VariableModel;
use page_data::{PageData, RenderedSection};
use panel::PanelRenderer;
use panel_queries::{PanelQueries, QueryableRun};
use step_grid::StepGrid;
use timeline::LaneGroup;
use variable::Variable;

/// Values of a series at most: as many as a wide panel has pixels on a good screen, so that there is
/// something to see when it is zoomed.
const POINTS_MAX: usize = 2_400;

/// Values of a series at least, however many series there are.
const POINTS_MIN: usize = 150;

/// The data of a page takes no more than this, bytes, unless even [`POINTS_MIN`] values do: with
/// markup, style and script the page stays below a megabyte.
const PAGE_DATA_BYTES_MAX: usize = 850_000;

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
    let told = evaluate(rules, series, timeline::rules_span(run));
    let timeline = timeline::groups(run, rules, &told);
    let queryable = QueryableRun {
        series,
        rules,
        recorded: &told.map(|told| told.recorded).unwrap_or_default(),
    };
    let mut points = POINTS_MAX;
    loop {
        let page_data = draw(run, &queryable, dashboard, timeline.clone(), points);
        let json = page_data.json();
        if json.len() <= PAGE_DATA_BYTES_MAX || points <= POINTS_MIN {
            return markup::page(run, dashboard, &page_data, &json);
        }
        points = POINTS_MIN.max(points / 2);
    }
}

/// The data of a page whose series have so many values at most.
fn draw(
    run: &RunRecord,
    queryable: &QueryableRun<'_>,
    dashboard: &Dashboard,
    timeline: Vec<LaneGroup>,
    points: usize,
) -> PageData {
    let grid = StepGrid::fitting(run.start_ms, run.end_ms, run.scrape_interval_ms, points);
    let queries = PanelQueries::new(queryable, grid, run.end_ms);
    let resolve =
        |model: &VariableModel| Variable::resolve(model, |query| queries.label_values(query));
    let variables: Vec<Variable> = dashboard.variables.iter().filter_map(resolve).collect();
    let mut page_data = PageData::new(grid, run.end_ms, timeline, &variables);
    let renderer = PanelRenderer {
        queries,
        variables: &variables,
        grid,
        scrape_interval_ms: run.scrape_interval_ms,
        end_ms: run.end_ms,
    };
    let sections = dashboard.sections.iter().map(|section| RenderedSection {
        title: section.title.clone(),
        collapsed: section.collapsed,
        panels: section
            .panels
            .iter()
            .map(|panel| renderer.draw(panel))
            .collect(),
    });
    page_data.sections = sections.collect();
    page_data
}
