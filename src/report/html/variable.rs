//! Dashboard variables: their choices, and the query that results from a choice.

mod interpolate;

use serde_json::Value;

use super::dashboard::VariableModel;

pub use interpolate::{VariableScope, interpolate, is_used};

/// Value that Grafana writes if all values are selected.
const ALL: &str = "$__all";

/// Maximum number of choices of a variable.
const CHOICES_MAX: usize = 60;

/// Variable with its choices.
#[derive(Clone, Debug, PartialEq)]
pub struct Variable {
    /// Name in queries.
    pub name: String,
    /// Display name.
    pub label: String,
    /// Choices; at least one.
    pub choices: Vec<VariableChoice>,
    /// Index of the initial choice.
    pub chosen: usize,
    /// Reason for which there are no choices, or fewer than Grafana would offer.
    pub remark: Option<String>,
}

/// One choice of a variable.
#[derive(Clone, Debug, PartialEq)]
pub struct VariableChoice {
    /// Display name.
    pub text: String,
    /// Value in queries.
    pub value: ChoiceValue,
}

/// Value that replaces a variable in a query.
#[derive(Clone, Debug, PartialEq)]
pub enum ChoiceValue {
    /// Value of a single-value variable, inserted unchanged.
    Plain(String),
    /// Values of a multi-value variable, inserted as an escaped regular expression.
    Several(Vec<String>),
    /// Expression that the dashboard defines for all values, inserted unchanged.
    All(String),
}

/// Query for the values of a label: `label_values(selector, label)`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LabelQuery {
    /// Series selector in `PromQL`; empty for all series.
    pub selector: String,
    /// Name of the label.
    pub label: String,
}

impl Variable {
    /// Creates the variable of a model. `label_values` evaluates a label query. Returns `None`
    /// for a model that does not occur in queries: a data source or an ad hoc filter.
    pub fn resolve(
        model: &VariableModel,
        label_values: impl FnOnce(&LabelQuery) -> Result<Vec<String>, String>,
    ) -> Option<Self> {
        let values = match model.kind.as_str() {
            "datasource" | "adhoc" => return None,
            "custom" | "interval" => Ok(custom(&text_of(&model.query))),
            "constant" | "textbox" => Ok(vec![(text_of(&model.query), text_of(&model.query))]),
            "query" => match label_query(&text_of(&model.query)) {
                Some(query) => label_values(&query).map(|values| sorted(model, values)),
                None => Err(format!(
                    "its query `{}` is not `label_values(selector, label)`",
                    text_of(&model.query)
                )),
            },
            other => Err(format!("it has the type `{other}`")),
        };
        Some(Self::with_values(model, values))
    }

    fn with_values(model: &VariableModel, values: Result<Vec<(String, String)>, String>) -> Self {
        let (mut values, mut remark) = match values {
            Ok(values) => (values, None),
            Err(reason) => (Vec::new(), Some(reason)),
        };
        if !model.regex.is_empty() && model.kind == "query" {
            remark = Some("its regex is not applied".into());
        }
        if values.len() > CHOICES_MAX {
            remark = Some(format!("the first {CHOICES_MAX} of {}", values.len()));
            values.truncate(CHOICES_MAX);
        }
        let several = model.multi || model.include_all;
        let choice = |(text, value): &(String, String)| VariableChoice {
            text: text.clone(),
            value: match several {
                true => ChoiceValue::Several(vec![value.clone()]),
                false => ChoiceValue::Plain(value.clone()),
            },
        };
        let mut choices = Vec::new();
        if model.include_all {
            choices.push(all(model, &values));
        }
        choices.extend(values.iter().map(choice));
        if choices.is_empty() {
            choices.extend(saved(model, several));
        }
        let current = current_texts(model);
        let is_current = |choice: &VariableChoice| current.first() == Some(&choice.text);
        Self {
            name: model.name.clone(),
            label: model.label.clone().unwrap_or_default(),
            chosen: choices.iter().position(is_current).unwrap_or_default(),
            choices,
            remark,
        }
        .with_label()
    }

    fn with_label(mut self) -> Self {
        if self.label.is_empty() {
            self.label.clone_from(&self.name);
        }
        self
    }
}

fn all(model: &VariableModel, values: &[(String, String)]) -> VariableChoice {
    let own = model.all_value.as_deref().filter(|text| !text.is_empty());
    VariableChoice {
        text: "All".into(),
        value: match own {
            Some(own) => ChoiceValue::All(own.to_owned()),
            None => ChoiceValue::Several(values.iter().map(|(_, value)| value.clone()).collect()),
        },
    }
}

/// Returns the selection that the dashboard was saved with, for a variable without choices.
fn saved(model: &VariableModel, several: bool) -> Vec<VariableChoice> {
    let texts = current_texts(model);
    vec![VariableChoice {
        text: texts.join(" + "),
        value: match several {
            true => ChoiceValue::Several(texts),
            false => ChoiceValue::Plain(texts.concat()),
        },
    }]
}

