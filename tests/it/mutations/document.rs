//! Documents of any format as trees, which are rendered even if no parser accepts the result.

use std::fmt;
use std::io::Write;

use flate2::Compression;
use flate2::write::GzEncoder;
use serde::de::{Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};

/// Format of a document.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    Toml,
    /// Rendered as JSON, of which YAML is a superset.
    Yaml,
    Json,
    /// JSON, packed.
    Gzip,
    /// One JSON document per line.
    JsonLines,
    /// Lines without a structure.
    Lines,
}

/// Value in a document.
#[derive(Clone, Debug, PartialEq)]
pub enum Node {
    /// Number, date, `true`, or whatever is written without quotes.
    Bare(String),
    Text(String),
    List(Vec<Node>),
    /// Keys may be repeated.
    Table(Vec<(String, Node)>),
}

/// Parsed document.
#[derive(Clone, Debug)]
pub struct Document {
    pub format: Format,
    pub root: Node,
}

impl Document {
    /// Parses a valid document.
    pub fn parse(format: Format, text: &str) -> Self {
        let json = |text: &str| serde_json::from_str(text).unwrap();
        let root = match format {
            Format::Toml => toml::from_str(text).unwrap(),
            Format::Yaml => serde_saphyr::from_str(text).unwrap(),
            Format::Json | Format::Gzip => json(text),
            Format::JsonLines => Node::List(text.lines().map(json).collect()),
            Format::Lines => {
                let lines = text.lines().map(str::to_owned);
                Node::List(lines.map(Node::Bare).collect())
            }
        };
        Self { format, root }
    }

    /// Text of the document.
    pub fn render(&self) -> Vec<u8> {
        let text = match (self.format, &self.root) {
            (Format::Toml, Node::Table(entries)) => {
                let line = |(key, node): &(String, Node)| {
                    format!("{} = {}\n", quoted(key), node.render(" = "))
                };
                entries.iter().map(line).collect()
            }
            (Format::JsonLines | Format::Lines, Node::List(lines)) => {
                let line = |node: &Node| node.render(":") + "\n";
                lines.iter().map(line).collect()
            }
            (_, root) => root.render(":"),
        };
        text.into_bytes()
    }
}

impl Format {
    /// The bytes of a file with this text.
    pub fn pack(self, text: Vec<u8>) -> Vec<u8> {
        if self != Self::Gzip {
            return text;
        }
        let mut packed = GzEncoder::new(Vec::new(), Compression::fast());
        packed.write_all(&text).unwrap();
        packed.finish().unwrap()
    }
}

impl<'de> Deserialize<'de> for Node {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(NodeVisitor)
    }
}

/// Reader of any value; keys keep their order.
struct NodeVisitor;

impl<'de> Visitor<'de> for NodeVisitor {
    type Value = Node;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a value")
    }

    fn visit_unit<E>(self) -> Result<Node, E> {
        Ok(Node::Bare("null".to_owned()))
    }

    fn visit_bool<E>(self, value: bool) -> Result<Node, E> {
        Ok(Node::Bare(value.to_string()))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Node, E> {
        Ok(Node::Bare(value.to_string()))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Node, E> {
        Ok(Node::Bare(value.to_string()))
    }

    fn visit_f64<E>(self, value: f64) -> Result<Node, E> {
        Ok(Node::Bare(format!("{value:?}")))
    }

    fn visit_str<E>(self, value: &str) -> Result<Node, E> {
        Ok(Node::Text(value.to_owned()))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut sequence: A) -> Result<Node, A::Error> {
        let mut items = Vec::new();
        while let Some(item) = sequence.next_element()? {
            items.push(item);
        }
        Ok(Node::List(items))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Node, A::Error> {
        let mut entries: Vec<(String, Node)> = Vec::new();
        while let Some(entry) = map.next_entry()? {
            entries.push(entry);
        }
        // The form in which the TOML parser hands out a date.
        Ok(match &entries[..] {
            [(key, Node::Text(date))] if key.starts_with("$__toml") => Node::Bare(date.clone()),
            _ => Node::Table(entries),
        })
    }
}

fn quoted(text: &str) -> String {
    serde_json::to_string(text).unwrap()
}

impl Node {
    /// Text on one line, with `equals` between a key and its value.
    fn render(&self, equals: &str) -> String {
        match self {
            Self::Bare(text) => text.clone(),
            Self::Text(text) => quoted(text),
            Self::List(items) => {
                let items: Vec<String> = items.iter().map(|item| item.render(equals)).collect();
                format!("[{}]", items.join(","))
            }
            Self::Table(entries) => {
                let entry = |(key, node): &(String, Self)| {
                    format!("{}{equals}{}", quoted(key), node.render(equals))
                };
                let entries: Vec<String> = entries.iter().map(entry).collect();
                format!("{{{}}}", entries.join(","))
            }
        }
    }

    /// Number of values in this one, itself included.
    pub fn count(&self) -> usize {
        let children: usize = match self {
            Self::Bare(_) | Self::Text(_) => 0,
            Self::List(items) => items.iter().map(Self::count).sum(),
            Self::Table(entries) => entries.iter().map(|(_, node)| node.count()).sum(),
        };
        1 + children
    }

    /// The value with this number, counted from 0 with this one.
    pub fn nth(&mut self, number: usize) -> &mut Self {
        if number == 0 {
            return self;
        }
        let (parent, index) = self.parent_of_nth(number);
        match parent {
            Self::List(items) => &mut items[index],
            Self::Table(entries) => &mut entries[index].1,
            Self::Bare(_) | Self::Text(_) => unreachable!("it has a child"),
        }
    }

    /// The parent of the value with this number, above 0, and the index in it.
    pub fn parent_of_nth(&mut self, number: usize) -> (&mut Self, usize) {
        let mut rest = number - 1;
        let children: Vec<usize> = match self {
            Self::List(items) => items.iter().map(Self::count).collect(),
            Self::Table(entries) => entries.iter().map(|(_, node)| node.count()).collect(),
            Self::Bare(_) | Self::Text(_) => Vec::new(),
        };
        for (index, count) in children.into_iter().enumerate() {
            if rest == 0 {
                return (self, index);
            }
            if rest < count {
                return match self {
                    Self::List(items) => items[index].parent_of_nth(rest),
                    Self::Table(entries) => entries[index].1.parent_of_nth(rest),
                    Self::Bare(_) | Self::Text(_) => unreachable!("it has a child"),
                };
            }
            rest -= count;
        }
        unreachable!("there are fewer than {number} values")
    }
}
