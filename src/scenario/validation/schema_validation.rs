//! Validation of a document against the JSON Schema, with all errors.
//!
//! The schema is generated from the types, so one walk over it covers every key, range and keyword
//! of the format. A deserializer would stop at the first error. A general JSON Schema validator
//! knows no spans and words its errors for schema authors. The walk implements the subset of JSON
//! Schema that the types generate; a test compares it with an independent validator.

mod value_kind;

use serde_json::{Map, Value as Json};

use super::{KnownNames, formats};
use crate::promql::suggest;
use crate::scenario::document::{Diagnostic, Node, NodeTable, NodeValue, TableEntry};
use rehearsal_convert::Nearest;

/// Reports everything in `node` that does not conform to `schema`.
pub fn check(schema: &Json, node: &Node, known_names: &KnownNames) -> Vec<Diagnostic> {
    let mut walk = SchemaValidator {
        root: schema,
        known_names,
        diagnostics: Vec::new(),
    };
    walk.value(schema, node, "the scenario");
    walk.diagnostics
}

struct SchemaValidator<'a> {
    root: &'a Json,
    known_names: &'a KnownNames,
    diagnostics: Vec<Diagnostic>,
}

impl<'a> SchemaValidator<'a> {
    /// Checks a value; `name` is its name in messages.
    fn value(&mut self, schema: &'a Json, node: &Node, name: &str) {
        let schema = self.resolve(schema);
        if let Some(branches) = array(schema, "anyOf") {
            let fitting = branches.iter().find(|branch| self.takes(branch, node));
            return match fitting {
                Some(branch) => self.value(branch, node, name),
                None => self.wrong_type(branches, node, name),
            };
        }
        if let Some(words) = Self::words(schema) {
            return self.word(&words, node, name);
        }
        if !self.takes(schema, node) {
            return self.wrong_type(std::slice::from_ref(schema), node, name);
        }
        match &node.value {
            NodeValue::String(text) | NodeValue::Datetime(text) => {
                self.text(schema, text, node, name);
            }
            NodeValue::Integer(number) => self.number(schema, (*number).nearest_f64(), node, name),
            NodeValue::Float(number) => self.number(schema, *number, node, name),
            NodeValue::Array(nodes) => self.array(schema, nodes, node, name),
            NodeValue::Table(table) => self.table(schema, table, node, name),
            NodeValue::Boolean(_) => {}
        }
    }

