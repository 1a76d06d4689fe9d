//! A Grafana dashboard of the classic model: rows, panels, targets and variables.
//!
//! Read is what decides what is asked and where it stands. How a panel looks (`fieldConfig`,
//! `options`) is handed to the page as it is, which speaks Grafana's own words.

mod foreign_format;
mod layout;

use serde::Deserialize;
use serde_json::{Map, Value};

pub use layout::{GridPos, PanelSection};

/// Panels of a dashboard at most.
pub const PANELS_MAX: usize = 400;

/// A dashboard.
#[derive(Clone, Debug, PartialEq)]
pub struct Dashboard {
    /// Its title.
    pub title: String,
    /// Its panels, by the row that they stand under.
    pub sections: Vec<PanelSection>,
    /// Its variables, in their order.
    pub variables: Vec<VariableModel>,
}

/// Why there is no dashboard to be had from a text. Each is a sentence that follows the file's name.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DashboardError {
    /// It is not JSON.
    #[error("is not JSON: {0}")]
    NotJson(String),
    /// It is something else than a classic dashboard of Grafana.
    #[error(
        "is no classic Grafana dashboard: {0}; export one from Grafana with Share, Export, \
         \"Export as JSON\" in the classic model"
    )]
    Foreign(String),
    /// It has more panels than anybody could look at.
    #[error("has {0} panels; {PANELS_MAX} are possible")]
    TooLarge(usize),
}

/// A panel. One that can't be read stands in its place all the same.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Panel {
    /// Its number within the dashboard.
    pub id: i64,
    /// Its title.
    pub title: String,
    /// What it shows.
    pub description: String,
    /// What draws it: `timeseries`, `stat`, `table`, ...
    #[serde(rename = "type")]
    pub kind: String,
    /// Where it stands.
    #[serde(rename = "gridPos")]
    pub place: GridPos,
    /// What it asks.
    pub targets: Vec<PanelTarget>,
    /// Where it asks, unless a target says otherwise.
    pub datasource: Value,
    /// How values look.
    pub field_config: Value,
    /// How the panel looks.
    pub options: Value,
    /// What Grafana does with the answers before it draws them.
    pub transformations: Vec<Transformation>,
    /// The variable over whose values the panel is repeated.
    pub repeat: Option<String>,
    /// A panel that is kept elsewhere.
    pub library_panel: Option<Value>,
    /// The shortest step.
    pub interval: Option<String>,
    /// The panels of a collapsed row.
    pub panels: Vec<Value>,
    /// Whether a row is collapsed.
    pub collapsed: bool,
    /// Why it can't be read; none if it can.
    #[serde(skip)]
    pub defect: Option<String>,
}

/// A step between a panel's answers and its picture.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(default)]
pub struct Transformation {
    /// Which.
    pub id: String,
    /// Whether it is switched off.
    pub disabled: bool,
}

/// A question that a panel asks.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct PanelTarget {
    /// Its letter within the panel.
    pub ref_id: String,
    /// The question in `PromQL`.
    pub expr: String,
    /// The template of a series's name: empty or `__auto` for one made from its labels.
    pub legend_format: String,
    /// Whether it is asked once, at the end, and not over time.
    pub instant: bool,
    /// Whether it is asked over time even though it is asked once too.
    pub range: bool,
    /// Whether it isn't drawn.
    pub hide: bool,
    /// `time_series`, `table` or `heatmap`.
    pub format: String,
    /// Where it asks.
    pub datasource: Value,
}

/// A variable as the file has it.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct VariableModel {
    /// Its name in queries.
    pub name: String,
    /// Its name for people.
    pub label: Option<String>,
    /// `query`, `custom`, `datasource`, ...
    #[serde(rename = "type")]
    pub kind: String,
    /// What gives its values: text, or a table with text in it.
    pub query: Value,
    /// Which of the values, and which part of each.
    pub regex: String,
    /// Whether several values can be chosen.
    pub multi: bool,
    /// Whether all values can be chosen at once.
    pub include_all: bool,
    /// What stands for all values in queries.
    pub all_value: Option<String>,
    /// What was chosen when the dashboard was saved.
    pub current: Value,
    /// 0: as given; 1 and 2: by letter, rising and falling; 3 and 4: by number.
    pub sort: i64,
}

impl Dashboard {
    /// Reads a dashboard, as Grafana exports it or as its interface returns it.
    ///
    /// # Errors
    /// The text is not JSON, or no classic dashboard of Grafana.
    pub fn parse(text: &str) -> Result<Self, DashboardError> {
        let document: Value = serde_json::from_str(text)
            .map_err(|error| DashboardError::NotJson(error.to_string()))?;
        // Grafana's interface wraps what it returns.
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
            place: value
                .get("gridPos")
                .and_then(|place| GridPos::deserialize(place).ok())
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
    fn a_dashboard_is_read_bare_or_as_the_interface_wraps_it() {
        let bare = r#"{"title": "Night", "schemaVersion": 39, "panels": [
            {"id": 1, "type": "stat", "title": "Runs", "gridPos": {"x": 12, "y": 0, "w": 6, "h": 4},
             "targets": [{"refId": "A", "expr": "up", "legendFormat": "{{job}}", "instant": true}]}],
            "templating": {"list": [{"name": "mode", "type": "custom", "query": "a,b"}]}}"#;
        let dashboard = Dashboard::parse(bare).unwrap();
        assert_eq!(dashboard.title, "Night");
        let panel = &dashboard.sections[0].panels[0];
        assert_eq!(
            (panel.kind.as_str(), panel.place.x, panel.place.w),
            ("stat", 12, 6)
        );
        assert_eq!(panel.targets[0].legend_format, "{{job}}");
        assert!(panel.targets[0].instant && !panel.targets[0].range);
        assert_eq!(dashboard.variables[0].query, Value::from("a,b"));
        let wrapped = format!(r#"{{"meta": {{}}, "dashboard": {bare}}}"#);
        assert_eq!(Dashboard::parse(&wrapped).unwrap(), dashboard);
    }

    #[test]
    fn a_panel_that_cannot_be_read_keeps_its_place_and_says_why() {
        let text = r#"{"panels": [{"type": "stat", "title": "Runs", "targets": "up",
            "gridPos": {"x": 6, "y": 3, "w": 4, "h": 2}}]}"#;
        let dashboard = Dashboard::parse(text).unwrap();
        let panel = &dashboard.sections[0].panels[0];
        assert_eq!((panel.title.as_str(), panel.place.x), ("Runs", 6));
        let defect = panel.defect.as_deref().unwrap();
        assert!(defect.contains("not that of a panel"), "{defect}");
    }

    #[test]
    fn what_is_no_dashboard_is_refused_with_the_reason() {
        let refused = |text: &str| Dashboard::parse(text).unwrap_err().to_string();
        assert!(refused("{\"panels\": [").starts_with("is not JSON: EOF while"));
        assert!(refused("{}").contains("it has no list of `panels`"));
        assert!(refused("[1, 2]").contains("it is a list"));
        let many = vec!["{}"; PANELS_MAX + 1].join(",");
        let many = format!("{{\"panels\": [{many}]}}");
        assert_eq!(refused(&many), "has 401 panels; 400 are possible");
    }
}
