//! What a panel shows: its questions, asked for every choice of the variables they depend on.

use serde::Serialize;
use serde_json::Value;

use super::dashboard::{Panel, PanelTarget};
use super::legend::{self, LabelMap};
use super::panel_queries::{PanelQueries, PanelSeries};
use super::rle_column::RleColumn;
use super::step_grid::StepGrid;
use super::variable::{Variable, VariableScope, interpolate, is_used};

/// SpansByKind of panels that the page can draw.
const DRAWN: [&str; 7] = [
    "timeseries",
    "graph",
    "stat",
    "gauge",
    "bargauge",
    "table",
    "text",
];

/// VariableChoices that one question is asked for at most, over all variables it depends on.
const CHOICES_MAX: usize = 64;

/// Series that one answer has at most.
const SERIES_MAX: usize = 100;

/// A panel with its answers, as the page gets it.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct RenderedPanel {
    title: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    description: String,
    kind: String,
    /// RleColumn, row, width and height on the grid.
    place: [u32; 4],
    /// Why it can't be drawn.
    #[serde(skip_serializing_if = "Option::is_none")]
    problem: Option<String>,
    /// What is drawn otherwise than Grafana would.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    remarks: Vec<String>,
    #[serde(skip_serializing_if = "Value::is_null")]
    field_config: Value,
    #[serde(skip_serializing_if = "Value::is_null")]
    options: Value,
    targets: Vec<RenderedTarget>,
}

/// A question with its answers.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct RenderedTarget {
    ref_id: String,
    query: String,
    /// Whether the answers are about the end of the run.
    instant: bool,
    /// The variables that it depends on, by number.
    by: Vec<usize>,
    /// One answer for each combination of their choices; the last variable's choice runs fastest.
    answers: Vec<Vec<RenderedSeries>>,
}

/// A series of an answer.
#[derive(Clone, Debug, Serialize)]
struct RenderedSeries {
    name: String,
    /// For tables only: its labels.
    #[serde(skip_serializing_if = "LabelMap::is_empty")]
    labels: LabelMap,
    values: RleColumn,
}

/// What all panels of a report have in common.
pub struct PanelRenderer<'r> {
    /// Answers their questions.
    pub queries: PanelQueries<'r>,
    /// The dashboard's variables.
    pub variables: &'r [Variable],
    /// The instants that are drawn.
    pub grid: StepGrid,
    /// How often processes were scraped, ms.
    pub scrape_interval_ms: i64,
    /// When the run ended, ms since 1970.
    pub end_ms: i64,
}

impl PanelRenderer<'_> {
    /// The panel with its answers; one that can't be drawn says why.
    pub fn draw(&self, panel: &Panel) -> RenderedPanel {
        let (targets, problem) = match self.answer(panel) {
            Ok(targets) => (targets, None),
            Err(problem) => (Vec::new(), Some(problem)),
        };
        let place = panel.place;
        let shown = |value: &Value| match problem {
            None => value.clone(),
            Some(_) => Value::Null,
        };
        RenderedPanel {
            title: self.title(&panel.title),
            description: panel.description.clone(),
            kind: panel.kind.clone(),
            place: [place.x, place.y, place.w, place.h],
            remarks: remarks(panel, &targets),
            field_config: shown(&panel.field_config),
            options: shown(&panel.options),
            problem,
            targets,
        }
    }

    fn answer(&self, panel: &Panel) -> Result<Vec<RenderedTarget>, String> {
        refuse(panel)?;
        let wanted = panel.targets.iter().filter(|target| !target.hide);
        let wanted = wanted.filter(|target| !target.expr.trim().is_empty());
        let targets: Vec<RenderedTarget> = wanted
            .map(|target| self.answer_target(panel, target))
            .collect::<Result<_, _>>()?;
        if targets.is_empty() && panel.kind != "text" {
            return Err("it has no query".into());
        }
        Ok(targets)
    }

    fn answer_target(&self, panel: &Panel, target: &PanelTarget) -> Result<RenderedTarget, String> {
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
                "its query depends on {combinations} choices of variables; {CHOICES_MAX} are possible"
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

    /// The choices of one combination; variables that a query does not depend on keep theirs.
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

    /// A title may name variables; one that it doesn't have stays as it is written.
    fn title(&self, title: &str) -> String {
        interpolate(title, &self.scope(&[], 0)).unwrap_or_else(|_| title.to_owned())
    }
}

/// Why a panel can't be drawn, whatever the answers.
fn refuse(panel: &Panel) -> Result<(), String> {
    if let Some(defect) = &panel.defect {
        return Err(defect.clone());
    }
    if panel.library_panel.is_some() {
        return Err("it is a library panel, which is kept outside of the dashboard".into());
    }
    if let Some(variable) = panel.repeat.as_deref().filter(|name| !name.is_empty()) {
        return Err(format!("it is repeated for each value of `${variable}`"));
    }
    if !DRAWN.contains(&panel.kind.as_str()) {
        let known = DRAWN.join(", ");
        return Err(format!(
            "it is of the type `{}`; drawn are {known}",
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
                "it asks a data source of the type `{kind}`, not Prometheus"
            ));
        }
    }
    Ok(())
}

/// What is drawn otherwise than Grafana would.
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
