//! String formats: durations, instants, names, cron expressions, queries.
//!
//! A type states its format as `format` in the JSON Schema. This module checks each format.

use std::ops::Range;

use serde_json::Value as Json;

use crate::model::calendar::{Calendar, CalendarError};
use crate::model::{ImageDigest, Timestamp};
use crate::promql::{AnswerKind, Query, QueryError, Semantics};

use super::KnownNames;
use crate::promql::suggest;
use crate::scenario::Duration;

/// Violation of a string format.
#[derive(Debug)]
pub struct FormatError {
    /// Predicate that follows the key in the title: "is not a duration".
    pub title: String,
    /// Short label of the span.
    pub label: String,
    /// Help text: what to write instead.
    pub help: Option<String>,
    /// Byte range of the invalid part, if it is not the whole text.
    pub part: Option<Range<usize>>,
}

impl FormatError {
    fn new(title: impl Into<String>, label: impl Into<String>) -> Self {
        Self {
            title: title.into(),
            label: label.into(),
            help: None,
            part: None,
        }
    }

    fn help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }
}

/// Checks a text against the format and the length of its schema.
pub fn check(schema: &Json, text: &str, known_names: &KnownNames) -> Result<(), FormatError> {
    check_length(schema, text)?;
    match schema.get("format").and_then(Json::as_str) {
        Some("duration-text") => duration(text),
        Some("date-time") => instant(text),
        Some("date") => date(text),
        Some("cron") => cron(text),
        Some("time-zone") => time_zone(text),
        Some("query") => query(text, known_names),
        Some("slug") => slug(text),
        Some("identifier") => identifier(text),
        Some("image-digest") => image_digest(text),
        _ => Ok(()),
    }
}

fn check_length(schema: &Json, text: &str) -> Result<(), FormatError> {
    let bound = |key| schema.get(key).and_then(Json::as_u64);
    let length = text.chars().count() as u64;
    if bound("minLength").is_some_and(|least| length < least) {
        return Err(FormatError::new("is empty", "must not be empty"));
    }
    match bound("maxLength") {
        Some(most) if length > most => {
            let label = format!("{length} characters, maximum {most}");
            Err(FormatError::new("is too long", label))
        }
        _ => Ok(()),
    }
}

fn duration(text: &str) -> Result<(), FormatError> {
    match text.parse::<Duration>() {
        Ok(_) => Ok(()),
        Err(error) => {
            let format_error = FormatError::new("is not a duration", error.reason);
            Err(FormatError {
                help: error.remedy,
                ..format_error
            })
        }
    }
}

fn instant(text: &str) -> Result<(), FormatError> {
    let error = |label: &str| {
        Err(FormatError::new("is not an instant", label)
            .help("write a date and time in UTC, like `2024-01-01T00:00:00Z`"))
    };
    if !text.ends_with('Z') {
        return error("must be in UTC and end with `Z`");
    }
    match text.parse::<Timestamp>() {
        Ok(instant) if instant == Timestamp::ZERO => error("must be after 1970"),
        Ok(_) => Ok(()),
        Err(_) => error("not a date and time"),
    }
}

fn date(text: &str) -> Result<(), FormatError> {
    match text.parse::<jiff::civil::Date>() {
        Ok(_) => Ok(()),
        Err(_) => Err(FormatError::new("is not a date", "not a date")
            .help("write year, month and day, like `2024-01-31`")),
    }
}

fn cron(text: &str) -> Result<(), FormatError> {
    match Calendar::new(text, "UTC") {
        Ok(_) | Err(CalendarError::TimeZone(_)) => Ok(()),
        Err(CalendarError::NeverFires(_)) => {
            Err(
                FormatError::new("never fires", "no date matches all fields").help(
                    "omit the key for a schedule that only other triggers run, or set `enabled = \
                 false`",
                ),
            )
        }
        Err(CalendarError::Expression { reason, .. }) => {
            let error = wrong_cron_field(text)
                .unwrap_or_else(|| FormatError::new("is not a cron expression", reason));
            Err(error.help(
                "write five fields: minute hour day-of-month month day-of-week, like `0 2 * * *`",
            ))
        }
    }
}

