//! Series lines: labels and abbreviated points.

use rehearsal_convert::Nearest;
use std::iter::Peekable;
use std::str::CharIndices;

use promql_parser::label::METRIC_NAME;
use promql_parser::parser;

use rehearsal_metrics::{Labels, Text};

/// Maximum number of points in a line.
const POINTS_MAX: usize = 1_000_000;

/// Content of a series at one step.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum SeriesPoint {
    /// `_`
    Omitted,
    /// Staleness marker, written `stale`.
    Stale,
    /// Numeric value.
    Value(f64),
    /// `{{..}}`
    Native,
}

/// `name{label="value"} 1 2+3x4 _ stale`
#[derive(Clone, Debug, PartialEq)]
pub(super) struct SeriesLine {
    pub(super) labels: Labels,
    pub(super) points: Vec<SeriesPoint>,
}

impl SeriesLine {
    pub(super) fn parse(line: &str) -> Result<Self, String> {
        let end = labels_end(line);
        let (labels, points) = line.split_at(end);
        Ok(Self {
            labels: parse_labels(labels.trim())?,
            points: parse_points(points)?,
        })
    }
}

/// End of the labels: after the closing brace, or at the first space.
fn labels_end(line: &str) -> usize {
    let mut quote = None;
    let mut escapes = false;
    let mut in_braces = false;
    for (at, character) in line.char_indices() {
        match quote {
            Some(open) => {
                let ends = character == open && !escapes;
                escapes = character == '\\' && !escapes;
                if ends {
                    quote = None;
                }
            }
            None => match character {
                '"' | '\'' | '`' => quote = Some(character),
                '{' => in_braces = true,
                '}' => return at + 1,
                _ if character.is_whitespace() && !in_braces => {
                    // Spaces are allowed before the braces.
                    let rest = line[at..].trim_start();
                    if !rest.starts_with('{') || rest.starts_with("{{") {
                        return at;
                    }
                }
                _ => {}
            },
        }
    }
    line.len()
}

/// Parses labels as a selector; `{}` has none.
pub(super) fn parse_labels(text: &str) -> Result<Labels, String> {
    if text.chars().filter(|c| !c.is_whitespace()).eq("{}".chars()) {
        return Ok(Labels::none());
    }
    let parsed = parser::parse(text);
    let Ok(parser::Expr::VectorSelector(selector)) = parsed else {
        return Err(format!("`{text}` is no series"));
    };
    let name = selector
        .name
        .map(|name| (Text::from(METRIC_NAME), Text::from(name)));
    let matchers = selector.matchers.matchers.into_iter();
    let others = matchers.map(|matcher| (Text::from(matcher.name), Text::from(matcher.value)));
    let all = name
        .into_iter()
        .chain(others)
        .filter(|(_, value)| !value.is_empty());
    Ok(Labels::of_pairs(all))
}

/// Parses the points of a line.
pub(super) fn parse_points(text: &str) -> Result<Vec<SeriesPoint>, String> {
    let mut points = Vec::new();
    for word in words(text) {
        add_points(&word, &mut points).ok_or_else(|| format!("`{word}` is no point"))?;
        if points.len() > POINTS_MAX {
            return Err(format!("more than {POINTS_MAX} points"));
        }
    }
    Ok(points)
}

/// Splits at spaces outside of braces.
fn words(text: &str) -> Vec<String> {
    let mut words = vec![String::new()];
    let mut depth = 0_i32;
    for character in text.chars() {
        depth += i32::from(character == '{') - i32::from(character == '}');
        if character.is_whitespace() && depth == 0 {
            words.push(String::new());
        } else if let Some(word) = words.last_mut() {
            word.push(character);
        }
    }
    words.retain(|word| !word.is_empty());
    words
}

fn add_points(word: &str, points: &mut Vec<SeriesPoint>) -> Option<()> {
    if word.contains("{{") {
        let tail = word.rsplit_once("}}").map_or("", |(_, tail)| tail);
        let count = tail
            .rsplit_once('x')
            .map_or(Some(0), |(_, count)| count.parse().ok())?;
        repeat(SeriesPoint::Native, count, points);
        return Some(());
    }
    let mut characters = word.char_indices().peekable();
    if let Some(rest) = word.strip_prefix('_') {
        // Omitted points are counted, not repeated.
        let more = match rest.strip_prefix('x') {
            Some(count) => count.parse::<usize>().ok()?.checked_sub(1)?,
            None if rest.is_empty() => 0,
            None => return None,
        };
        repeat(SeriesPoint::Omitted, more, points);
        return Some(());
    }
    if word == "stale" {
        points.push(SeriesPoint::Stale);
        return Some(());
    }
    let end = number_end(&mut characters, word);
    let first = number(&word[..end])?;
    let rest = &word[end..];
    if rest.is_empty() {
        points.push(SeriesPoint::Value(first));
        return Some(());
    }
    let (step, count) = rest.rsplit_once('x')?;
    let count: usize = count.parse().ok()?;
    let step = if step.is_empty() { 0.0 } else { number(step)? };
    let mut value = first;
    points.push(SeriesPoint::Value(value));
    for _ in 0..count.min(POINTS_MAX + 1) {
        value += step;
        points.push(SeriesPoint::Value(value));
    }
    Some(())
}

fn repeat(point: SeriesPoint, more: usize, points: &mut Vec<SeriesPoint>) {
    points.extend(std::iter::repeat_n(point, more.min(POINTS_MAX) + 1));
}

/// End of the number at the start of a word: at the sign of the step, or at the `x`.
fn number_end(characters: &mut Peekable<CharIndices<'_>>, word: &str) -> usize {
    let mut before = ' ';
    for (at, character) in characters {
        let is_sign = matches!(character, '+' | '-') && at > 0 && !matches!(before, 'e' | 'E');
        // `0x1f` is a number.
        let is_times =
            character == 'x' && !(at == 1 && word.starts_with('0') && is_hex(&word[2..]));
        if is_sign || is_times {
            return at;
        }
        before = character;
    }
    word.len()
}

/// Whether the text after `0x` is a hexadecimal number rather than a count.
fn is_hex(rest: &str) -> bool {
    rest.chars().any(|c| matches!(c, 'a'..='f' | 'A'..='F'))
}

/// Parses a number of `PromQL`.
pub(super) fn number(text: &str) -> Option<f64> {
    let (sign, digits) = match text.strip_prefix(['+', '-']) {
        Some(digits) => (if text.starts_with('-') { -1.0 } else { 1.0 }, digits),
        None => (1.0, text),
    };
    if digits.starts_with(['+', '-']) || digits.is_empty() {
        return None;
    }
    if let Some(hex) = digits.strip_prefix("0x") {
        return Some(sign * i64::from_str_radix(hex, 16).ok()?.nearest_f64());
    }
    digits.parse::<f64>().ok().map(|value| sign * value)
}
