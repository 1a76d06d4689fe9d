//! Values of a scenario by the keys of the schema, to compare scenarios key by key.

use std::collections::BTreeMap;

use serde_json::Value;

use super::schema::SCHEMA;

/// Returns the values of a scenario's tree by key path, as JSON, for every key of the schema.
///
/// A path has no list indices: it has one value for each element that has the key. The kind of a
/// fault or operation is part of the path, as in `fault.process-crash.downtime`. A distribution, a
/// selector and a list of plain values are values without keys of their own.
pub fn key_values(scenario: &Value) -> BTreeMap<String, Vec<Value>> {
    let mut found = BTreeMap::new();
    collect(&SCHEMA, "", vec![scenario], &mut found);
    found
}

fn collect(
    part: &'static Value,
    path: &str,
    values: Vec<&Value>,
    found: &mut BTreeMap<String, Vec<Value>>,
) {
    let part = resolved(part);
    let below = |key: &str| match path {
        "" => key.to_owned(),
        _ => format!("{path}.{key}"),
    };
    let properties = part["properties"].as_object();
    for (key, property) in properties.into_iter().flatten() {
        let own = values.iter().filter_map(|value| value.get(key)).collect();
        collect(property, &below(key), own, found);
    }
    if let Some(table) = table_form(part) {
        return collect(table, path, values, found);
    }
    let elements = resolved(&part["items"]);
    if elements["properties"].is_object() {
        let lists = values.into_iter().filter_map(Value::as_array);
        let all: Vec<&Value> = lists.flatten().collect();
        for (tag, kind, variant) in kinds(elements) {
            let of_kind = all.iter().copied().filter(|value| value[tag] == kind);
            collect(variant, &below(kind), of_kind.collect(), found);
        }
        collect(elements, path, all, found);
    } else if properties.is_none() && part.get("const").is_none() {
        let values = values.into_iter().cloned().collect();
        found.insert(path.to_owned(), values);
    }
}

/// Follows references.
fn resolved(mut part: &'static Value) -> &'static Value {
    while let Some(name) = part["$ref"].as_str() {
        part = SCHEMA
            .pointer(name.trim_start_matches('#'))
            .unwrap_or(&Value::Null);
    }
    part
}

/// The table among the forms of a value, such as that of a trace, which may be a path.
fn table_form(part: &'static Value) -> Option<&'static Value> {
    let forms = part["anyOf"].as_array()?;
    forms.iter().find(|form| form["properties"].is_object())
}

/// Variants of an element with their tags.
fn kinds(
    element: &'static Value,
) -> impl Iterator<Item = (&'static str, &'static str, &'static Value)> {
    let variants = element["oneOf"].as_array().into_iter().flatten();
    variants.filter_map(|variant| {
        let mut properties = variant["properties"].as_object()?.iter();
        let (tag, schema) = properties.find(|(_, schema)| schema.get("const").is_some())?;
        Some((tag.as_str(), schema["const"].as_str()?, variant))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn key_values_have_kinds_and_no_indices() {
        let scenario = serde_json::json!({
            "name": "keys",
            "seed": 3,
            "schedule": [{ "id": "a", "timeZone": "UTC" }, { "id": "b" }],
            "fault": [{ "kind": "process-crash", "at": "1m", "downtime": "5s" }],
            "scanner": { "latency": { "kind": "exponential", "mean": "1s" } },
            "advisories": { "trace": { "file": "x.csv" } },
        });
        let values = key_values(&scenario);
        let one = |key: &str| values[key].iter().map(Value::to_string).collect::<Vec<_>>();
        assert_eq!(one("seed"), ["3"]);
        assert_eq!(one("schedule.id"), ["\"a\"", "\"b\""]);
        assert_eq!(one("schedule.timeZone"), ["\"UTC\""]);
        assert_eq!(one("fault.at"), ["\"1m\""]);
        assert_eq!(one("fault.process-crash.downtime"), ["\"5s\""]);
        assert_eq!(one("fault.graceful-stop.downtime"), [""; 0]);
        assert_eq!(
            one("scanner.latency"),
            ["{\"kind\":\"exponential\",\"mean\":\"1s\"}"]
        );
        assert_eq!(one("advisories.trace.file"), ["\"x.csv\""]);
        for key in [
            "operation.edit.changes.limits.parallelism",
            "operation.create.definition.selector",
            "workers.options.lease",
            "workers.processes",
            "expect.query",
            "fleet.labels",
        ] {
            assert!(values.contains_key(key), "{key} of {:?}", values.keys());
        }
        assert!(!values.contains_key("fault.kind"));
        assert!(!values.contains_key("scanner"));
    }
}
