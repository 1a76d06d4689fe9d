//! A dashboard's variables: what can be chosen, and what a choice makes of a query.

mod interpolate;

use serde_json::Value;

use super::dashboard::VariableModel;

pub use interpolate::{VariableScope, interpolate, is_used};

/// The value that Grafana writes where all values are chosen.
const ALL: &str = "$__all";

/// So many choices can a variable have.
const CHOICES_MAX: usize = 60;

/// A variable with its choices.
#[derive(Clone, Debug, PartialEq)]
pub struct Variable {
    /// Its name in queries.
    pub name: String,
    /// Its name for people.
    pub label: String,
    /// What can be chosen; at least one.
    pub choices: Vec<VariableChoice>,
    /// Which of them is chosen at first.
    pub chosen: usize,
    /// Why there are no others, or fewer than Grafana would offer.
    pub remark: Option<String>,
}

/// One thing that can be chosen.
#[derive(Clone, Debug, PartialEq)]
pub struct VariableChoice {
    /// Its name for people.
    pub text: String,
    /// What it stands for in queries.
    pub value: ChoiceValue,
}

/// What a choice stands for in queries.
#[derive(Clone, Debug, PartialEq)]
pub enum ChoiceValue {
    /// One value of a variable that has one at a time: put in as it is.
    Plain(String),
    /// Values of a variable that can have several: escaped, as a regular expression.
    Several(Vec<String>),
    /// A dashboard's own expression for all values: put in as it is.
    All(String),
}

/// What a variable asks of the recorded series: `label_values(selector, label)`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LabelQuery {
    /// The series, in `PromQL`; empty for all.
    pub selector: String,
    /// The label whose values are meant.
    pub label: String,
}

impl Variable {
    /// The variable of a model. `label_values` answers a question to the recorded series. None for
    /// one that plays no part in queries: a data source, or a filter made by hand.
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
                    "its query `{}` is not label_values(selector, label)",
                    text_of(&model.query)
                )),
            },
            other => Err(format!("it is of the type `{other}`")),
        };
        Some(Self::of(model, values))
    }

    fn of(model: &VariableModel, values: Result<Vec<(String, String)>, String>) -> Self {
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

/// What was chosen when the dashboard was saved, for want of anything else.
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

/// The text of a query, which newer dashboards wrap in a table.
fn text_of(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Object(table) => table.get("query").map(text_of).unwrap_or_default(),
        Value::Number(number) => number.to_string(),
        _ => String::new(),
    }
}

/// `a,b` or `name : a, other : b`, with `\,` for a comma that separates nothing.
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
    // A selector may have commas; a label has none.
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
    fn custom_values_are_offered_one_by_one_and_all_together() {
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
    fn values_of_a_label_are_asked_for_and_sorted() {
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
    fn what_cannot_be_offered_is_said_and_the_saved_choice_stands() {
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
