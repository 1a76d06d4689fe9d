//! Rules files: parsing, checks, and errors with line numbers.

use std::collections::BTreeMap;
use std::fmt;

use promql_parser::util::parse_duration;
use serde::Deserialize;
use serde_saphyr::{Location, Spanned};

use super::template::Template;
use crate::{Query, Semantics};
use rehearsal_metrics::definition::check_label;

/// Label of an alert's name.
pub(super) const ALERT_NAME: &str = "alertname";

/// Parsed rules file.
#[derive(Clone, Debug)]
pub struct RuleFile {
    /// Path of the file, for messages.
    pub path: String,
    /// Groups in the order of the file.
    pub groups: Vec<RuleGroup>,
}

/// Group of rules that are evaluated in sequence.
#[derive(Clone, Debug)]
pub struct RuleGroup {
    /// Name, unique in the file.
    pub name: String,
    /// Evaluation interval, ms; `None` for the default.
    pub interval_ms: Option<i64>,
    /// Rules in the order of evaluation.
    pub rules: Vec<Rule>,
}

/// Recording or alerting rule.
#[derive(Clone, Debug)]
pub enum Rule {
    /// Rule whose vector becomes series of a new name.
    Record(RecordRule),
    /// Rule whose vector's samples are alerts.
    Alert(AlertRule),
}

/// Recording rule.
#[derive(Clone, Debug)]
pub struct RecordRule {
    /// Name of the recorded series.
    pub name: String,
    /// Query whose answer is recorded.
    pub query: Query,
    /// Labels added to the series.
    pub labels: Vec<(String, String)>,
}

/// Alerting rule.
#[derive(Clone, Debug)]
pub struct AlertRule {
    /// Name of the alerts.
    pub name: String,
    /// Query whose elements are alerts.
    pub query: Query,
    /// Delay before the alert fires (`for`), ms.
    pub for_ms: i64,
    /// Time for which the alert keeps firing (`keep_firing_for`), ms.
    pub keep_firing_for_ms: i64,
    /// Labels added to the alerts.
    pub labels: Vec<(String, Template)>,
    /// Annotations of the alerts, as templates.
    pub annotations: Vec<(String, Template)>,
}

/// Error of a rules file.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{path}{place}: {message}", place = LineNumber(*line))]
pub struct RuleFileError {
    /// Path of the file.
    pub path: String,
    /// Line, from 1; 0 if unknown.
    pub line: u64,
    /// Fault and remedy.
    pub message: String,
}

struct LineNumber(u64);

impl fmt::Display for LineNumber {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            0 => Ok(()),
            line => write!(formatter, ":{line}"),
        }
    }
}

impl Rule {
    /// Returns the query of the rule.
    pub fn query(&self) -> &Query {
        match self {
            Self::Record(rule) => &rule.query,
            Self::Alert(rule) => &rule.query,
        }
    }

    /// Name of the series or of the alerts.
    pub fn name(&self) -> &str {
        match self {
            Self::Record(rule) => &rule.name,
            Self::Alert(rule) => &rule.name,
        }
    }
}

impl RuleFile {
    /// Parses the text of a file. `path` is for messages.
    ///
    /// # Errors
    ///
    /// If it is invalid YAML or has unknown keys; if a query, duration, label or template is
    /// invalid or unsupported.
    pub fn parse(text: &str, path: &str, semantics: Semantics) -> Result<Self, RuleFileError> {
        let wrong = |line, message| RuleFileError {
            path: path.to_owned(),
            line,
            message,
        };
        let raw: RawFile = serde_saphyr::from_str(text).map_err(|error| {
            let line = error.location().as_ref().map_or(0, Location::line);
            // The following lines are a snippet of the file.
            let said = error.without_snippet().to_string();
            let message = said.lines().next().unwrap_or_default().to_owned();
            wrong(line, message)
        })?;
        let reader = RuleFileParser { semantics };
        let groups = raw.groups.iter().map(|group| reader.group(group));
        let groups = groups.collect::<Result<Vec<RuleGroup>, LineError>>();
        let groups = groups.map_err(|LineError { line, message }| wrong(line, message))?;
        let is_twice = |(index, group): &(usize, &RuleGroup)| {
            groups[..*index]
                .iter()
                .any(|other| other.name == group.name)
        };
        if let Some((index, group)) = groups.iter().enumerate().find(is_twice) {
            let message = format!("two groups are called `{}`", group.name);
            return Err(wrong(raw.groups[index].name.referenced.line(), message));
        }
        let path = path.to_owned();
        Ok(Self { path, groups })
    }

    /// All rules in the order of evaluation.
    pub fn rules(&self) -> impl Iterator<Item = &Rule> {
        self.groups.iter().flat_map(|group| &group.rules)
    }

