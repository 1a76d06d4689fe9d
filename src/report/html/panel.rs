//! Panels with their values: every query is evaluated for every choice of the variables that it
//! uses.

use serde::Serialize;
use serde_json::Value;

use super::dashboard::{Panel, PanelTarget};
use super::legend::{self, LabelMap};
use super::panel_queries::{PanelQueries, PanelSeries};
use super::rle_column::RleColumn;
use super::step_grid::StepGrid;
use super::variable::{Variable, VariableScope, interpolate, is_used};

/// Visualisations that the script can draw.
const DRAWN: [&str; 7] = [
    "timeseries",
    "graph",
    "stat",
    "gauge",
    "bargauge",
    "table",
    "text",
];

/// Maximum number of evaluations of one query, over the choices of all variables that it uses.
const CHOICES_MAX: usize = 64;

/// Maximum number of series per result.
const SERIES_MAX: usize = 100;

/// Panel with its values, as the script receives it.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct RenderedPanel {
    title: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    description: String,
    kind: String,
    /// Column, row, width and height on the grid.
    grid_pos: [u32; 4],
    /// Reason for which the panel is not drawn.
    #[serde(skip_serializing_if = "Option::is_none")]
    problem: Option<String>,
    /// Differences from the picture that Grafana would draw.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    remarks: Vec<String>,
    #[serde(skip_serializing_if = "Value::is_null")]
    field_config: Value,
    #[serde(skip_serializing_if = "Value::is_null")]
    options: Value,
    targets: Vec<RenderedTarget>,
}

/// Query with its results.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct RenderedTarget {
    ref_id: String,
    query: String,
    /// Whether the results are values at the end of the run.
    instant: bool,
    /// Indexes of the variables that the query uses.
    by: Vec<usize>,
    /// One result per combination of choices. The choice of the last variable varies fastest.
    answers: Vec<Vec<RenderedSeries>>,
}

/// Series of a result.
#[derive(Clone, Debug, Serialize)]
struct RenderedSeries {
    name: String,
    /// Labels, for tables only.
    #[serde(skip_serializing_if = "LabelMap::is_empty")]
    labels: LabelMap,
    values: RleColumn,
}

/// Renderer for the panels of one report.
pub struct PanelRenderer<'r> {
    /// Evaluator of queries.
    pub queries: PanelQueries<'r>,
    /// Variables of the dashboard.
    pub variables: &'r [Variable],
    /// Instants at which values are drawn.
    pub grid: StepGrid,
    /// Interval between two scrapes, in ms.
    pub scrape_interval_ms: i64,
    /// End of the run, in ms since 1970.
    pub end_ms: i64,
}

