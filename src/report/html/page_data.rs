//! Page data: everything that the script draws, as one JSON document in the page.

use serde::Serialize;

use super::panel::RenderedPanel;
use super::step_grid::StepGrid;
use super::timeline::LaneGroup;
use super::variable::Variable;

/// Data that the script of the page draws.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct PageData {
    /// Time of the first values, in ms since 1970.
    pub start_ms: i64,
    /// End of virtual time, in ms since 1970.
    pub end_ms: i64,
    /// Step between two values, in ms.
    pub step_ms: i64,
    /// Number of values per series.
    pub count: usize,
    /// Variables with their choices.
    pub variables: Vec<VariableChoices>,
    /// Lanes of the timeline: faults, SLO breaches and alerts.
    pub timeline: Vec<LaneGroup>,
    /// Panels of the dashboard, grouped by row.
    pub sections: Vec<RenderedSection>,
}

/// Choices of one variable.
#[derive(Clone, Debug, Serialize)]
pub struct VariableChoices {
    label: String,
    choices: Vec<String>,
    chosen: usize,
    #[serde(skip_serializing_if = "Option::is_none")]
    remark: Option<String>,
}

/// Panels of one row.
#[derive(Clone, Debug, Serialize)]
pub struct RenderedSection {
    /// Title of the row.
    pub title: Option<String>,
    /// Whether only the title is shown at first.
    pub collapsed: bool,
    /// Panels with their values.
    pub panels: Vec<RenderedPanel>,
}

impl PageData {
    /// Creates page data without panels.
    pub fn new(
        grid: StepGrid,
        end_ms: i64,
        timeline: Vec<LaneGroup>,
        variables: &[Variable],
    ) -> Self {
        Self {
            start_ms: grid.start_ms,
            end_ms,
            step_ms: grid.step_ms,
            count: grid.count,
            variables: variables.iter().map(VariableChoices::of).collect(),
            timeline,
            sections: Vec::new(),
        }
    }

    /// Returns JSON that can be embedded in a `script` element: it contains nothing that ends the
    /// element.
    pub fn json(&self) -> String {
        // Plain data with text keys: serialising it does not fail.
        let json = serde_json::to_string(self);
        let json = json.unwrap_or_else(|error| unreachable!("page data is plain data: {error}"));
        escaped(&json)
    }
}

impl VariableChoices {
    fn of(variable: &Variable) -> Self {
        let texts = variable.choices.iter().map(|choice| choice.text.clone());
        Self {
            label: variable.label.clone(),
            choices: texts.collect(),
            chosen: variable.chosen,
            remark: variable.remark.clone(),
        }
    }
}

/// Escapes `<`, which JSON contains only within strings.
fn escaped(json: &str) -> String {
    json.replace('<', "\\u003c")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn escaped_json_does_not_end_its_element() {
        let hostile = "</script><!--<script>";
        let json = escaped(&serde_json::to_string(hostile).unwrap());
        assert!(!json.contains('<'), "{json}");
        assert_eq!(serde_json::from_str::<String>(&json).unwrap(), hostile);
    }
}