fn current_texts(model: &VariableModel) -> Vec<String> {
    let value = &model.current["value"];
    let texts = match value {
        Value::Array(values) => values.iter().map(text_of).collect(),
        value => vec![text_of(value)],
    };
    let name = |text: String| if text == ALL { "All".into() } else { text };
    texts.into_iter().map(name).collect()
}

/// Returns the text of a query, which newer dashboards wrap in an object.
fn text_of(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Object(table) => table.get("query").map(text_of).unwrap_or_default(),
        Value::Number(number) => number.to_string(),
        _ => String::new(),
    }
}

/// Parses `a,b` or `name : a, other : b`. `\,` is a comma that does not separate.
fn custom(text: &str) -> Vec<(String, String)> {
    let text = text.replace("\\,", "\u{0}");
    let parts = text.split(',').map(|part| part.replace('\u{0}', ","));
    let parts = parts.map(|part| match part.split_once(" : ") {
        Some((name, value)) => (name.trim().to_owned(), value.trim().to_owned()),
        None => (part.trim().to_owned(), part.trim().to_owned()),
    });
    parts.filter(|(_, value)| !value.is_empty()).collect()
}

fn label_query(text: &str) -> Option<LabelQuery> {
    let inner = text.trim().strip_prefix("label_values(")?;
    let inner = inner.strip_suffix(')')?.trim();
    // A selector may contain commas, a label does not.
    let (selector, label) = inner.rsplit_once(',').unwrap_or(("", inner));
    Some(LabelQuery {
        selector: selector.trim().to_owned(),
        label: label.trim().to_owned(),
    })
}

fn sorted(model: &VariableModel, mut values: Vec<String>) -> Vec<(String, String)> {
    match model.sort {
        2 | 6 => values.sort_by(|a, b| b.cmp(a)),
        3 | 4 => {
            let number = |text: &String| text.parse::<f64>().unwrap_or(f64::INFINITY);
            values.sort_by(|a, b| number(a).total_cmp(&number(b)));
            if model.sort == 4 {
                values.reverse();
            }
        }
        _ => values.sort(),
    }
    let twice = |value: String| (value.clone(), value);
    values.into_iter().map(twice).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn model(json: Value) -> VariableModel {
        serde_json::from_value(json).unwrap()
    }

    fn two() -> Vec<String> {
        vec!["nightly-10".into(), "nightly-2".into()]
    }

    #[test]
    fn custom_variable_offers_each_value_and_all() {
        let variable = Variable::resolve(
            &model(
                json!({"name": "mode", "label": "Mode", "type": "custom", "includeAll": true,
                "multi": true, "allValue": ".*", "query": "analysisOnly, refresh : contentRefresh",
                "current": {"text": "refresh", "value": ["refresh"]}}),
            ),
            |_| unreachable!(),
        )
        .unwrap();
        let texts: Vec<&str> = variable.choices.iter().map(|c| c.text.as_str()).collect();
        assert_eq!(texts, ["All", "analysisOnly", "refresh"]);
        assert_eq!(variable.choices[0].value, ChoiceValue::All(".*".into()));
        assert_eq!(
            variable.choices[2].value,
            ChoiceValue::Several(vec!["contentRefresh".into()])
        );
        assert_eq!((variable.chosen, variable.label.as_str()), (2, "Mode"));
    }

    #[test]
    fn query_variable_offers_sorted_label_values() {
        let resolve = |query: Value| {
            let json = json!({"name": "schedule", "type": "query", "sort": 1, "query": query});
            Variable::resolve(&model(json), |query| {
                assert_eq!(query.label, "scheduleId");
                Ok(two())
            })
        };
        let plain = resolve("label_values(x{a=\"1\",b=\"2\"}, scheduleId)".into()).unwrap();
        assert_eq!(
            plain.choices[0].value,
            ChoiceValue::Plain("nightly-10".into())
        );
        let wrapped = json!({"qryType": 1, "query": "label_values(scheduleId)"});
        assert_eq!(resolve(wrapped).unwrap(), plain);
    }

    #[test]
    fn unsupported_variable_keeps_its_saved_choice() {
        let json = json!({"name": "top", "type": "query", "query": "query_result(topk(3, up))",
            "current": {"value": "a"}});
        let variable = Variable::resolve(&model(json), |_| Ok(two())).unwrap();
        assert_eq!(variable.choices.len(), 1);
        assert_eq!(variable.choices[0].value, ChoiceValue::Plain("a".into()));
        assert!(
            variable
                .remark
                .unwrap()
                .contains("query_result(topk(3, up))")
        );
        let json = json!({"name": "ds", "type": "datasource", "query": "prometheus"});
        assert_eq!(Variable::resolve(&model(json), |_| Ok(two())), None);
    }
}
