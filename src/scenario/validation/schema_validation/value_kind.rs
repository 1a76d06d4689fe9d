//! Types of values: names in JSON Schema and in messages, and help for common confusions.

use crate::scenario::document::{Node, NodeValue};

/// Whether a value has a JSON Schema type.
pub fn fits(name: &str, value: &NodeValue) -> bool {
    matches!(
        (name, value),
        ("string", NodeValue::String(_))
            | ("datetime", NodeValue::Datetime(_))
            | ("integer", NodeValue::Integer(_))
            | ("number", NodeValue::Integer(_) | NodeValue::Float(_))
            | ("boolean", NodeValue::Boolean(_))
            | ("array", NodeValue::Array(_))
            | ("object", NodeValue::Table(_))
    )
}

/// Name of a JSON Schema type in messages.
pub fn in_words(name: &str) -> &'static str {
    match name {
        "string" => "a string",
        "integer" => "a whole number",
        "number" => "a number",
        "boolean" => "true or false",
        "array" => "a list",
        _ => "a table",
    }
}

/// Help for a value of the wrong type, if its cause is known.
pub fn help(expected: &[&str], node: &Node, name: &str) -> Option<String> {
    let number_wanted = expected.iter().any(|word| word.ends_with("number"));
    match &node.value {
        NodeValue::Integer(number) if expected.contains(&"a duration") => Some(format!(
            "a duration has a unit: did you mean \"{number}s\"?"
        )),
        NodeValue::Float(number) if expected.contains(&"a duration") => {
            let milliseconds = (number * 1_000.0).round();
            Some(format!(
                "a duration has a unit: did you mean \"{milliseconds}ms\"?"
            ))
        }
        NodeValue::Float(number) if number_wanted => {
            Some(format!("write {number:.0}, without a decimal point"))
        }
        NodeValue::String(text) if number_wanted && text.parse::<f64>().is_ok() => {
            Some(format!("write {text}, without quotes"))
        }
        NodeValue::String(text)
            if expected.contains(&"true or false") && matches!(&**text, "true" | "false") =>
        {
            Some(format!("write {text}, without quotes"))
        }
        NodeValue::Table(_) if expected == ["a list"] => {
            let bare = name.trim_matches('`');
            Some(format!(
                "write `[[{bare}]]`, with double brackets, once per element"
            ))
        }
        NodeValue::Array(_) if expected == ["a table"] => {
            let bare = name.trim_matches('`');
            Some(format!("write `[{bare}]`, with single brackets, once"))
        }
        _ => None,
    }
}
