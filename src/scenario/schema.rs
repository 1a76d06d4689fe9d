//! JSON Schema of scenario files, generated from the types.

use std::sync::LazyLock;

use schemars::Schema;
use schemars::generate::SchemaSettings;
use schemars::transform::{RecursiveTransform, Transform};
use serde_json::{Value, json};

use super::Scenario;

/// Result of [`schema`], generated once.
pub(super) static SCHEMA: LazyLock<Value> = LazyLock::new(schema);

/// JSON Schema (draft 2020-12) of scenario files.
pub fn schema() -> Value {
    let generator = SchemaSettings::draft2020_12().into_generator();
    let mut schema = generator.into_root_schema_for::<Scenario>();
    RecursiveTransform(forget_null).transform(&mut schema);
    let mut schema = schema.to_value();
    accept_other_spellings(&mut schema);
    schema
}

/// Removes `null` from a schema: TOML has no null, and a key without a value is absent.
fn forget_null(schema: &mut Schema) {
    let Some(object) = schema.as_object_mut() else {
        return;
    };
    if object.get("default").is_some_and(Value::is_null) {
        object.remove("default");
    }
    if let Some(Value::Array(types)) = object.get_mut("type") {
        types.retain(|name| name != "null");
        if let [only] = types.as_slice() {
            let only = only.clone();
            object.insert("type".into(), only);
        }
    }
    if let Some(Value::Array(branches)) = object.get_mut("anyOf") {
        branches.retain(|branch| branch.get("type") != Some(&json!("null")));
        if let [Value::Object(only)] = branches.as_slice() {
            let only = only.clone();
            object.remove("anyOf");
            object.extend(only);
        }
    }
}

/// Adds the kebab-case spellings of modes, such as `analysis-only`.
fn accept_other_spellings(schema: &mut Value) {
    if let Some(Value::Array(modes)) = schema.pointer_mut("/$defs/Mode/oneOf") {
        for (spelling, name) in [
            ("analysis-only", "analysisOnly"),
            ("content-refresh", "contentRefresh"),
        ] {
            let description = format!("The same as `{name}`.");
            modes.push(json!({ "description": description, "type": "string", "const": spelling }));
        }
    }
}
