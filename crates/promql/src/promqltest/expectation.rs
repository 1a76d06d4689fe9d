//! Expectations of an eval.

use promql_parser::util::unquote_string;
use regex::Regex;

use super::answer::{EvalOutcome, compare_matrix, compare_scalar, compare_vector};
use super::duration::duration_ms;
use super::series::{SeriesLine, SeriesPoint, number};
use crate::annotation::{Annotation, AnnotationLevel};
use crate::value::QueryValue;

/// Expected text of a message.
#[derive(Clone, Debug)]
enum ExpectedMessage {
    Any,
    Is(String),
    Fits(Regex),
}

/// Expected annotation, or its absence.
#[derive(Clone, Debug)]
enum ExpectedAnnotation {
    Some(AnnotationLevel, ExpectedMessage),
    None(AnnotationLevel),
}

/// All expectations of an eval.
#[derive(Clone, Debug, Default)]
pub(super) struct Expected {
    fails: Option<ExpectedMessage>,
    remarks: Vec<ExpectedAnnotation>,
    ordered: bool,
    text: Option<String>,
    scalar: Option<f64>,
    /// First time and step of the points of a range vector.
    range_ms: Option<(i64, i64)>,
    series: Vec<SeriesLine>,
    pub(super) needs_native_histograms: bool,
}

impl Expected {
    /// Creates the expectations of a command word: `eval`, `eval_fail` and so on.
    pub(super) fn new(word: &str) -> Result<Self, String> {
        let mut expected = Self::default();
        match word {
            "eval" => {}
            "eval_fail" => expected.fails = Some(ExpectedMessage::Any),
            "eval_ordered" => expected.ordered = true,
            "eval_warn" => {
                expected.remarks.push(ExpectedAnnotation::Some(
                    AnnotationLevel::Warning,
                    ExpectedMessage::Any,
                ));
            }
            "eval_info" => expected.remarks.push(ExpectedAnnotation::Some(
                AnnotationLevel::Info,
                ExpectedMessage::Any,
            )),
            _ => return Err(format!("`{word}` is no command")),
        }
        Ok(expected)
    }

    /// Adds a line below the eval.
    pub(super) fn add(&mut self, line: &str) -> Result<(), String> {
        if let Some(rest) = line.strip_prefix("expect string") {
            self.text = Some(text_of(rest)?);
            return Ok(());
        }
        if let Some(rest) = line.strip_prefix("expect ") {
            return self.add_clause(rest.trim());
        }
        if let Some(message) = line.strip_prefix("expected_fail_message") {
            self.fails = Some(ExpectedMessage::Is(message.trim().to_owned()));
            return Ok(());
        }
        if let Some(pattern) = line.strip_prefix("expected_fail_regexp") {
            self.fails = Some(ExpectedMessage::Fits(regex(pattern.trim())?));
            return Ok(());
        }
        if let Some(scalar) = number(line) {
            self.scalar = Some(scalar);
            return Ok(());
        }
        let series = SeriesLine::parse(line)?;
        self.needs_native_histograms |= series.points.contains(&SeriesPoint::Native);
        self.series.push(series);
        Ok(())
    }

    fn add_clause(&mut self, clause: &str) -> Result<(), String> {
        if let Some(rest) = clause.strip_prefix("range vector from ") {
            let words: Vec<&str> = rest.split_whitespace().collect();
            let [start, "to", _, "step", step] = words[..] else {
                return Err(format!("`{clause}` is no range"));
            };
            self.range_ms = Some((duration_ms(start)?, duration_ms(step)?));
            return Ok(());
        }
        let (word, rest) = clause
            .split_once(char::is_whitespace)
            .unwrap_or((clause, ""));
        match word {
            "fail" => self.fails = Some(ExpectedMessage::parse(rest)?),
            "warn" => {
                let message = ExpectedMessage::parse(rest)?;
                self.remarks
                    .push(ExpectedAnnotation::Some(AnnotationLevel::Warning, message));
            }
            "info" => {
                let message = ExpectedMessage::parse(rest)?;
                self.remarks
                    .push(ExpectedAnnotation::Some(AnnotationLevel::Info, message));
            }
            "no_warn" => self
                .remarks
                .push(ExpectedAnnotation::None(AnnotationLevel::Warning)),
            "no_info" => self
                .remarks
                .push(ExpectedAnnotation::None(AnnotationLevel::Info)),
            "ordered" => self.ordered = true,
            _ => return Err(format!("`expect {word}` is not known")),
        }
        Ok(())
    }