/// First field that is invalid by itself.
fn wrong_cron_field(text: &str) -> Option<FormatError> {
    const NAMES: [&str; 5] = [
        "minute must be 0 to 59",
        "hour must be 0 to 23",
        "day of month must be 1 to 31",
        "month must be 1 to 12",
        "day of week must be 0 to 7; 0 and 7 are Sunday",
    ];
    let fields: Vec<&str> = text.split_whitespace().collect();
    if fields.len() != NAMES.len() {
        return None;
    }
    let index = (0..fields.len()).find(|index| {
        let mut alone = ["*"; NAMES.len()];
        alone[*index] = fields[*index];
        matches!(
            Calendar::new(&alone.join(" "), "UTC"),
            Err(CalendarError::Expression { .. })
        )
    })?;
    let start = fields[index].as_ptr() as usize - text.as_ptr() as usize;
    let error = FormatError::new("is not a cron expression", NAMES[index]);
    Some(FormatError {
        part: Some(start..start + fields[index].len()),
        ..error
    })
}

fn time_zone(text: &str) -> Result<(), FormatError> {
    let database = jiff::tz::db();
    if database.get(text).is_ok() {
        return Ok(());
    }
    let known: Vec<String> = database.available().map(|name| name.to_string()).collect();
    let help = match suggest::closest(text, known.iter().map(String::as_str)) {
        Some(meant) => format!("did you mean `{meant}`?"),
        None => "write an IANA name, like `UTC` or `Europe/Vienna`".into(),
    };
    Err(FormatError::new("is not a time zone", "not in the time zone database").help(help))
}

fn query(text: &str, known_names: &KnownNames) -> Result<(), FormatError> {
    let parsed = Query::parse(text, Semantics::default());
    match parsed.and_then(|query| check_query(&query, known_names)) {
        Ok(()) => Ok(()),
        Err(error) => {
            let format_error = FormatError::new("is not a valid query", error.message);
            let word = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | ':');
            let part = error.offset.map(|offset| {
                let rest = text.get(offset..).unwrap_or_default();
                let length = rest.find(|c| !word(c)).unwrap_or(rest.len()).max(1);
                offset..offset + length
            });
            Err(FormatError {
                help: error.help,
                part,
                ..format_error
            })
        }
    }
}

/// Checks that a query has a truth value and refers to known names.
fn check_query(query: &Query, known_names: &KnownNames) -> Result<(), QueryError> {
    let answer = match query.answers() {
        AnswerKind::Scalar | AnswerKind::Vector => None,
        AnswerKind::Ranges => Some("ranges of samples"),
        AnswerKind::Text => Some("a string"),
    };
    if let Some(answer) = answer {
        let message = format!("the query returns {answer}");
        let help = "for example `sum(scheduler_runs_active) <= 5`";
        return Err(QueryError::whole(message).help(help.to_owned()));
    }
    if query.is_test() {
        let message = "a comparison with `bool` returns a sample whether it holds or not";
        return Err(QueryError::whole(message).help("remove `bool`".to_owned()));
    }
    known_names.check(query)
}

fn slug(text: &str) -> Result<(), FormatError> {
    if is_slug(text) {
        return Ok(());
    }
    Err(FormatError::new("is not a valid name", "not a valid name")
        .help("write lower-case letters, digits and single hyphens between them, like `my-night`"))
}

/// Whether a text is lower-case letters and digits with single hyphens between, 64 bytes or less.
pub fn is_slug(text: &str) -> bool {
    let fits = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
    text.len() <= 64
        && text
            .split('-')
            .all(|word| !word.is_empty() && word.bytes().all(fits))
}

fn identifier(text: &str) -> Result<(), FormatError> {
    let fits = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'_' | b'-');
    if text.starts_with(|c: char| c.is_ascii_alphanumeric()) && text.bytes().all(fits) {
        return Ok(());
    }
    Err(
        FormatError::new("is not an identifier", "not an identifier")
            .help("write letters, digits and `.` `_` `-`, starting with a letter or digit"),
    )
}

fn image_digest(text: &str) -> Result<(), FormatError> {
    match text.parse::<ImageDigest>() {
        Ok(_) => Ok(()),
        Err(_) => Err(FormatError::new("is not an image digest", "not a digest")
            .help("write `sha256:` and 64 hexadecimal digits")),
    }
}
