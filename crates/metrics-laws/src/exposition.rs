//! A strict parser of the Prometheus text format 0.0.4, independent of any registry.

use std::collections::BTreeMap;
use std::fmt;
use std::iter::Peekable;
use std::str::Chars;

/// Name and labels of one series.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct ParsedSeriesKey {
    /// Metric name, with a histogram's suffix.
    pub name: String,
    /// Label values by label name.
    pub labels: BTreeMap<String, String>,
}

impl ParsedSeriesKey {
    /// Returns the key of a series with these labels.
    pub fn new(name: &str, labels: &[(&str, &str)]) -> Self {
        let owned = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
        Self {
            name: name.to_owned(),
            labels: labels.iter().map(owned).collect(),
        }
    }
}

/// A parsed exposition: the value of each series.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Exposition {
    samples: BTreeMap<ParsedSeriesKey, f64>,
}

/// A line that is not in the text format.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ParseError {
    /// Number of the line, from 1.
    pub line: usize,
    /// Description of the fault.
    pub message: String,
}

impl fmt::Display for ParseError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "line {}: {}", self.line, self.message)
    }
}

impl std::error::Error for ParseError {}

impl Exposition {
    /// Parses an exposition. Lines end at `\n` only; comments and empty lines are skipped.
    ///
    /// # Errors
    ///
    /// The first line that is no sample, or a series that occurs twice.
    pub fn parse(text: &str) -> Result<Self, ParseError> {
        let mut samples = BTreeMap::new();
        for (number, line) in (1..).zip(text.split('\n')) {
            if line.is_empty() || line.starts_with('#') {
                continue;
            }
            let fault = |message: String| ParseError {
                line: number,
                message,
            };
            let (key, value) = parse_sample(line).map_err(fault)?;
            if samples.contains_key(&key) {
                return Err(fault(format!("the series {key:?} occurs twice")));
            }
            samples.insert(key, value);
        }
        Ok(Self { samples })
    }

    /// Returns the value of a series; `None` if the exposition lacks it.
    pub fn get(&self, name: &str, labels: &[(&str, &str)]) -> Option<f64> {
        self.samples
            .get(&ParsedSeriesKey::new(name, labels))
            .copied()
    }

    /// Returns every series with its value, sorted by key.
    pub fn iter(&self) -> impl Iterator<Item = (&ParsedSeriesKey, f64)> {
        self.samples.iter().map(|(key, value)| (key, *value))
    }

    /// Adds the values of another exposition, series by series, as `sum by` would.
    #[must_use]
    pub fn merged(mut self, other: &Self) -> Self {
        for (key, value) in other.iter() {
            *self.samples.entry(key.clone()).or_default() += value;
        }
        self
    }
}

fn parse_sample(line: &str) -> Result<(ParsedSeriesKey, f64), String> {
    let mut rest = line.chars().peekable();
    let name = parse_name(&mut rest);
    if name.is_empty() {
        return Err(format!("a metric name is missing in {line:?}"));
    }
    let labels = match rest.peek() {
        Some('{') => parse_labels(&mut rest)?,
        _ => BTreeMap::new(),
    };
    let fields: String = rest.collect();
    let mut fields = fields.split_ascii_whitespace();
    let value = fields
        .next()
        .ok_or_else(|| format!("a value is missing in {line:?}"))?;
    // The format refers to Go's `ParseFloat`, which takes infinity and NaN in any case, as Rust
    // does.
    let value = value
        .parse()
        .map_err(|_| format!("{value:?} is no value"))?;
    Ok((ParsedSeriesKey { name, labels }, value))
}

fn parse_name(rest: &mut Peekable<Chars<'_>>) -> String {
    let mut name = String::new();
    while let Some(next) = rest.next_if(|c| c.is_ascii_alphanumeric() || matches!(c, '_' | ':')) {
        name.push(next);
    }
    name
}

fn parse_labels(rest: &mut Peekable<Chars<'_>>) -> Result<BTreeMap<String, String>, String> {
    let mut labels = BTreeMap::new();
    rest.next();
    while rest.next_if_eq(&'}').is_none() {
        let name = parse_name(rest);
        if rest.next() != Some('=') || rest.next() != Some('"') {
            return Err(format!("`=\"` is missing after the label {name:?}"));
        }
        let value = parse_label_value(rest)?;
        if labels.insert(name.clone(), value).is_some() {
            return Err(format!("the label {name:?} occurs twice"));
        }
        if rest.next_if_eq(&',').is_none() && rest.peek() != Some(&'}') {
            return Err(format!("`,` or `}}` is missing after the label {name:?}"));
        }
    }
    Ok(labels)
}

fn parse_label_value(rest: &mut Peekable<Chars<'_>>) -> Result<String, String> {
    let mut value = String::new();
    loop {
        match rest.next() {
            Some('"') => return Ok(value),
            Some('\\') => match rest.next() {
                Some('n') => value.push('\n'),
                Some(escaped @ ('\\' | '"')) => value.push(escaped),
                other => return Err(format!("{other:?} after a backslash")),
            },
            Some(plain) => value.push(plain),
            None => return Err("a label value has no closing quote".to_owned()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parse_escaped_label_value_restores_it() {
        let text = "# HELP a b\na{x=\"q\\\"\\\\\\n\u{2028}\",y=\"\"} +Inf 17\n";
        let exposition = Exposition::parse(text).unwrap();
        let labels = [("x", "q\"\\\n\u{2028}"), ("y", "")];
        assert_eq!(exposition.get("a", &labels), Some(f64::INFINITY));
    }

    #[test]
    fn parse_malformed_line_names_line_and_fault() {
        for (text, expected) in [
            (
                "a 1\n{} 2\n",
                "line 2: a metric name is missing in \"{} 2\"",
            ),
            ("a 1\na 2\n", "line 2: the series"),
            (
                "a{x=\"1\"",
                "line 1: `,` or `}` is missing after the label \"x\"",
            ),
            ("a{x=1} 1", "line 1: `=\"` is missing after the label \"x\""),
            (
                "a{x=\"1\",x=\"2\"} 1",
                "line 1: the label \"x\" occurs twice",
            ),
            ("a{x=\"\\t\"} 1", "line 1: Some('t') after a backslash"),
            ("a{x=\"1", "line 1: a label value has no closing quote"),
            ("a 1,5", "line 1: \"1,5\" is no value"),
            ("a", "line 1: a value is missing in \"a\""),
        ] {
            let error = Exposition::parse(text).unwrap_err().to_string();
            assert!(error.starts_with(expected), "{text:?}: {error}");
        }
    }
}
