//! Grafana dashboard of the classic model: rows, panels, targets and variables.
//!
//! Only the parts that decide which queries are evaluated and where panels are placed are parsed.
//! The look of a panel (`fieldConfig`, `options`) is passed to the page as it is, and the script
//! interprets it.

mod foreign_format;
mod layout;

use serde::Deserialize;
use serde_json::{Map, Value};

pub use layout::{GridPos, PanelSection};

/// Maximum number of panels.
pub const PANELS_MAX: usize = 400;

/// Parsed dashboard.
#[derive(Clone, Debug, PartialEq)]
pub struct Dashboard {
    /// Title of the dashboard.
    pub title: String,
    /// Panels, grouped by row.
    pub sections: Vec<PanelSection>,
    /// Variables, in the order of the file.
    pub variables: Vec<VariableModel>,
}

/// Error of parsing a dashboard. Its text continues a sentence that begins with the name of the
/// file.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DashboardError {
    /// The text is not JSON.
    #[error("is not JSON: {0}")]
    NotJson(String),
    /// The document is not a classic Grafana dashboard.
    #[error(
        "is no classic Grafana dashboard: {0}; export one from Grafana with Share, Export, \
         \"Export as JSON\" in the classic model"
    )]
    Foreign(String),
    /// The dashboard has more than `PANELS_MAX` panels.
    #[error("has {0} panels; {PANELS_MAX} are possible")]
    TooLarge(usize),
}

/// Panel. A panel that cannot be parsed keeps its position and shows the reason.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Panel {
    /// Number within the dashboard.
    pub id: i64,
    /// Title of the panel.
    pub title: String,
    /// Explanation that the panel shows on request.
    pub description: String,
    /// Visualisation: `timeseries`, `stat`, `table`, ...
    #[serde(rename = "type")]
    pub kind: String,
    /// Position and size on the grid.
    pub grid_pos: GridPos,
    /// Queries of the panel.
    pub targets: Vec<PanelTarget>,
    /// Data source, unless a target names another one.
    pub datasource: Value,
    /// Display options of the values.
    pub field_config: Value,
    /// Display options of the panel.
    pub options: Value,
    /// Transformations that Grafana applies to the query results.
    pub transformations: Vec<Transformation>,
    /// Variable over whose values the panel is repeated.
    pub repeat: Option<String>,
    /// Reference to a library panel, which is stored outside of the dashboard.
    pub library_panel: Option<Value>,
    /// Minimum step.
    pub interval: Option<String>,
    /// Panels of a collapsed row.
    pub panels: Vec<Value>,
    /// Whether the row is collapsed.
    pub collapsed: bool,
    /// Reason for which the panel cannot be parsed, if it cannot.
    #[serde(skip)]
    pub defect: Option<String>,
}

/// Transformation of query results before they are drawn.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(default)]
pub struct Transformation {
    /// Name of the transformation.
    pub id: String,
    /// Whether it is disabled.
    pub disabled: bool,
}

/// Query of a panel.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct PanelTarget {
    /// Letter of the query within the panel.
    pub ref_id: String,
    /// Expression in `PromQL`.
    pub expr: String,
    /// Template of series names. Empty or `__auto`: made from the labels.
    pub legend_format: String,
    /// Whether the query is evaluated once, at the end of the run.
    pub instant: bool,
    /// Whether the query is evaluated over time, even if `instant` is set.
    pub range: bool,
    /// Whether the query is hidden.
    pub hide: bool,
    /// Result format: `time_series`, `table` or `heatmap`.
    pub format: String,
    /// Data source.
    pub datasource: Value,
}

/// Variable as the dashboard file defines it.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct VariableModel {
    /// Name in queries.
    pub name: String,
    /// Display name.
    pub label: Option<String>,
    /// Type: `query`, `custom`, `datasource`, ...
    #[serde(rename = "type")]
    pub kind: String,
    /// Source of the values: text, or an object that contains text.
    pub query: Value,
    /// Regular expression that selects values.
    pub regex: String,
    /// Whether several values can be selected.
    pub multi: bool,
    /// Whether all values can be selected at once.
    pub include_all: bool,
    /// Expression that replaces the variable if all values are selected.
    pub all_value: Option<String>,
    /// Selection at the time when the dashboard was saved.
    pub current: Value,
    /// Sort order. 0: as given; 1 and 2: alphabetical, ascending and descending; 3 and 4:
    /// numerical.
    pub sort: i64,
}

