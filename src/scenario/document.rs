//! A parsed TOML document in which every key and value knows its place in its source.

use std::collections::BTreeMap;
use std::ops::Range;

use toml::de::{DeTable, DeValue};

use super::problem::Problem;

/// Tables and arrays may nest so deep and no deeper; the format itself needs six levels.
const DEPTH_MAX: usize = 32;

/// A stretch of one of the sources: the file (0), or one of the overrides after it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Place {
    /// Which source.
    pub source: usize,
    /// The first byte.
    pub start: usize,
    /// The byte after the last.
    pub end: usize,
}

impl Place {
    fn new(source: usize, span: Range<usize>) -> Self {
        Self {
            source,
            start: span.start,
            end: span.end,
        }
    }
}

/// A value with its place.
#[derive(Clone, Debug)]
pub struct Node {
    /// What it is.
    pub value: Value,
    /// Where it stands; of a table the header or the braces.
    pub place: Place,
}

/// What a TOML value can be.
#[derive(Clone, Debug)]
pub enum Value {
    /// Text.
    String(String),
    /// A whole number.
    Integer(i64),
    /// Any other number.
    Float(f64),
    /// True or false.
    Boolean(bool),
    /// A date, a time, or both, as written.
    Datetime(String),
    /// Several values.
    Array(Vec<Node>),
    /// Keys with values.
    Table(Table),
}

/// Keys with values.
pub type Table = BTreeMap<String, Entry>;

/// A key's place, and its value.
#[derive(Clone, Debug)]
pub struct Entry {
    /// Where the key stands.
    pub key: Place,
    /// The value.
    pub node: Node,
}

/// One step from a value into another.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Step {
    Key(String),
    Index(usize),
}

/// The way from the document's root to a value, as in `schedule[2].limits.maxJobs`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Path(Vec<Step>);

impl Path {
    /// The document itself.
    pub fn root() -> Self {
        Self::default()
    }

    /// The value of a key.
    #[must_use]
    pub fn key(&self, key: &str) -> Self {
        self.step(Step::Key(key.to_owned()))
    }

    /// An element of an array, counted from 0.
    #[must_use]
    pub fn index(&self, index: usize) -> Self {
        self.step(Step::Index(index))
    }

    fn step(&self, step: Step) -> Self {
        let mut steps = self.0.clone();
        steps.push(step);
        Self(steps)
    }
}

impl Node {
    /// Parses a document; `source` is the number that its places bear.
    pub fn parse(text: &str, source: usize) -> Result<Self, Vec<Problem>> {
        let (table, errors) = DeTable::parse_recoverable(text);
        let mut problems: Vec<Problem> = errors
            .iter()
            .map(|error| syntax_problem(error, text, source))
            .collect();
        let place = Place::new(source, table.span());
        let value = read_table(table.get_ref(), source, 0, &mut problems);
        if problems.is_empty() {
            Ok(Self { value, place })
        } else {
            Err(problems)
        }
    }

    /// The value as `toml` and serde know it.
    pub fn to_toml(&self) -> toml::Value {
        match &self.value {
            Value::String(text) | Value::Datetime(text) => toml::Value::String(text.clone()),
            Value::Integer(number) => toml::Value::Integer(*number),
            Value::Float(number) => toml::Value::Float(*number),
            Value::Boolean(boolean) => toml::Value::Boolean(*boolean),
            Value::Array(nodes) => toml::Value::Array(nodes.iter().map(Self::to_toml).collect()),
            Value::Table(table) => toml::Value::Table(
                table
                    .iter()
                    .map(|(key, entry)| (key.clone(), entry.node.to_toml()))
                    .collect(),
            ),
        }
    }

    /// The place of the value at the end of `path`, or of the nearest value on the way to it.
    pub fn place_of(&self, path: &Path) -> Place {
        self.find(&path.0).place.clone()
    }

    /// The value after these steps, or the nearest on the way.
    fn find(&self, steps: &[Step]) -> &Self {
        let mut node = self;
        for step in steps {
            let next = match (&node.value, step) {
                (Value::Table(table), Step::Key(key)) => table.get(key).map(|entry| &entry.node),
                (Value::Array(nodes), Step::Index(index)) => nodes.get(*index),
                _ => None,
            };
            match next {
                Some(next) => node = next,
                None => break,
            }
        }
        node
    }

    /// The place of the key at the end of `path`, or of the nearest value on the way to it.
    pub fn place_of_key(&self, path: &Path) -> Place {
        if let [parents @ .., Step::Key(key)] = path.0.as_slice()
            && let Value::Table(table) = &self.find(parents).value
            && let Some(entry) = table.get(key)
        {
            return entry.key.clone();
        }
        self.place_of(path)
    }

    /// What kind of value it is, for people.
    pub fn kind(&self) -> &'static str {
        match self.value {
            Value::String(_) => "text",
            Value::Integer(_) => "a whole number",
            Value::Float(_) => "a number with a point",
            Value::Boolean(_) => "true or false",
            Value::Datetime(_) => "a date or time",
            Value::Array(_) => "a list",
            Value::Table(_) => "a table",
        }
    }
}

fn syntax_problem(error: &toml::de::Error, text: &str, source: usize) -> Problem {
    let place = Place::new(source, error.span().unwrap_or(text.len()..text.len()));
    Problem::new("this is not TOML").at(place, error.message())
}

fn read_table(
    table: &DeTable<'_>,
    source: usize,
    depth: usize,
    problems: &mut Vec<Problem>,
) -> Value {
    let mut entries = Table::new();
    for (key, value) in table {
        let node = Node {
            value: read_value(
                value.get_ref(),
                &Place::new(source, value.span()),
                depth,
                problems,
            ),
            place: Place::new(source, value.span()),
        };
        let key_place = Place::new(source, key.span());
        entries.insert(
            key.get_ref().to_string(),
            Entry {
                key: key_place,
                node,
            },
        );
    }
    Value::Table(entries)
}

fn read_value(
    value: &DeValue<'_>,
    place: &Place,
    depth: usize,
    problems: &mut Vec<Problem>,
) -> Value {
    if depth > DEPTH_MAX {
        problems.push(Problem::new("values are nested too deep").at(place.clone(), "here"));
        return Value::Boolean(false);
    }
    match value {
        DeValue::String(text) => Value::String(text.to_string()),
        DeValue::Boolean(boolean) => Value::Boolean(*boolean),
        DeValue::Datetime(datetime) => Value::Datetime(datetime.to_string()),
        DeValue::Integer(integer) => {
            let digits = integer.as_str().replace('_', "");
            Value::Integer(
                i64::from_str_radix(&digits, integer.radix()).unwrap_or_else(|_| {
                    let label = "whole numbers go from -2^63 to 2^63 - 1";
                    problems.push(Problem::new("the number is too large").at(place.clone(), label));
                    0
                }),
            )
        }
        DeValue::Float(float) => Value::Float(read_float(float.as_str(), place, problems)),
        DeValue::Array(values) => Value::Array(
            values
                .iter()
                .map(|value| {
                    let place = Place::new(place.source, value.span());
                    let value = read_value(value.get_ref(), &place, depth + 1, problems);
                    Node { value, place }
                })
                .collect(),
        ),
        DeValue::Table(table) => read_table(table, place.source, depth + 1, problems),
    }
}

fn read_float(text: &str, place: &Place, problems: &mut Vec<Problem>) -> f64 {
    match text.replace('_', "").parse::<f64>() {
        Ok(number) if number.is_finite() => number,
        _ => {
            let label = "must be an ordinary number";
            problems.push(Problem::new("the number is not finite").at(place.clone(), label));
            0.0
        }
    }
}
