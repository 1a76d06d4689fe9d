//! The data of a page, as one piece of JSON within it.

use serde::Serialize;

use super::panel::RenderedPanel;
use super::step_grid::StepGrid;
use super::timeline::LaneGroup;
use super::variable::Variable;

/// Everything that the page's script draws.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct PageData {
    /// When the first values are from, ms since 1970.
    pub start_ms: i64,
    /// When virtual time ended, ms since 1970.
    pub end_ms: i64,
    /// From one value to the next, ms.
    pub step_ms: i64,
    /// How many values each series has.
    pub count: usize,
    /// What can be chosen.
    pub variables: Vec<VariableChoices>,
    /// Faults, truth and alerts.
    pub timeline: Vec<LaneGroup>,
    /// The dashboard's panels, by the row that they stand under.
    pub sections: Vec<RenderedSection>,
}

/// What can be chosen for a variable.
#[derive(Clone, Debug, Serialize)]
pub struct VariableChoices {
    label: String,
    choices: Vec<String>,
    chosen: usize,
    #[serde(skip_serializing_if = "Option::is_none")]
    remark: Option<String>,
}

/// The panels under a row.
#[derive(Clone, Debug, Serialize)]
pub struct RenderedSection {
    /// The row's title.
    pub title: Option<String>,
    /// Whether only the title shows at first.
    pub collapsed: bool,
    /// The panels.
    pub panels: Vec<RenderedPanel>,
}

impl PageData {
    /// Page data without panels.
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

    /// The JSON, so written that it can stand in a `script` element: nothing in it ends the element.
    pub fn json(&self) -> String {
        // Plain data with text for keys can be written.
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

/// `<` occurs in JSON within texts only, where it can be written otherwise.
fn escaped(json: &str) -> String {
    json.replace('<', "\\u003c")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_in_the_json_ends_its_element() {
        let hostile = "</script><!--<script>";
        let json = escaped(&serde_json::to_string(hostile).unwrap());
        assert!(!json.contains('<'), "{json}");
        assert_eq!(serde_json::from_str::<String>(&json).unwrap(), hostile);
    }
}
