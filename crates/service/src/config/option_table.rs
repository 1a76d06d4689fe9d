//! Every option of the configuration, from its schema: for the environment and for the docs.

use std::fmt::Write;

use schemars::generate::SchemaSettings;
use serde_json::{Map, Value};

use super::sections::ServiceConfig;

/// Prefix of the variables of the environment.
const PREFIX: &str = "REHEARSAL_";

/// One option.
#[derive(Debug, Clone, PartialEq)]
pub struct ConfigOption {
    /// Sections and key, as in `scanner.tokenFile`.
    pub key: String,
    /// Variable of the environment.
    pub variable: String,
    /// JSON type of the value.
    pub kind: OptionKind,
    /// Default; `null` if there is none.
    pub default: Value,
    /// Meaning.
    pub description: String,
}

/// JSON type of an option.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OptionKind {
    /// One text.
    Text,
    /// Whole number.
    Number,
    /// `true` or `false`.
    Switch,
    /// List of texts, with commas between them in one line.
    List,
}

/// Returns every option, in the order of the sections.
pub fn config_options() -> Vec<ConfigOption> {
    let settings =
        SchemaSettings::draft2020_12().with(|settings| settings.inline_subschemas = true);
    let schema = settings
        .into_generator()
        .into_root_schema_for::<ServiceConfig>();
    let defaults = serde_json::to_value(ServiceConfig::default()).unwrap_or_default();
    let mut options = Vec::new();
    add_options(schema.as_value(), &defaults, "", &mut options);
    options
}

fn add_options(schema: &Value, default: &Value, key: &str, options: &mut Vec<ConfigOption>) {
    if let Some(properties) = schema.get("properties").and_then(Value::as_object) {
        for (name, schema) in in_order(properties, default) {
            let key = match key {
                "" => name.clone(),
                _ => format!("{key}.{name}"),
            };
            add_options(schema, &default[name], &key, options);
        }
        return;
    }
    let description = schema.get("description").and_then(Value::as_str);
    options.push(ConfigOption {
        key: key.to_owned(),
        variable: variable(key),
        kind: kind(schema),
        default: default.clone(),
        description: description.unwrap_or_default().replace('\n', " "),
    });
}

/// Properties in the order in which the defaults have them, which is that of the structs.
fn in_order<'a>(
    properties: &'a Map<String, Value>,
    default: &'a Value,
) -> impl Iterator<Item = (&'a String, &'a Value)> {
    let names = default.as_object().into_iter().flat_map(Map::keys);
    names.filter_map(|name| properties.get_key_value(name))
}

fn kind(schema: &Value) -> OptionKind {
    let name = match &schema["type"] {
        Value::Array(names) => names.iter().find(|name| *name != "null"),
        name => Some(name),
    };
    match name.and_then(Value::as_str) {
        Some("integer") => OptionKind::Number,
        Some("boolean") => OptionKind::Switch,
        Some("array") => OptionKind::List,
        _ => OptionKind::Text,
    }
}

/// Variable of the environment for a key: `REHEARSAL_SCANNER_TOKEN_FILE`.
fn variable(key: &str) -> String {
    let mut variable = PREFIX.to_owned();
    for letter in key.chars() {
        if letter.is_ascii_uppercase() {
            variable.push('_');
        }
        variable.push(if letter == '.' {
            '_'
        } else {
            letter.to_ascii_uppercase()
        });
    }
    variable
}

/// Returns the options as a table in Markdown.
pub fn markdown_table() -> String {
    let mut table = "| key | default | meaning |\n|---|---|---|\n".to_owned();
    for option in config_options() {
        let default = match &option.default {
            Value::Null => String::new(),
            Value::String(text) => format!("`{text}`"),
            Value::Array(items) if items.is_empty() => String::new(),
            value => format!("`{value}`"),
        };
        let description = option.description.trim_end_matches('.');
        let _ = writeln!(table, "| `{}` | {default} | {description} |", option.key);
    }
    table
}