impl PanelRenderer<'_> {
    /// Evaluates the queries of a panel. A panel that cannot be drawn contains the reason.
    pub fn render(&self, panel: &Panel) -> RenderedPanel {
        let (targets, problem) = match self.evaluate(panel) {
            Ok(targets) => (targets, None),
            Err(problem) => (Vec::new(), Some(problem)),
        };
        let position = panel.grid_pos;
        let shown = |value: &Value| match problem {
            None => value.clone(),
            Some(_) => Value::Null,
        };
        RenderedPanel {
            title: self.title(&panel.title),
            description: panel.description.clone(),
            kind: panel.kind.clone(),
            grid_pos: [position.x, position.y, position.w, position.h],
            remarks: remarks(panel, &targets),
            field_config: shown(&panel.field_config),
            options: shown(&panel.options),
            problem,
            targets,
        }
    }

    fn evaluate(&self, panel: &Panel) -> Result<Vec<RenderedTarget>, String> {
        refuse(panel)?;
        let wanted = panel.targets.iter().filter(|target| !target.hide);
        let wanted = wanted.filter(|target| !target.expr.trim().is_empty());
        let targets: Vec<RenderedTarget> = wanted
            .map(|target| self.evaluate_target(panel, target))
            .collect::<Result<_, _>>()?;
        if targets.is_empty() && panel.kind != "text" {
            return Err("it has no query".into());
        }
        Ok(targets)
    }

    fn evaluate_target(
        &self,
        panel: &Panel,
        target: &PanelTarget,
    ) -> Result<RenderedTarget, String> {
        let used = |(_, variable): &(usize, &Variable)| is_used(variable, &target.expr);
        let by: Vec<usize> = { self.variables.iter().enumerate().filter(used) }
            .map(|(number, _)| number)
            .collect();
        let combinations: usize = by
            .iter()
            .map(|number| self.variables[*number].choices.len())
            .product();
        if combinations > CHOICES_MAX {
            return Err(format!(
                "its query depends on {combinations} combinations of variables, expected at most \
                 {CHOICES_MAX}"
            ));
        }
        let is_table = panel.kind == "table";
        let instant = target.instant && !target.range || is_table;
        let answers = (0..combinations).map(|combination| {
            let scope = self.scope(&by, combination);
            let query = interpolate(&target.expr, &scope)?;
            let lines = match instant {
                true => self.queries.at_end(&query)?,
                false => self.queries.over_time(&query)?,
            };
            let lines = lines.into_iter().take(SERIES_MAX);
            Ok(lines
                .map(|line| RenderedSeries::new(target, line, &query, is_table))
                .collect())
        });
        Ok(RenderedTarget {
            answers: answers.collect::<Result<_, String>>()?,
            ref_id: target.ref_id.clone(),
            query: target.expr.clone(),
            instant,
            by,
        })
    }

    /// Returns the choices of one combination. Variables that the query does not use keep their
    /// default.
    fn scope(&self, by: &[usize], combination: usize) -> VariableScope<'_> {
        let mut chosen: Vec<usize> = self.variables.iter().map(|v| v.chosen).collect();
        let mut rest = combination;
        for number in by.iter().rev() {
            let choices = self.variables[*number].choices.len();
            chosen[*number] = rest % choices;
            rest /= choices;
        }
        let pairs = self.variables.iter().zip(chosen);
        VariableScope {
            chosen: pairs
                .map(|(variable, chosen)| (variable.name.as_str(), &variable.choices[chosen].value))
                .collect(),
            step_ms: self.grid.step_ms,
            scrape_interval_ms: self.scrape_interval_ms,
            range_ms: (self.grid.start_ms, self.end_ms),
        }
    }

    /// Interpolates variables in a title. An unknown variable leaves the title unchanged.
    fn title(&self, title: &str) -> String {
        interpolate(title, &self.scope(&[], 0)).unwrap_or_else(|_| title.to_owned())
    }
}

/// Returns the reason for which a panel cannot be drawn, whatever its values.
fn refuse(panel: &Panel) -> Result<(), String> {
    if let Some(defect) = &panel.defect {
        return Err(defect.clone());
    }
    if panel.library_panel.is_some() {
        return Err("it is a library panel, which is stored outside of the dashboard".into());
    }
    if let Some(variable) = panel.repeat.as_deref().filter(|name| !name.is_empty()) {
        return Err(format!("it is repeated for each value of `${variable}`"));
    }
    if !DRAWN.contains(&panel.kind.as_str()) {
        let known = DRAWN.join(", ");
        return Err(format!(
            "it has the type `{}`, expected one of {known}",
            panel.kind
        ));
    }
    let targets = panel.targets.iter().filter(|target| !target.hide);
    for source in targets
        .map(|target| &target.datasource)
        .chain([&panel.datasource])
    {
        let kind = source
            .get("type")
            .and_then(Value::as_str)
            .unwrap_or_default();
        let uid = source
            .get("uid")
            .and_then(Value::as_str)
            .unwrap_or_default();
        if !matches!(kind, "" | "prometheus" | "datasource") || uid == "__expr__" {
            let kind = if kind.is_empty() { uid } else { kind };
            return Err(format!(
                "its data source has the type `{kind}`, expected `prometheus`"
            ));
        }
    }
    Ok(())
}

/// Returns the differences from the picture that Grafana would draw.
fn remarks(panel: &Panel, targets: &[RenderedTarget]) -> Vec<String> {
    let transformations = panel.transformations.iter().filter(|it| !it.disabled);
    let mut remarks: Vec<String> = transformations
        .map(|it| format!("the transformation `{}` is not applied", it.id))
        .collect();
    let answers = targets.iter().flat_map(|target| &target.answers);
    if answers.map(Vec::len).any(|count| count == SERIES_MAX) {
        remarks.push(format!("only the first {SERIES_MAX} series are shown"));
    }
    remarks
}

impl RenderedSeries {
    fn new(target: &PanelTarget, line: PanelSeries, query: &str, with_labels: bool) -> Self {
        Self {
            name: legend::name(&target.legend_format, &line.labels, query),
            values: RleColumn(line.values),
            labels: match with_labels {
                true => line.labels,
                false => LabelMap::new(),
            },
        }
    }
}
