//! Parsed TOML document: every key and value has a span in its source text.

mod diagnostic;
mod key_path;
pub mod overrides;

use std::collections::BTreeMap;
use std::ops::Range;

use toml::de::{DeTable, DeValue};

pub use diagnostic::{Diagnostic, Diagnostics, SourceText};
pub use key_path::{KeyPath, PathSegment};

/// Maximum nesting of tables and arrays. The format itself needs six levels.
const DEPTH_MAX: usize = 32;

/// Byte range in a source text: the file (source 0), or one of the overrides after it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct SourceSpan {
    /// Index of the source text.
    pub source: usize,
    /// Offset of the first byte.
    pub start: usize,
    /// Offset after the last byte.
    pub end: usize,
}

impl SourceSpan {
    fn new(source: usize, span: Range<usize>) -> Self {
        Self {
            source,
            start: span.start,
            end: span.end,
        }
    }
}

/// Value of a document with its span.
#[derive(Clone, Debug)]
pub struct Node {
    /// Parsed value.
    pub value: NodeValue,
    /// Span of the value; for a table, of its header or braces.
    pub span: SourceSpan,
}

/// Parsed TOML value.
#[derive(Clone, Debug)]
pub enum NodeValue {
    /// String without its quotes.
    String(String),
    /// Integer in 64 bits.
    Integer(i64),
    /// Finite floating-point number.
    Float(f64),
    /// Literal `true` or `false`.
    Boolean(bool),
    /// Date, time, or both, as written.
    Datetime(String),
    /// List of values.
    Array(Vec<Node>),
    /// Table of keys and values.
    Table(NodeTable),
}

/// Keys of a table with their entries.
pub type NodeTable = BTreeMap<String, TableEntry>;

/// Entry of a table: the span of its key, and its value.
#[derive(Clone, Debug)]
pub struct TableEntry {
    /// Span of the key.
    pub key: SourceSpan,
    /// Value of the key.
    pub node: Node,
}

impl Node {
    /// Parses a document. Spans refer to the source text with index `source`.
    pub fn parse(text: &str, source: usize) -> Result<Self, Vec<Diagnostic>> {
        let (table, errors) = DeTable::parse_recoverable(text);
        let mut diagnostics: Vec<Diagnostic> = errors
            .iter()
            .map(|error| syntax_error(error, text, source))
            .collect();
        let span = SourceSpan::new(source, table.span());
        let value = read_table(table.get_ref(), source, 0, &mut diagnostics);
        if diagnostics.is_empty() {
            Ok(Self { value, span })
        } else {
            Err(diagnostics)
        }
    }

    /// Converts to a value of the `toml` crate.
    pub fn to_toml(&self) -> toml::Value {
        match &self.value {
            NodeValue::String(text) | NodeValue::Datetime(text) => {
                toml::Value::String(text.clone())
            }
            NodeValue::Integer(number) => toml::Value::Integer(*number),
            NodeValue::Float(number) => toml::Value::Float(*number),
            NodeValue::Boolean(boolean) => toml::Value::Boolean(*boolean),
            NodeValue::Array(nodes) => {
                toml::Value::Array(nodes.iter().map(Self::to_toml).collect())
            }
            NodeValue::Table(table) => toml::Value::Table(
                table
                    .iter()
                    .map(|(key, entry)| (key.clone(), entry.node.to_toml()))
                    .collect(),
            ),
        }
    }

    /// Span of the value at `path`, or of its nearest existing ancestor.
    pub fn span_of(&self, path: &KeyPath) -> SourceSpan {
        self.find(path.segments()).span.clone()
    }

    /// Value at the end of the path, or its nearest existing ancestor.
    fn find(&self, segments: &[PathSegment]) -> &Self {
        let mut node = self;
        for segment in segments {
            let next = match (&node.value, segment) {
                (NodeValue::Table(table), PathSegment::Key(key)) => {
                    table.get(key).map(|entry| &entry.node)
                }
                (NodeValue::Array(nodes), PathSegment::Index(index)) => nodes.get(*index),
                _ => None,
            };
            match next {
                Some(next) => node = next,
                None => break,
            }
        }
        node
    }

