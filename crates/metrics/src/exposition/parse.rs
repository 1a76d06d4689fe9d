//! Parser of the Prometheus text format 0.0.4. It borrows from the page, line by line.
//!
//! `rehearsal-metrics-laws` has one of its own: the laws must not depend on a crate that they test,
//! and a program that parses a page must not depend on a library for property tests. A test
//! compares the two.
//!
//! ```
//! use rehearsal_metrics::exposition::{ExpositionLine, parse};
//!
//! let page = "# TYPE jobs_total counter\njobs_total{queue=\"a\\\"b\"} 3\n";
//! let lines: Vec<_> = parse(page).collect::<Result<_, _>>()?;
//! let ExpositionLine::Sample(sample) = &lines[1] else { panic!("a sample") };
//! assert_eq!((sample.name, sample.value), ("jobs_total", 3.0));
//! assert_eq!(sample.labels, [("queue", "a\"b".into())]);
//! # Ok::<(), rehearsal_metrics::exposition::ExpositionParseError>(())
//! ```

use std::borrow::Cow;

/// A line of an exposition that says something about its series.
#[derive(Clone, Debug, PartialEq)]
pub enum ExpositionLine<'t> {
    /// `# TYPE name kind`
    Type {
        /// Name of the metric.
        name: &'t str,
        /// Type of the metric, such as `counter`.
        kind: &'t str,
    },
    /// A sample of a series.
    Sample(ExpositionSample<'t>),
}

/// A sample in an exposition.
#[derive(Clone, Debug, PartialEq)]
pub struct ExpositionSample<'t> {
    /// Name of the series: for parts of a histogram with `_bucket`, `_sum` or `_count`.
    pub name: &'t str,
    /// Labels, in the order of the line.
    pub labels: Vec<(&'t str, Cow<'t, str>)>,
    /// Value of the sample.
    pub value: f64,
}

/// A line that is not in the text format.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("line {line}: {message}")]
pub struct ExpositionParseError {
    /// Number of the line, from 1.
    pub line: usize,
    /// Description of the fault.
    pub message: String,
}

/// Parses an exposition. Empty lines and other comments than `# TYPE` are skipped.
pub fn parse(
    page: &str,
) -> impl Iterator<Item = Result<ExpositionLine<'_>, ExpositionParseError>> + '_ {
    (1..).zip(page.split('\n')).filter_map(|(number, line)| {
        let parsed = parse_line(line).transpose()?;
        Some(parsed.map_err(|message| ExpositionParseError {
            line: number,
            message,
        }))
    })
}

fn parse_line(line: &str) -> Result<Option<ExpositionLine<'_>>, String> {
    if line.is_empty() {
        return Ok(None);
    }
    if let Some(comment) = line.strip_prefix('#') {
        let Some(declared) = comment.strip_prefix(" TYPE ") else {
            return Ok(None);
        };
        let (name, kind) = declared
            .split_once(' ')
            .ok_or_else(|| format!("a type is missing in {line:?}"))?;
        return Ok(Some(ExpositionLine::Type { name, kind }));
    }
    parse_sample(line).map(|sample| Some(ExpositionLine::Sample(sample)))
}

fn parse_sample(line: &str) -> Result<ExpositionSample<'_>, String> {
    let (name, mut rest) = split_name(line);
    if name.is_empty() {
        return Err(format!("a metric name is missing in {line:?}"));
    }
    let mut labels = Vec::new();
    if let Some(block) = rest.strip_prefix('{') {
        rest = parse_labels(block, &mut labels)?;
    }
    let value = rest.split_ascii_whitespace().next();
    let value = value.ok_or_else(|| format!("a value is missing in {line:?}"))?;
    let value = value
        .parse()
        .map_err(|_| format!("{value:?} is no value"))?;
    Ok(ExpositionSample {
        name,
        labels,
        value,
    })
}

fn split_name(text: &str) -> (&str, &str) {
    let is_part = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b':');
    let end = text.bytes().position(|byte| !is_part(byte));
    text.split_at(end.unwrap_or(text.len()))
}

/// Parses what follows the opening brace. Returns what follows the closing one.
fn parse_labels<'t>(
    mut rest: &'t str,
    labels: &mut Vec<(&'t str, Cow<'t, str>)>,
) -> Result<&'t str, String> {
    loop {
        if let Some(after) = rest.strip_prefix('}') {
            return Ok(after);
        }
        let (name, after) = split_name(rest);
        let quoted = after
            .strip_prefix("=\"")
            .ok_or_else(|| format!("`=\"` is missing after the label {name:?}"))?;
        let (value, after) = split_value(quoted)?;
        if labels.iter().any(|(known, _)| *known == name) {
            return Err(format!("the label {name:?} occurs twice"));
        }
        labels.push((name, value));
        rest = match after.strip_prefix(',') {
            Some(next) => next,
            None if after.starts_with('}') => after,
            None => {
                return Err(format!("`,` or `}}` is missing after the label {name:?}"));
            }
        };
    }
}

/// Splits a label value from what follows its closing quote.
fn split_value(text: &str) -> Result<(Cow<'_, str>, &str), String> {
    let end = text.find(['"', '\\']);
    let end = end.ok_or("a label value has no closing quote")?;
    if text.as_bytes()[end] == b'"' {
        return Ok((Cow::Borrowed(&text[..end]), &text[end + 1..]));
    }
    let mut value = text[..end].to_owned();
    let mut rest = text[end..].chars();
    loop {
        match rest.next() {
            Some('"') => return Ok((Cow::Owned(value), rest.as_str())),
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
    fn parse_reads_types_labels_and_values() {
        let page =
            "# HELP a It is.\n# TYPE a gauge\n\na{x=\"q\\\"\\\\\\n\u{2028}\",y=\"\"} +Inf 17\nb 2";
        let lines: Vec<_> = parse(page).map(Result::unwrap).collect();
        let kind = ExpositionLine::Type {
            name: "a",
            kind: "gauge",
        };
        let a = ExpositionLine::Sample(ExpositionSample {
            name: "a",
            labels: vec![("x", "q\"\\\n\u{2028}".into()), ("y", "".into())],
            value: f64::INFINITY,
        });
        let b = ExpositionLine::Sample(ExpositionSample {
            name: "b",
            labels: Vec::new(),
            value: 2.0,
        });
        assert_eq!(lines, [kind, a, b]);
    }

    #[test]
    fn parse_of_malformed_line_names_line_and_fault() {
        for (page, expected) in [
            ("a 1\n{} 2", "line 2: a metric name is missing in \"{} 2\""),
            ("# TYPE a", "line 1: a type is missing in \"# TYPE a\""),
            (
                "a{x=\"1\" 2",
                "line 1: `,` or `}` is missing after the label \"x\"",
            ),
            ("a{x=1} 1", "line 1: `=\"` is missing after the label \"x\""),
            (
                "a{x=\"1\",x=\"2\"} 1",
                "line 1: the label \"x\" occurs twice",
            ),
            ("a{x=\"\\t\"} 1", "line 1: Some('t') after a backslash"),
            ("a{x=\"\\n", "line 1: a label value has no closing quote"),
            ("a{x=\"1", "line 1: a label value has no closing quote"),
            ("a 1,5", "line 1: \"1,5\" is no value"),
            ("a", "line 1: a value is missing in \"a\""),
        ] {
            let error = parse(page).find_map(Result::err).expect("a fault");
            assert_eq!(error.to_string(), expected, "{page:?}");
        }
    }
}
