//! Explanations of syntax errors, with their places.

use crate::error::QueryError;
use crate::parse::functions::function_names;
use crate::parse::semantics::Semantics;
use crate::suggest;

/// Adds a position and a suggestion to the parser's message.
pub(crate) fn explain(text: &str, message: &str, semantics: Semantics) -> QueryError {
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
    let function = between(message, "call to function '", "'");
    if let Some(function) = function.or_else(|| between(message, "in call to '", "'")) {
        return wrong_argument(text, message, function);
    }
    if let Some(error) = unbalanced(text) {
        return error;
    }
    if text.trim().is_empty() {
        return QueryError::whole("the query is empty");
    }
    // The parser's fallback message has no more information.
    if message.contains("invalid promql query") {
        return QueryError::whole("this is no PromQL expression");
    }
    QueryError::whole(message)
}

/// Diagnoses an argument of the wrong type, or a wrong number of arguments.
fn wrong_argument(text: &str, message: &str, function: &str) -> QueryError {
    let offset = offset_of(text, function);
    let expected = between(message, "expected type ", " in call");
    let Some((expected, (_, found))) = expected.zip(message.split_once(", got ")) else {
        return QueryError::new(offset, message);
    };
    let in_words = |kind: &str| match kind {
        "matrix" => "a range of samples",
        "vector" => "a vector",
        "scalar" => "a number",
        _ => "a text",
    };
    let (expected_words, found) = (in_words(expected), in_words(found));
    let message = format!("`{function}` takes {expected_words}, not {found}");
    let help = (expected == "matrix").then(|| "write a range behind it, such as `[5m]`".to_owned());
    QueryError::new(offset, message).help(help)
}

fn between<'t>(text: &'t str, before: &str, after: &str) -> Option<&'t str> {
    let (_, rest) = text.split_once(before)?;
    rest.split_once(after).map(|(found, _)| found)
}

/// Byte offset of the first occurrence of a word, or of it as part of a word; 0 if there is none.
pub(crate) fn offset_of(text: &str, word: &str) -> usize {
    find_word(text, word, 0)
        .or_else(|| text.find(word))
        .unwrap_or(0)
}

/// Byte offset of the next occurrence of a word outside of strings.
pub(crate) fn find_word(text: &str, word: &str, from: usize) -> Option<usize> {
    find_alone(text, word.len(), from, |found| found == word)
}

/// As [`find_word`], ignoring case.
pub(crate) fn find_word_of_any_case(text: &str, word: &str, from: usize) -> Option<usize> {
    find_alone(text, word.len(), from, |found| {
        found.eq_ignore_ascii_case(word)
    })
}

fn find_alone(
    text: &str,
    length: usize,
    from: usize,
    is_meant: impl Fn(&str) -> bool,
) -> Option<usize> {
    let is_word = |byte: Option<&u8>| {
        byte.is_some_and(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b':'))
    };
    let bytes = text.as_bytes();
    let stands_alone = |at: &usize| {
        let before = at.checked_sub(1).and_then(|before| bytes.get(before));
        let found = text.get(*at..at + length);
        found.is_some_and(&is_meant) && !is_word(before) && !is_word(bytes.get(at + length))
    };
    let mut outside = outside_texts(text).skip_while(|at| *at < from);
    outside.find(stands_alone)
}

/// Byte offsets of characters outside of strings and comments.
pub(crate) fn outside_texts(text: &str) -> impl Iterator<Item = usize> {
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

/// Finds an unbalanced bracket.
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
    use crate::Query;

    #[test]
    fn query_with_error_is_refused_with_position() {
        for (text, offset, message) in [
            ("sum(x", Some(3), "never closed"),
            ("x)", Some(1), "closes nothing"),
            ("", None, "empty"),
            ("rat(x_total[5m])", Some(0), "`rat` is no known function"),
            (
                "1 + rate(x)",
                Some(4),
                "`rate` takes a range of samples, not a vector",
            ),
            ("1 + abs()", Some(4), "argument"),
            ("1 + abs(x, x)", Some(4), "argument"),
            (
                "1 + rat(x_total[5m])",
                Some(4),
                "`rat` is no known function",
            ),
            ("x </ 5", Some(2), "native histograms"),
            ("1 + histogram_count(x)", Some(4), "native histograms"),
            (
                "1 + label_replace(x, \"a\", \"b\", \"c\", \"(\")",
                Some(4),
                "no regular expression",
            ),
            ("1 + limitk(1, x)", Some(4), "not known to Prometheus v3"),
            ("x +", None, "no PromQL"),
        ] {
            let error = Query::parse(text, Semantics::V3).unwrap_err();
            assert_eq!(error.offset, offset, "{text}: {error}");
            assert!(error.to_string().contains(message), "{text}: {error}");
        }
    }

    #[test]
    fn unknown_function_suggests_closest_name() {
        let error = Query::parse("raet(x[5m])", Semantics::V3).unwrap_err();
        assert_eq!(error.help.as_deref(), Some("did you mean `rate`?"));
    }
}
