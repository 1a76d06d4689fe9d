//! The table of instrument writes in `docs/metrics.md`: every method through which the worker
//! writes an instrument, where it is called, and the invariant that expects the value.
//!
//! Methods, instruments and places come from the source. A write without an expectation fails here.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};

use crate::plant::write_table::{WRITES, expected_by};

const WORKER: &str = "crates/worker/src";
const INSTRUMENTS: &str = "crates/worker/src/metrics/instruments.rs";
const IMPLEMENTATION: &str = "crates/worker/src/metrics/writes.rs";

/// One method that writes instruments.
struct InstrumentWrite {
    /// As the worker calls it, without arguments.
    method: String,
    /// Names of the instruments that it writes.
    instruments: Vec<String>,
    /// Files of the worker that call it.
    callers: Vec<String>,
}

/// Methods of an implementation with their bodies.
fn methods(source: &str) -> Vec<(&str, &str)> {
    let starts: Vec<usize> = source
        .match_indices("\n    fn ")
        .map(|(start, _)| start)
        .collect();
    let ends = starts.iter().skip(1).copied().chain([source.len()]);
    let bodies = starts.iter().zip(ends).map(|(start, end)| {
        let body = &source[*start..end];
        // A method ends with the first brace in its own column.
        body.split_once("\n    }").map_or(body, |(body, _)| body)
    });
    let named = bodies.filter_map(|body| {
        let name = body.trim_start().strip_prefix("fn ")?;
        Some((name.split(['(', '<']).next()?, body))
    });
    named.collect()
}

/// Fields that a method writes, by the calls that write an instrument.
fn written_fields(body: &str) -> Vec<&str> {
    let body = body.split("self").skip(1);
    let fields = body.filter_map(|after| {
        let after = after.trim_start().strip_prefix('.')?;
        let (field, rest) = after.split_once(|c: char| !c.is_alphanumeric() && c != '_')?;
        let call = rest.trim_start().trim_start_matches('.');
        let writes = ["increment(", "add(", "set(", "record("];
        let backlog = ["refresh_rows(", "confirm("];
        writes
            .iter()
            .chain(&backlog)
            .any(|write| call.starts_with(write))
            .then_some(field)
    });
    fields.collect()
}

/// Name of the instrument behind a field: the field's constant in the catalogue, and its name.
fn instrument(field: &str, instruments: &str, catalog: &str) -> String {
    let registered = match field {
        "backlog" => "Family::try_from(&".to_owned(),
        _ => format!("\n            {field}: "),
    };
    let (_, after) = instruments
        .split_once(&registered)
        .unwrap_or_else(|| panic!("{field} is not registered"));
    let (_, after) = after.split_once("catalog::").expect("it has a definition");
    let constant = after.split([',', ')']).next().expect("it ends");
    let (_, definition) = catalog
        .split_once(&format!("const {constant}: Definition"))
        .unwrap_or_else(|| panic!("{constant} is not defined"));
    let name = definition.split('"').nth(1);
    name.expect("a definition begins with its name").to_owned()
}

fn sources(folder: &Path, into: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            sources(&path, into);
        } else {
            into.push(path);
        }
    }
}

/// Files of the worker outside its metrics, by name, without white space.
fn callers() -> BTreeMap<String, String> {
    let mut paths = Vec::new();
    sources(Path::new(WORKER), &mut paths);
    let outside = paths.iter().filter_map(|path| {
        let name = path.strip_prefix(WORKER).unwrap().to_str().unwrap();
        let text = fs::read_to_string(path).unwrap();
        let text = text.split_whitespace().collect();
        (!name.starts_with("metrics/")).then(|| (name.to_owned(), text))
    });
    outside.collect()
}

fn writes() -> Vec<InstrumentWrite> {
    let instruments = fs::read_to_string(INSTRUMENTS).unwrap();
    let text = fs::read_to_string(IMPLEMENTATION).unwrap();
    let (_, implementation) = text
        .split_once("impl InstrumentWrites")
        .expect("it is there");
    let catalog = fs::read_to_string(format!("{WORKER}/metrics/catalog.rs")).unwrap();
    let callers = callers();
    let called_in = |call: &str| -> Vec<String> {
        let files = callers.iter().filter(|(_, text)| text.contains(call));
        files.map(|(name, _)| name.clone()).collect()
    };
    let mut writes = Vec::new();
    for (name, body) in methods(implementation) {
        let fields = written_fields(body).into_iter();
        let instruments = fields.map(|field| instrument(field, &instruments, &catalog));
        writes.push(InstrumentWrite {
            method: name.to_owned(),
            instruments: instruments.collect(),
            callers: called_in(&format!("metrics.{name}(")),
        });
    }
    writes.sort_by(|a, b| a.method.cmp(&b.method));
    writes
}

/// The section of `docs/metrics.md`.
pub fn section() -> String {
    let mut section = String::from(
        "
## Writes

Each method through which the worker writes an instrument, the files that call it, and the
invariant that fails if a write is skipped, doubled, late or under a wrong label.
`tests/bugs/writes.rs` breaks each write in each of these ways. [invariants.md](invariants.md) says
how each invariant compares.

| method | instruments | called in | invariant |
|---|---|---|---|
",
    );
    let list = |names: &[String]| {
        let names = names.iter().map(|name| format!("`{name}`"));
        names.collect::<Vec<_>>().join(", ")
    };
    for write in writes() {
        let by = expected_by(&write.method).unwrap_or_default();
        let by: Vec<String> = by.iter().map(ToString::to_string).collect();
        let (instruments, callers) = (list(&write.instruments), list(&write.callers));
        let method = &write.method;
        let by = list(&by);
        writeln!(section, "| `{method}` | {instruments} | {callers} | {by} |").unwrap();
    }
    section
}

#[test]
fn instrument_writes_each_have_an_invariant_and_a_caller() {
    let writes = writes();
    for write in &writes {
        let method = &write.method;
        assert!(
            expected_by(method).is_some(),
            "no invariant expects `{method}`"
        );
        assert!(
            !write.callers.is_empty(),
            "the worker never calls `{method}`"
        );
        assert!(!write.instruments.is_empty(), "`{method}` writes nothing");
    }
    let is_known = |name: &str| writes.iter().any(|write| write.method == name);
    let mut entries = WRITES.iter();
    assert!(
        entries.all(|(name, _, _)| is_known(name)),
        "an entry without a write"
    );
}

#[test]
fn write_of_an_unknown_method_is_found() {
    let source = concat!(
        "\n    fn known(&self) {\n        self.a.increment(x);\n    }\n",
        "\n    fn reads(&self) {\n        self.a.get(x);\n    }\n",
    );
    let found = methods(source);
    let found: Vec<_> = found
        .iter()
        .map(|(name, body)| (*name, written_fields(body)))
        .collect();
    assert_eq!(found, [("known", vec!["a"]), ("reads", vec![])]);
}
