//! HTML report: one file that needs neither network nor server.
//!
//! ```text
//!  RecordedRun ──────────────────────────────────────────> frame (HTML) ──┐
//!  Dashboard ──> variables, panels ──PromQL──> TimeSeriesStore ──> island (JSON) ──> one page
//!                                       style, chart library, script ──┘
//! ```
//!
//! The markup is readable without a script: verdict, invariants, latencies, parameters. The
//! script draws the timeline and the panels of the dashboard from the page data.

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

use super::RecordedRun;
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

/// Maximum number of values per series: the pixel width of a wide panel, so that zooming shows
/// more detail.
const POINTS_MAX: usize = 2_400;

/// Minimum number of values per series, however many series there are.
const POINTS_MIN: usize = 150;

/// Maximum size of the page data in bytes. It is exceeded only if series with [`POINTS_MIN`]
/// values need more. With markup, style and script the page stays below 1 MB.
const PAGE_DATA_BYTES_MAX: usize = 850_000;

impl Dashboard {
    /// Dashboard of the operator files.
    ///
    /// # Panics
    /// Never: a test parses the bundled dashboard.
    pub fn bundled() -> Self {
        Self::parse(bundled::DASHBOARD)
            .unwrap_or_else(|error| unreachable!("the bundled dashboard {error}"))
    }
}

/// Returns the report page of a run with the panels of a dashboard and the alerts of a rules
/// file.
pub fn html(
    run: &RecordedRun,
    series: &TimeSeriesStore,
    dashboard: &Dashboard,
    rules: &RuleFile,
) -> String {
    let evaluated = evaluate(rules, series, timeline::rules_span(run));
    let timeline = timeline::groups(run, rules, &evaluated);
    let queryable = QueryableRun {
        series,
        rules,
        recorded: &evaluated
            .map(|timeline| timeline.recorded)
            .unwrap_or_default(),
    };
    let mut points = POINTS_MAX;
    loop {
        let data = page_data(run, &queryable, dashboard, timeline.clone(), points);
        let json = data.json();
        if json.len() <= PAGE_DATA_BYTES_MAX || points <= POINTS_MIN {
            return markup::page(run, dashboard, &data, &json);
        }
        points = POINTS_MIN.max(points / 2);
    }
}

/// Returns the page data in which series have at most `points` values.
fn page_data(
    run: &RecordedRun,
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
    let mut data = PageData::new(grid, run.end_ms, timeline, &variables);
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
            .map(|panel| renderer.render(panel))
            .collect(),
    });
    data.sections = sections.collect();
    data
}