impl Dashboard {
    /// Parses a dashboard, as Grafana exports it or as its HTTP API returns it.
    ///
    /// # Errors
    /// The text is not JSON or not a classic Grafana dashboard, or there are too many panels.
    pub fn parse(text: &str) -> Result<Self, DashboardError> {
        let document: Value = serde_json::from_str(text)
            .map_err(|error| DashboardError::NotJson(error.to_string()))?;
        // Grafana's HTTP API wraps the dashboard.
        let document = match document.get("dashboard") {
            Some(inner) if inner.is_object() => inner,
            _ => &document,
        };
        foreign_format::refuse(document)?;
        let none = Map::new();
        let fields = document.as_object().unwrap_or(&none);
        let panels: &[Value] = match fields.get("panels") {
            Some(Value::Array(panels)) => panels,
            _ => return Err(DashboardError::Foreign("it has no list of `panels`".into())),
        };
        let panels: Vec<Panel> = panels.iter().map(Panel::read).collect();
        let sections = layout::sections(panels);
        let count = sections.iter().map(|section| section.panels.len()).sum();
        if count > PANELS_MAX {
            return Err(DashboardError::TooLarge(count));
        }
        let title = fields.get("title").and_then(Value::as_str);
        Ok(Self {
            title: title.unwrap_or("Dashboard").to_owned(),
            sections,
            variables: variables(document)?,
        })
    }
}

impl Panel {
    fn read(value: &Value) -> Self {
        let text = |key: &str| value.get(key).and_then(Value::as_str).unwrap_or_default();
        Self::deserialize(value).unwrap_or_else(|error| Self {
            title: text("title").to_owned(),
            kind: text("type").to_owned(),
            grid_pos: value
                .get("gridPos")
                .and_then(|grid_pos| GridPos::deserialize(grid_pos).ok())
                .unwrap_or_default(),
            defect: Some(format!("its JSON is not that of a panel: {error}")),
            ..Self::default()
        })
    }
}

fn variables(document: &Value) -> Result<Vec<VariableModel>, DashboardError> {
    let Some(Value::Array(list)) = document.pointer("/templating/list") else {
        return Ok(Vec::new());
    };
    let read = |value: &Value| {
        VariableModel::deserialize(value).map_err(|error| {
            let name = value.get("name").unwrap_or(&Value::Null);
            DashboardError::Foreign(format!("its variable {name} can't be read: {error}"))
        })
    };
    list.iter().map(read).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dashboard_bare_or_wrapped_by_the_api_is_parsed() {
        let bare = r#"{"title": "Night", "schemaVersion": 39, "panels": [
            {"id": 1, "type": "stat", "title": "Runs", "gridPos": {"x": 12, "y": 0, "w": 6, "h": 4},
             "targets": [{"refId": "A", "expr": "up", "legendFormat": "{{job}}",
                          "instant": true}]}],
            "templating": {"list": [{"name": "mode", "type": "custom", "query": "a,b"}]}}"#;
        let dashboard = Dashboard::parse(bare).unwrap();
        assert_eq!(dashboard.title, "Night");
        let panel = &dashboard.sections[0].panels[0];
        assert_eq!(
            (panel.kind.as_str(), panel.grid_pos.x, panel.grid_pos.w),
            ("stat", 12, 6)
        );
        assert_eq!(panel.targets[0].legend_format, "{{job}}");
        assert!(panel.targets[0].instant && !panel.targets[0].range);
        assert_eq!(dashboard.variables[0].query, Value::from("a,b"));
        let wrapped = format!(r#"{{"meta": {{}}, "dashboard": {bare}}}"#);
        assert_eq!(Dashboard::parse(&wrapped).unwrap(), dashboard);
    }

    #[test]
    fn panel_that_cannot_be_parsed_keeps_its_position() {
        let text = r#"{"panels": [{"type": "stat", "title": "Runs", "targets": "up",
            "gridPos": {"x": 6, "y": 3, "w": 4, "h": 2}}]}"#;
        let dashboard = Dashboard::parse(text).unwrap();
        let panel = &dashboard.sections[0].panels[0];
        assert_eq!((panel.title.as_str(), panel.grid_pos.x), ("Runs", 6));
        let defect = panel.defect.as_deref().unwrap();
        assert!(defect.contains("not that of a panel"), "{defect}");
    }

    #[test]
    fn document_that_is_no_dashboard_is_refused() {
        let refused = |text: &str| Dashboard::parse(text).unwrap_err().to_string();
        assert!(refused("{\"panels\": [").starts_with("is not JSON: EOF while"));
        assert!(refused("{}").contains("it has no list of `panels`"));
        assert!(refused("[1, 2]").contains("it is a list"));
        let many = vec!["{}"; PANELS_MAX + 1].join(",");
        let many = format!("{{\"panels\": [{many}]}}");
        assert_eq!(refused(&many), "has 401 panels; 400 are possible");
    }
}
