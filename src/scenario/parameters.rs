//! Parameters of a scenario, compared with their defaults.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{Advisories, Gates, Population, Scenario};

/// Value of a scenario with its key and default.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ScenarioParameter {
    /// Dotted key, as in `fleet.images`.
    pub key: String,
    /// Value as text.
    pub value: String,
    /// Default as text; empty if there is none.
    pub default: String,
    /// Whether the value differs from the default.
    pub differs: bool,
}

/// Lists the parameters that differ from their defaults.
pub fn changed_parameters(scenario: &Scenario) -> Vec<ScenarioParameter> {
    let mut parameters = parameters(scenario);
    parameters.retain(|parameter| parameter.differs);
    parameters
}

/// Lists all parameters. A list of tables is represented by its length. Expectations, gates and the
/// description are not parameters.
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
        // A distribution or popularity of another kind has other keys: compare it as a whole.
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
