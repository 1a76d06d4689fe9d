//! What is wrong with a text that doesn't parse, and where.

use super::check::function_names;
use super::error::QueryError;
use super::semantics::Semantics;
use crate::model::suggest;

/// Makes the parser's message one that says where and what instead.
pub(super) fn explain(text: &str, message: &str, semantics: Semantics) -> QueryError {
    if let Some(name) = between(message, "unknown function with name '", "'") {
        let message = format!("`{name}` is no known function");
        let help = suggest::closest(name, function_names(semantics));
        let help = help.map(|meant| format!("did you mean `{meant}`?"));
        return QueryError::new(offset_of(text, name), message).help(help);
    }
    for operator in ["</", ">/"] {
        if let Some(offset) = outside_texts(text).find(|at| text[*at..].starts_with(operator)) {
            return QueryError::native(offset, operator);
        }
    }
    for word in ["smoothed", "anchored"] {
        let offset = offset_of(text, word);
        if text[offset..].starts_with(word) && offset > 0 {
            return QueryError::new(offset, format!("`{word}` ranges are not supported"));
        }
    }
    if let Some(error) = unbalanced(text) {
        return error;
    }
    if text.trim().is_empty() {
        return QueryError::new(0, "the query is empty");
    }
    // The parser's own fallback says no more than that.
    if message.contains("invalid promql query") {
        return QueryError::new(0, "this is no PromQL expression");
    }
    QueryError::new(0, message)
}

fn between<'t>(text: &'t str, before: &str, after: &str) -> Option<&'t str> {
    let (_, rest) = text.split_once(before)?;
    rest.split_once(after).map(|(found, _)| found)
}

/// Where a word first stands by itself, outside of texts in quotes if it can be; 0 if nowhere.
pub(super) fn offset_of(text: &str, word: &str) -> usize {
    let is_word = |byte: Option<&u8>| {
        byte.is_some_and(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b':'))
    };
    let bytes = text.as_bytes();
    let stands_alone = |at: &usize| {
        let before = at.checked_sub(1).and_then(|before| bytes.get(before));
        text[*at..].starts_with(word) && !is_word(before) && !is_word(bytes.get(at + word.len()))
    };
    let mut outside = outside_texts(text);
    outside
        .find(stands_alone)
        .or_else(|| text.find(word))
        .unwrap_or(0)
}

/// The places of characters that are neither in quotes nor in a comment.
fn outside_texts(text: &str) -> impl Iterator<Item = usize> {
    let mut quote = None;
    let mut escapes = false;
    let outside = text
        .char_indices()
        .filter(move |(_, character)| match quote {
            None => {
                if matches!(character, '"' | '\'' | '`' | '#') {
                    quote = Some(*character);
                }
                true
            }
            Some('#') => {
                if *character == '\n' {
                    quote = None;
                }
                false
            }
            Some(open) => {
                let ends = *character == open && !escapes;
                escapes = open != '`' && *character == '\\' && !escapes;
                if ends {
                    quote = None;
                }
                false
            }
        });
    outside.map(|(at, _)| at)
}

/// A bracket without its partner.
fn unbalanced(text: &str) -> Option<QueryError> {
    let mut open: Vec<(usize, char)> = Vec::new();
    for at in outside_texts(text) {
        let character = text[at..].chars().next()?;
        match character {
            '(' | '[' | '{' => open.push((at, character)),
            ')' | ']' | '}' => {
                let partner = match character {
                    ')' => '(',
                    ']' => '[',
                    _ => '{',
                };
                if open.pop().is_none_or(|(_, open)| open != partner) {
                    return Some(QueryError::new(at, format!("`{character}` closes nothing")));
                }
            }
            _ => {}
        }
    }
    let (at, character) = open.pop()?;
    Some(QueryError::new(
        at,
        format!("`{character}` is never closed"),
    ))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::promql::Query;

    #[test]
    fn what_is_wrong_is_named_with_its_place() {
        for (text, offset, message) in [
            ("sum(x", 3, "never closed"),
            ("x)", 1, "closes nothing"),
            ("", 0, "empty"),
            ("rat(x_total[5m])", 0, "`rat` is no known function"),
            ("1 + rat(x_total[5m])", 4, "`rat` is no known function"),
            ("x </ 5", 2, "native histograms"),
            ("histogram_count(x)", 0, "native histograms"),
            (
                "label_replace(x, \"a\", \"b\", \"c\", \"(\")",
                33,
                "no regular expression",
            ),
            ("limitk(1, x)", 0, "not known to Prometheus v3"),
            ("x +", 0, "no PromQL"),
        ] {
            let error = Query::parse(text, Semantics::V3).unwrap_err();
            assert_eq!(error.offset, offset, "{text}: {error}");
            assert!(error.to_string().contains(message), "{text}: {error}");
        }
    }

    #[test]
    fn a_function_is_suggested() {
        let error = Query::parse("raet(x[5m])", Semantics::V3).unwrap_err();
        assert_eq!(error.help.as_deref(), Some("did you mean `rate`?"));
    }
}