    /// All alerting rules in the order of evaluation.
    pub fn alerts(&self) -> impl Iterator<Item = &AlertRule> {
        self.rules().filter_map(|rule| match rule {
            Rule::Alert(rule) => Some(rule),
            Rule::Record(_) => None,
        })
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawFile {
    groups: Vec<RawGroup>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawGroup {
    name: Spanned<String>,
    interval: Option<Spanned<String>>,
    #[serde(default)]
    rules: Vec<Spanned<RawRule>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawRule {
    record: Option<Spanned<String>>,
    alert: Option<Spanned<String>>,
    expr: Spanned<String>,
    #[serde(rename = "for")]
    lasting: Option<Spanned<String>>,
    keep_firing_for: Option<Spanned<String>>,
    #[serde(default)]
    labels: BTreeMap<String, Spanned<String>>,
    #[serde(default)]
    annotations: BTreeMap<String, Spanned<String>>,
}

/// Error with its line.
struct LineError {
    line: u64,
    message: String,
}

fn wrong<T>(node: &Spanned<T>, message: impl Into<String>) -> LineError {
    LineError {
        line: node.referenced.line(),
        message: message.into(),
    }
}

/// Converts raw rules to checked ones.
struct RuleFileParser {
    semantics: Semantics,
}

impl RuleFileParser {
    fn group(&self, raw: &RawGroup) -> Result<RuleGroup, LineError> {
        if raw.name.value.is_empty() {
            return Err(wrong(&raw.name, "a group needs a name"));
        }
        let interval_ms = raw.interval.as_ref().map(duration_ms).transpose()?;
        if let (Some(0), Some(interval)) = (interval_ms, &raw.interval) {
            return Err(wrong(interval, "the interval must be more than 0"));
        }
        let rules = raw.rules.iter().map(|rule| self.rule(rule));
        Ok(RuleGroup {
            name: raw.name.value.clone(),
            interval_ms,
            rules: rules.collect::<Result<_, _>>()?,
        })
    }

    fn rule(&self, node: &Spanned<RawRule>) -> Result<Rule, LineError> {
        let raw = &node.value;
        for name in raw.labels.keys().chain(raw.annotations.keys()) {
            check_label(name).map_err(|error| wrong(node, error.to_string()))?;
        }
        match (&raw.record, &raw.alert) {
            (Some(name), None) => self.record(raw, name).map(Rule::Record),
            (None, Some(name)) => self.alert(raw, name).map(Rule::Alert),
            (Some(_), Some(_)) => Err(wrong(node, "a rule has `record` or `alert`, not both")),
            (None, None) => Err(wrong(node, "a rule needs `record` or `alert`")),
        }
    }

    fn record(&self, raw: &RawRule, name: &Spanned<String>) -> Result<RecordRule, LineError> {
        let not_here = raw.lasting.as_ref().or(raw.keep_firing_for.as_ref());
        if let Some(node) = not_here.or(raw.annotations.values().next()) {
            let message = "`for`, `keep_firing_for` and `annotations` are for alerts only";
            return Err(wrong(node, message));
        }
        let is_first = |c: char| c.is_ascii_alphabetic() || "_:".contains(c);
        let is_rest = |c: char| is_first(c) || c.is_ascii_digit();
        if !name.value.starts_with(is_first) || !name.value.chars().all(is_rest) {
            let message = format!("`{}` can't be the name of a series", name.value);
            return Err(wrong(name, message));
        }
        let labels = raw.labels.iter();
        Ok(RecordRule {
            name: name.value.clone(),
            query: self.query(&raw.expr)?,
            labels: labels
                .map(|(name, value)| (name.clone(), value.value.clone()))
                .collect(),
        })
    }

    fn alert(&self, raw: &RawRule, name: &Spanned<String>) -> Result<AlertRule, LineError> {
        if name.value.is_empty() {
            return Err(wrong(name, "an alert needs a name"));
        }
        let optional = |node: &Option<Spanned<String>>| -> Result<i64, LineError> {
            node.as_ref().map_or(Ok(0), duration_ms)
        };
        Ok(AlertRule {
            name: name.value.clone(),
            query: self.query(&raw.expr)?,
            for_ms: optional(&raw.lasting)?,
            keep_firing_for_ms: optional(&raw.keep_firing_for)?,
            labels: templates(&raw.labels)?,
            annotations: templates(&raw.annotations)?,
        })
    }

    fn query(&self, node: &Spanned<String>) -> Result<Query, LineError> {
        Query::parse(&node.value, self.semantics).map_err(|error| wrong(node, error.to_string()))
    }
}

fn duration_ms(node: &Spanned<String>) -> Result<i64, LineError> {
    // Prometheus accepts a plain 0 as a duration.
    if node.value == "0" {
        return Ok(0);
    }
    // Numbers are no durations for Prometheus. The parser takes them for seconds, and panics if
    // they are negative or too large.
    let is_number = node.value.parse::<f64>().is_ok();
    let duration = match is_number {
        true => None,
        false => parse_duration(&node.value).ok(),
    };
    let duration = duration.ok_or_else(|| {
        let message = format!(
            "`{}` is no duration; write it like `90s` or `1h30m`",
            node.value
        );
        wrong(node, message)
    })?;
    Ok(i64::try_from(duration.as_millis()).unwrap_or(i64::MAX))
}

fn templates(
    raw: &BTreeMap<String, Spanned<String>>,
) -> Result<Vec<(String, Template)>, LineError> {
    let read = |(name, node): (&String, &Spanned<String>)| {
        let template = node.value.parse::<Template>();
        let template = template.map_err(|error| wrong(node, format!("in `{name}`: {error}")))?;
        Ok((name.clone(), template))
    };
    raw.iter().map(read).collect()
}