    /// Span of the last key of `path`, or of the nearest existing ancestor of its value.
    pub fn key_span_of(&self, path: &KeyPath) -> SourceSpan {
        if let [parents @ .., PathSegment::Key(key)] = path.segments()
            && let NodeValue::Table(table) = &self.find(parents).value
            && let Some(entry) = table.get(key)
        {
            return entry.key.clone();
        }
        self.span_of(path)
    }

    /// Type of the value, as named in messages.
    pub fn kind(&self) -> &'static str {
        match self.value {
            NodeValue::String(_) => "a string",
            NodeValue::Integer(_) => "a whole number",
            NodeValue::Float(_) => "a number with a decimal point",
            NodeValue::Boolean(_) => "true or false",
            NodeValue::Datetime(_) => "a date or time",
            NodeValue::Array(_) => "a list",
            NodeValue::Table(_) => "a table",
        }
    }
}

fn syntax_error(error: &toml::de::Error, text: &str, source: usize) -> Diagnostic {
    let span = SourceSpan::new(source, error.span().unwrap_or(text.len()..text.len()));
    Diagnostic::new("invalid TOML").at(span, error.message())
}

fn read_table(
    table: &DeTable<'_>,
    source: usize,
    depth: usize,
    diagnostics: &mut Vec<Diagnostic>,
) -> NodeValue {
    let mut entries = NodeTable::new();
    for (key, value) in table {
        let node = Node {
            value: read_value(
                value.get_ref(),
                &SourceSpan::new(source, value.span()),
                depth,
                diagnostics,
            ),
            span: SourceSpan::new(source, value.span()),
        };
        let key_span = SourceSpan::new(source, key.span());
        entries.insert(
            key.get_ref().to_string(),
            TableEntry {
                key: key_span,
                node,
            },
        );
    }
    NodeValue::Table(entries)
}

fn read_value(
    value: &DeValue<'_>,
    span: &SourceSpan,
    depth: usize,
    diagnostics: &mut Vec<Diagnostic>,
) -> NodeValue {
    if depth > DEPTH_MAX {
        diagnostics.push(
            Diagnostic::new("values are nested too deep")
                .at(span.clone(), format!("maximum {DEPTH_MAX} levels")),
        );
        return NodeValue::Boolean(false);
    }
    match value {
        DeValue::String(text) => NodeValue::String(text.to_string()),
        DeValue::Boolean(boolean) => NodeValue::Boolean(*boolean),
        DeValue::Datetime(datetime) => NodeValue::Datetime(datetime.to_string()),
        DeValue::Integer(integer) => {
            let digits = integer.as_str().replace('_', "");
            NodeValue::Integer(
                i64::from_str_radix(&digits, integer.radix()).unwrap_or_else(|_| {
                    let label = "expected -2^63 to 2^63 - 1";
                    diagnostics.push(
                        Diagnostic::new("the integer is out of range").at(span.clone(), label),
                    );
                    0
                }),
            )
        }
        DeValue::Float(float) => NodeValue::Float(read_float(float.as_str(), span, diagnostics)),
        DeValue::Array(values) => NodeValue::Array(
            values
                .iter()
                .map(|value| {
                    let span = SourceSpan::new(span.source, value.span());
                    let value = read_value(value.get_ref(), &span, depth + 1, diagnostics);
                    Node { value, span }
                })
                .collect(),
        ),
        DeValue::Table(table) => read_table(table, span.source, depth + 1, diagnostics),
    }
}

fn read_float(text: &str, span: &SourceSpan, diagnostics: &mut Vec<Diagnostic>) -> f64 {
    match text.replace('_', "").parse::<f64>() {
        Ok(number) if number.is_finite() => number,
        _ => {
            let label = "expected a finite number";
            diagnostics.push(Diagnostic::new("the number is not finite").at(span.clone(), label));
            0.0
        }
    }
}
