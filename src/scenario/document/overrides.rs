//! Overrides `--set key=value`: values that replace those of the file.

use super::{Diagnostic, Node, NodeTable, NodeValue, SourceSpan, SourceText, TableEntry};
use crate::promql::suggest;

/// Applies an override to the document. Its spans refer to the source text with index `source`.
///
/// The key is dotted, as in TOML: `fleet.images`. An element of a list is named by its number from
/// 0 or by its `id` or `name`: `schedule.nightly.limits.parallelism`. The value is TOML; plain
/// text needs no quotes.
pub fn apply(document: &mut Node, text: &str, source: usize) -> (SourceText, Vec<Diagnostic>) {
    let (toml, parsed) = parse(text, source);
    let diagnostics = match parsed.and_then(|(keys, node)| put(document, &keys, node)) {
        Ok(()) => Vec::new(),
        Err(diagnostics) => diagnostics,
    };
    (
        SourceText {
            name: "--set".into(),
            text: toml,
        },
        diagnostics,
    )
}

/// Key of the dotted path, with its span.
type OverrideKey = (String, SourceSpan);

/// Dotted path of an override, and its value.
type ParsedOverride = (Vec<OverrideKey>, Node);

/// Parses `key=value`. Also returns the text that the spans refer to.
fn parse(text: &str, source: usize) -> (String, Result<ParsedOverride, Vec<Diagnostic>>) {
    let Some(equals) = position_of_equals(text) else {
        let span = SourceSpan {
            source,
            start: 0,
            end: text.len(),
        };
        let diagnostic = Diagnostic::new("an override must be `key=value`").at(span, "no `=`");
        let diagnostic = diagnostic.help("for example `--set fleet.images=100`");
        return (text.to_owned(), Err(vec![diagnostic]));
    };
    let (key, value) = (&text[..equals], text[equals + 1..].trim());
    let quoted = format!("{key}={}", toml::Value::from(value));
    let is_plain = !value.starts_with(['"', '\'', '[', '{']) && !value.is_empty();
    let (toml, document) = match Node::parse(text, source) {
        Err(_) if is_plain => (quoted.clone(), Node::parse(&quoted, source)),
        parsed => (text.to_owned(), parsed),
    };
    // The depth is that of the key alone: the value may be a table too.
    let depth = Node::parse(&format!("{key}=0"), source).map_or(0, |node| depth_of(&node));
    let parsed = document.map(|document| descend(document, depth));
    (toml, parsed)
}

/// Position of the first `=` outside quotes.
fn position_of_equals(text: &str) -> Option<usize> {
    let mut quote = None;
    text.char_indices().find_map(|(index, character)| {
        match (quote, character) {
            (None, '=') => return Some(index),
            (None, '"' | '\'') => quote = Some(character),
            (Some(open), _) if open == character => quote = None,
            _ => {}
        }
        None
    })
}

fn depth_of(node: &Node) -> usize {
    match &node.value {
        NodeValue::Table(table) => table
            .values()
            .next()
            .map_or(0, |entry| 1 + depth_of(&entry.node)),
        _ => 0,
    }
}

fn descend(mut node: Node, depth: usize) -> ParsedOverride {
    let mut keys = Vec::new();
    for _ in 0..depth {
        let NodeValue::Table(table) = &mut node.value else {
            break;
        };
        let Some((key, entry)) = table.pop_first() else {
            break;
        };
        keys.push((key, entry.key));
        node = entry.node;
    }
    (keys, node)
}

fn put(target: &mut Node, keys: &[OverrideKey], node: Node) -> Result<(), Vec<Diagnostic>> {
    let [(key, span), rest @ ..] = keys else {
        *target = node;
        return Ok(());
    };
    if !matches!(target.value, NodeValue::Table(_) | NodeValue::Array(_)) {
        *target = empty_table(span);
    }
    match &mut target.value {
        NodeValue::Table(table) => {
            let empty = || TableEntry {
                key: span.clone(),
                node: empty_table(span),
            };
            let entry = table.entry(key.clone()).or_insert_with(empty);
            entry.key = span.clone();
            put(&mut entry.node, rest, node)
        }
        NodeValue::Array(elements) => match find_element(elements, key) {
            Ok(element) => put(element, rest, node),
            Err(help) => {
                let diagnostic = Diagnostic::new(format!("the list has no element `{key}`"));
                Err(vec![
                    diagnostic.at(span.clone(), "not found").maybe_help(help),
                ])
            }
        },
        _ => Ok(()),
    }
}

fn empty_table(span: &SourceSpan) -> Node {
    Node {
        value: NodeValue::Table(NodeTable::new()),
        span: span.clone(),
    }
}

/// Element with this index, `id` or `name`; otherwise the help text of the error.
fn find_element<'a>(elements: &'a mut [Node], key: &str) -> Result<&'a mut Node, Option<String>> {
    let by_number = key
        .parse::<usize>()
        .ok()
        .filter(|index| *index < elements.len());
    let found = by_number.or_else(|| elements.iter().position(|node| name_of(node) == Some(key)));
    let Some(index) = found else {
        let names: Vec<&str> = elements.iter().filter_map(name_of).collect();
        let numbers = format!("there are {}, counted from 0", elements.len());
        return Err(suggest::remedy(key, names).or(Some(numbers)));
    };
    Ok(&mut elements[index])
}

fn name_of(node: &Node) -> Option<&str> {
    let NodeValue::Table(table) = &node.value else {
        return None;
    };
    let entry = table.get("id").or_else(|| table.get("name"))?;
    match &entry.node.value {
        NodeValue::String(name) => Some(name),
        _ => None,
    }
}
