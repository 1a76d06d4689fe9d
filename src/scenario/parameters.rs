//! A scenario's parameters, and in which of them it differs from the defaults.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{Advisories, Gates, Population, Scenario};

/// A parameter of a scenario.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ScenarioParameter {
    /// The dotted key.
    pub key: String,
    /// Its value.
    pub value: String,
    /// Its default; empty if it has none.
    pub default: String,
    /// Whether the value is another than the default.
    pub differs: bool,
}

/// Every parameter that differs from its default.
pub fn changed_parameters(scenario: &Scenario) -> Vec<ScenarioParameter> {
    let mut parameters = parameters(scenario);
    parameters.retain(|parameter| parameter.differs);
    parameters
}

/// Every parameter. Lists of tables are told by their length; what is expected of the rehearsal is
/// no parameter of it.
pub fn parameters(scenario: &Scenario) -> Vec<ScenarioParameter> {
    let stated = Scenario {
        expectations: Vec::new(),
        gates: Gates::default(),
        description: String::new(),
        ..scenario.clone()
    };
    let default = Scenario {
        name: stated.name.clone(),
        duration: stated.duration,
        population: stated.population.as_ref().map(|_| Population::default()),
        advisories: stated.advisories.as_ref().map(|_| Advisories::default()),
        ..Scenario::default()
    };
    let mut found = Vec::new();
    compare("", &to_json(&stated), &to_json(&default), &mut found);
    found
}

fn to_json(scenario: &Scenario) -> Value {
    serde_json::to_value(scenario).unwrap_or_default()
}

fn compare(key: &str, value: &Value, default: &Value, found: &mut Vec<ScenarioParameter>) {
    match (value, default) {
        // A distribution or popularity of another kind is another value altogether.
        (Value::Object(value), _) if !value.contains_key("kind") => {
            for (name, value) in value {
                let key = if key.is_empty() {
                    name.clone()
                } else {
                    format!("{key}.{name}")
                };
                compare(
                    &key,
                    value,
                    default.get(name).unwrap_or(&Value::Null),
                    found,
                );
            }
        }
        _ => found.push(ScenarioParameter {
            key: key.to_owned(),
            value: short(value),
            default: short(default),
            differs: value != default,
        }),
    }
}

fn short(value: &Value) -> String {
    match value {
        Value::Null => String::new(),
        Value::String(text) => text.clone(),
        Value::Array(values) if values.iter().any(Value::is_object) => match values.len() {
            1 => "one entry".to_owned(),
            count => format!("{count} entries"),
        },
        Value::Array(values) => values.iter().map(short).collect::<Vec<_>>().join(", "),
        Value::Object(table) => {
            let kind = table.get("kind").map(short).unwrap_or_default();
            let rest = table.iter().filter(|(key, _)| *key != "kind");
            let rest: Vec<String> = rest
                .map(|(key, value)| format!("{key} {}", short(value)))
                .collect();
            format!("{kind} {}", rest.join(", ")).trim().to_owned()
        }
        plain => plain.to_string(),
    }
}