    /// Follows references within the schema.
    fn resolve(&self, mut schema: &'a Json) -> &'a Json {
        while let Some(pointer) = schema.get("$ref").and_then(Json::as_str) {
            match self.root.pointer(pointer.trim_start_matches('#')) {
                Some(target) => schema = target,
                None => break,
            }
        }
        schema
    }

    /// Whether a schema accepts values of this type.
    fn takes(&self, schema: &'a Json, node: &Node) -> bool {
        let types = self.types(schema);
        types.is_empty() || types.iter().any(|name| value_kind::fits(name, &node.value))
    }

    /// JSON types that a schema accepts.
    fn types(&self, schema: &'a Json) -> Vec<&'a str> {
        let schema = self.resolve(schema);
        if let Some(name) = schema.get("type").and_then(Json::as_str) {
            // A date is written without quotes in TOML.
            let dated = matches!(text_of(schema, "format"), Some("date-time" | "date"));
            return if dated {
                vec![name, "datetime"]
            } else {
                vec![name]
            };
        }
        let branches = array(schema, "anyOf").or_else(|| array(schema, "oneOf"));
        branches
            .into_iter()
            .flatten()
            .flat_map(|branch| self.types(branch))
            .collect()
    }

    /// Keywords that a schema accepts, if it is an enumeration.
    fn words(schema: &'a Json) -> Option<Vec<&'a str>> {
        if let Some(words) = array(schema, "enum") {
            return words.iter().map(Json::as_str).collect();
        }
        let branches = array(schema, "oneOf")?;
        let words = branches.iter().map(|branch| match array(branch, "enum") {
            Some(words) => words.iter().map(Json::as_str).collect(),
            None => text_of(branch, "const").map(|word| vec![word]),
        });
        words
            .collect::<Option<Vec<Vec<&str>>>>()
            .map(|words| words.concat())
    }

    fn word(&mut self, words: &[&str], node: &Node, name: &str) {
        let diagnostic = match &node.value {
            NodeValue::String(text) if words.contains(&text.as_str()) => return,
            NodeValue::String(text) => {
                Diagnostic::new(format!("`{text}` is not a value of {name}"))
                    .at(node.span.clone(), "unknown value")
                    .maybe_help(suggest::remedy(text, words.iter().copied()))
            }
            _ => Diagnostic::new(format!("{name} has the wrong type"))
                .at(
                    node.span.clone(),
                    format!("expected a keyword, found {}", node.kind()),
                )
                .help(format!("known are `{}`", words.join("`, `"))),
        };
        self.diagnostics.push(diagnostic);
    }

    fn wrong_type(&mut self, branches: &'a [Json], node: &Node, name: &str) {
        let mut expected: Vec<&str> = Vec::new();
        for word in branches.iter().flat_map(|branch| self.expected(branch)) {
            if !expected.contains(&word) {
                expected.push(word);
            }
        }
        let label = format!("expected {}, found {}", expected.join(" or "), node.kind());
        let help = value_kind::help(&expected, node, name);
        self.diagnostics.push(
            Diagnostic::new(format!("{name} has the wrong type"))
                .at(node.span.clone(), label)
                .maybe_help(help),
        );
    }

    /// Types that a schema accepts, as named in messages.
    fn expected(&self, schema: &'a Json) -> Vec<&'static str> {
        let resolved = self.resolve(schema);
        if text_of(resolved, "format") == Some("duration-text") {
            return vec!["a duration"];
        }
        let types = self.types(schema);
        types
            .iter()
            .filter(|name| **name != "datetime")
            .map(|name| value_kind::in_words(name))
            .collect()
    }

    fn text(&mut self, schema: &'a Json, text: &str, node: &Node, name: &str) {
        if let Err(error) = formats::check(schema, text, self.known_names) {
            let mut span = node.span.clone();
            if let Some(part) = error.part {
                // Past the opening quote. Escapes would shift it, but no format needs them.
                let start = span.start + 1;
                span.end = (start + part.end).min(span.end);
                span.start = (start + part.start).min(span.end);
            }
            let diagnostic = Diagnostic::new(format!("{name} {}", error.title));
            self.diagnostics
                .push(diagnostic.at(span, error.label).maybe_help(error.help));
        }
    }

    fn number(&mut self, schema: &'a Json, number: f64, node: &Node, name: &str) {
        let bound = |key| schema.get(key).and_then(Json::as_f64);
        let shown = |key| schema.get(key).map(Json::to_string).unwrap_or_default();
        let (least, most) = (bound("minimum"), bound("maximum"));
        let above = bound("exclusiveMinimum");
        let outside = least.is_some_and(|least| number < least)
            || most.is_some_and(|most| number > most)
            || above.is_some_and(|above| number <= above);
        if outside {
            let range = match (least, above, most) {
                (Some(_), _, Some(_)) => {
                    format!("from {} to {}", shown("minimum"), shown("maximum"))
                }
                (Some(_), _, None) => format!("{} or more", shown("minimum")),
                (None, Some(_), _) => format!("more than {}", shown("exclusiveMinimum")),
                (None, None, _) => format!("{} or less", shown("maximum")),
            };
            self.diagnostics.push(
                Diagnostic::new(format!("{name} is out of range"))
                    .at(node.span.clone(), format!("must be {range}")),
            );
        }
    }

    fn array(&mut self, schema: &'a Json, nodes: &[Node], node: &Node, name: &str) {
        if nodes.is_empty() && schema.get("minItems").and_then(Json::as_u64) > Some(0) {
            let diagnostic = Diagnostic::new(format!("{name} is empty"));
            self.diagnostics
                .push(diagnostic.at(node.span.clone(), "must have at least one element"));
        }
        if let Some(items) = schema.get("items") {
            let tables = self.types(items).contains(&"object");
            for element in nodes {
                // An element of `[[fault]]` is named `[[fault]]`.
                let element_name = if tables {
                    name.to_owned()
                } else {
                    format!("an element of {name}")
                };
                self.value(items, element, &element_name);
            }
        }
    }

    fn table(&mut self, schema: &'a Json, table: &NodeTable, node: &Node, name: &str) {
        let Some(shape) = self.shape(schema, table, node) else {
            return;
        };
        for (key, entry) in table {
            match shape.property(key) {
                Some(property) => self.value(property, &entry.node, &format!("`{key}`")),
                None => match schema
                    .get("additionalProperties")
                    .filter(|value| value.is_object())
                {
                    Some(any) => self.value(any, &entry.node, &format!("`{key}`")),
                    None => self.unknown_key(&shape, key, entry, name),
                },
            }
        }
        for key in shape
            .required
            .iter()
            .filter(|key| !table.contains_key(**key))
        {
            self.diagnostics.push(
                Diagnostic::new(format!("`{key}` is missing"))
                    .at(node.span.clone(), format!("needs `{key}`"))
                    .maybe_help(shape.example(key)),
            );
        }
    }

    /// Keys that a table may have: its own, and those of the variant that its tag selects.
    fn shape(
        &mut self,
        schema: &'a Json,
        table: &NodeTable,
        node: &Node,
    ) -> Option<TableSchema<'a>> {
        let mut shape = TableSchema::default();
        shape.add(schema);
        if let Some(variants) = array(schema, "oneOf") {
            let (tag, words) = tag_of(variants)?;
            let Some(entry) = table.get(tag) else {
                self.diagnostics.push(
                    Diagnostic::new(format!("`{tag}` is missing"))
                        .at(node.span.clone(), format!("needs `{tag}`"))
                        .help(format!("known are `{}`", words.join("`, `"))),
                );
                return None;
            };
            self.word(&words, &entry.node, &format!("`{tag}`"));
            let NodeValue::String(word) = &entry.node.value else {
                return None;
            };
            let variant = words.iter().position(|known| known == word)?;
            shape.add(&variants[variant]);
            shape.variant = Some((tag, words[variant]));
        }
        Some(shape)
    }

    fn unknown_key(&mut self, shape: &TableSchema<'a>, key: &str, entry: &TableEntry, name: &str) {
        let context = shape.variant.map_or_else(
            || name.to_owned(),
            |(tag, word)| format!("{name} with `{tag} = \"{word}\"`"),
        );
        let help = match self.nested_home(shape, key) {
            Some(home) => Some(format!("did you mean `{home}.{key}`?")),
            None => suggest::remedy(key, shape.keys()),
        };
        self.diagnostics.push(
            Diagnostic::new(format!("unknown key `{key}` in {context}"))
                .at(entry.key.clone(), "not a key of this table")
                .maybe_help(help),
        );
    }

    /// Key of this table whose nested table has `key`.
    fn nested_home(&self, shape: &TableSchema<'a>, key: &str) -> Option<&'a str> {
        let mut properties = shape
            .properties
            .iter()
            .flat_map(|properties| properties.iter());
        properties
            .find(|(_, schema)| {
                let schema = self.resolve(schema);
                schema
                    .get("properties")
                    .and_then(|inner| inner.get(key))
                    .is_some()
            })
            .map(|(home, _)| home.as_str())
    }
}

/// Schema of a table: its keys, and the variant that its tag selects.
#[derive(Default)]
struct TableSchema<'a> {
    properties: Vec<&'a Map<String, Json>>,
    required: Vec<&'a str>,
    variant: Option<(&'a str, &'a str)>,
}

impl<'a> TableSchema<'a> {
    fn add(&mut self, schema: &'a Json) {
        self.properties
            .extend(schema.get("properties").and_then(Json::as_object));
        let required = array(schema, "required").into_iter().flatten();
        self.required.extend(required.filter_map(Json::as_str));
    }

    fn property(&self, key: &str) -> Option<&'a Json> {
        self.properties
            .iter()
            .find_map(|properties| properties.get(key))
    }

    fn keys(&self) -> impl Iterator<Item = &'a str> + Clone {
        let properties = self.properties.clone();
        properties
            .into_iter()
            .flat_map(|properties| properties.keys().map(String::as_str))
    }

    /// Description of a missing key, as help.
    fn example(&self, key: &str) -> Option<String> {
        let description = text_of(self.property(key)?, "description")?;
        Some(format!("`{key}`: {description}"))
    }
}

/// Tag key of an enumeration of tables, and the tag value of each variant.
fn tag_of(variants: &[Json]) -> Option<(&str, Vec<&str>)> {
    let first = variants.first()?.get("properties")?.as_object()?;
    let (tag, _) = first
        .iter()
        .find(|(_, schema)| schema.get("const").is_some())?;
    let words = variants
        .iter()
        .map(|variant| variant.get("properties")?.get(tag)?.get("const")?.as_str())
        .collect::<Option<Vec<&str>>>()?;
    Some((tag, words))
}

fn array<'a>(schema: &'a Json, key: &str) -> Option<&'a [Json]> {
    schema.get(key)?.as_array().map(Vec::as_slice)
}

fn text_of<'a>(schema: &'a Json, key: &str) -> Option<&'a str> {
    schema.get(key)?.as_str()
}