    /// Compares a refusal.
    pub(super) fn refused(&self, message: &str) -> EvalOutcome {
        match &self.fails {
            Some(expected) if expected.fits(message) => EvalOutcome::Passed,
            Some(expected) => {
                EvalOutcome::Failed(format!("{expected:?} expected, refused: {message}"))
            }
            None => EvalOutcome::Failed(format!("refused: {message}")),
        }
    }

    /// Compares a result.
    pub(super) fn compare(
        &self,
        (value, annotations): &(QueryValue, Vec<Annotation>),
    ) -> EvalOutcome {
        if self.fails.is_some() {
            return EvalOutcome::Failed("it should be refused".into());
        }
        for remark in &self.remarks {
            if let Err(reason) = remark.check(annotations) {
                return EvalOutcome::Failed(reason);
            }
        }
        let compared = match (value, &self.text, self.scalar) {
            (QueryValue::String(text), Some(expected), _) if text == expected => Ok(()),
            (QueryValue::String(text), ..) => Err(format!("the text is {text:?}")),
            (QueryValue::Scalar(value), _, Some(expected)) => compare_scalar(*value, expected),
            (QueryValue::Scalar(value), ..) => Err(format!("the scalar is {value}")),
            (QueryValue::Vector(vector), ..) => compare_vector(vector, &self.series, self.ordered),
            (QueryValue::Matrix(matrix), _, Some(expected)) => {
                let lines = [SeriesLine::constant(expected)];
                compare_matrix(matrix, &lines, None)
            }
            (QueryValue::Matrix(matrix), ..) => compare_matrix(matrix, &self.series, self.range_ms),
        };
        compared.map_or_else(EvalOutcome::Failed, |()| EvalOutcome::Passed)
    }

    /// Sets the times of the points of a range query's result.
    pub(super) fn at_steps(&mut self, start_ms: i64, step_ms: i64) {
        self.range_ms = Some((start_ms, step_ms));
    }
}

/// Quoted string, or everything after one space.
fn text_of(rest: &str) -> Result<String, String> {
    let plain = rest.trim();
    if plain.starts_with(['"', '\'', '`']) {
        return unquote_string(plain);
    }
    Ok(rest.strip_prefix(' ').unwrap_or(rest).to_owned())
}

fn regex(pattern: &str) -> Result<Regex, String> {
    Regex::new(pattern).map_err(|_| format!("`{pattern}` is no regular expression"))
}

impl ExpectedMessage {
    fn parse(text: &str) -> Result<Self, String> {
        if let Some(message) = text.strip_prefix("msg:") {
            return Ok(Self::Is(without_position(message.trim()).to_owned()));
        }
        if let Some(pattern) = text.strip_prefix("regex:") {
            // The position at the end may have digits of its own.
            let pattern = pattern.trim();
            let plain = pattern
                .rsplit_once(r" \(")
                .map_or(pattern, |(plain, _)| plain);
            return Ok(Self::Fits(regex(plain)?));
        }
        match text {
            "" => Ok(Self::Any),
            _ => Err(format!("`{text}` is no message")),
        }
    }

    fn fits(&self, message: &str) -> bool {
        match self {
            Self::Any => true,
            Self::Is(expected) => expected == message,
            Self::Fits(pattern) => pattern.is_match(message),
        }
    }
}

/// Removes ` (line:column)` from the end of a message.
fn without_position(message: &str) -> &str {
    let is_position = |end: &str| {
        end.chars()
            .all(|c| c.is_ascii_digit() || matches!(c, ':' | ')'))
    };
    match message.rsplit_once(" (") {
        Some((plain, end)) if is_position(end) => plain,
        _ => message,
    }
}

impl ExpectedAnnotation {
    fn check(&self, annotations: &[Annotation]) -> Result<(), String> {
        let of = |severity: AnnotationLevel| {
            let all = annotations
                .iter()
                .filter(move |annotation| annotation.severity == severity);
            all.map(ToString::to_string)
        };
        match self {
            Self::None(severity) => match of(*severity).next() {
                None => Ok(()),
                Some(remark) => Err(format!("unexpected: {remark}")),
            },
            Self::Some(severity, message) => {
                if of(*severity).any(|remark| message.fits(&remark)) {
                    return Ok(());
                }
                let found: Vec<String> = of(*severity).collect();
                Err(format!(
                    "no {severity:?} that is {message:?}, but {found:?}"
                ))
            }
        }
    }
}
