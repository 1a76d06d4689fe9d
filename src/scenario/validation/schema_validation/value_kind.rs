//! Kinds of values: what JSON calls them, what people call them, and how they are mixed up.

use crate::scenario::document::{Node, NodeValue};

/// Whether a value has a JSON type.
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

/// A JSON type, for people.
pub fn in_words(name: &str) -> &'static str {
    match name {
        "string" => "text",
        "integer" => "a whole number",
        "number" => "a number",
        "boolean" => "true or false",
        "array" => "a list",
        _ => "a table",
    }
}

/// What to write instead of a value of the wrong type.
pub fn remedy(expected: &[&str], node: &Node, name: &str) -> Option<String> {
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
            Some(format!("write {number:.0}, without a point"))
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
                "write `[[{bare}]]`, with two brackets, once for each"
            ))
        }
        NodeValue::Array(_) if expected == ["a table"] => {
            let bare = name.trim_matches('`');
            Some(format!("write `[{bare}]`, with one bracket, once"))
        }
        _ => None,
    }
}
