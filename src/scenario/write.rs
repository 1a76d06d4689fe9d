//! Scenario files written by the program: minimal files, in the order of the format.

use std::fmt::Write;

use serde::Deserialize;
use toml::{Table, Value};

use super::validation::is_slug;
use super::{PathSegment, Scenario};

/// Starter scenario with placeholders for its name.
const TEMPLATE: &str = include_str!("starter.toml");

/// Returns a commented scenario with this name; none if the name is not a slug.
pub fn starter(name: &str) -> Option<String> {
    is_slug(name).then(|| TEMPLATE.replace("{name}", name))
}

/// Converts a scenario to a table without the keys that have their defaults.
pub fn to_table(scenario: &Scenario) -> Table {
    // Every key of a scenario is text, and its numbers are below 2^63.
    let full = Table::try_from(scenario);
    let full = full.unwrap_or_else(|error| unreachable!("a scenario is plain data: {error}"));
    // What was read from other files is not part of the table, and does not count.
    let meant = read(&full);
    let mut table = full;
    leave_out(
        &mut table.clone(),
        &mut Vec::new(),
        &mut table,
        meant.as_ref(),
    );
    table
}

fn read(table: &Table) -> Option<Scenario> {
    Scenario::deserialize(table.clone()).ok()
}

/// Removes each key at or below `path` whose removal does not change the parsed scenario.
fn leave_out(
    part: &mut Table,
    path: &mut Vec<PathSegment>,
    whole: &mut Table,
    meant: Option<&Scenario>,
) {
    for (key, value) in part.iter_mut() {
        path.push(PathSegment::Key(key.clone()));
        let mut without = whole.clone();
        remove(&mut without, path);
        if read(&without).as_ref() == meant {
            *whole = without;
        } else {
            match value {
                Value::Table(table) => leave_out(table, path, whole, meant),
                Value::Array(elements) => {
                    for (index, element) in elements.iter_mut().enumerate() {
                        path.push(PathSegment::Index(index));
                        if let Value::Table(table) = element {
                            leave_out(table, path, whole, meant);
                        }
                        path.pop();
                    }
                }
                _ => {}
            }
        }
        path.pop();
    }
}

/// Value at a path.
pub fn find_mut<'t>(table: &'t mut Table, path: &[PathSegment]) -> Option<&'t mut Value> {
    let (PathSegment::Key(first), rest) = path.split_first()? else {
        return None;
    };
    rest.iter()
        .try_fold(table.get_mut(first)?, |value, step| match step {
            PathSegment::Key(key) => value.as_table_mut()?.get_mut(key),
            PathSegment::Index(index) => value.as_array_mut()?.get_mut(*index),
        })
}

/// Removes the key or element at a path. Returns whether it existed.
pub fn remove(table: &mut Table, path: &[PathSegment]) -> bool {
    match path {
        [] => false,
        [PathSegment::Key(key)] => table.remove(key).is_some(),
        [parents @ .., last] => match (find_mut(table, parents), last) {
            (Some(Value::Table(parent)), PathSegment::Key(key)) => parent.remove(key).is_some(),
            (Some(Value::Array(parent)), PathSegment::Index(index)) if *index < parent.len() => {
                parent.remove(*index);
                true
            }
            _ => false,
        },
    }
}

/// Renders a scenario file: plain keys first, then a section for each table and each element of a
/// list of tables. Nested tables are inline.
pub fn to_text(table: &Table) -> String {
    let mut text = String::new();
    // Writing to a string can't fail.
    let _ = write_table(&mut text, table);
    text
}

fn write_table(out: &mut String, table: &Table) -> std::fmt::Result {
    let is_section = |value: &Value| match value {
        Value::Table(_) => true,
        Value::Array(elements) => matches!(elements.first(), Some(Value::Table(_))),
        _ => false,
    };
    for (key, value) in table.iter().filter(|(_, value)| !is_section(value)) {
        match value.as_str() {
            // An instant needs no quotes.
            Some(instant) if key == "start" => writeln!(out, "start = {instant}")?,
            _ => writeln!(out, "{key} = {value}")?,
        }
    }
    for (key, value) in table {
        match value {
            Value::Table(section) => write_section(out, &format!("[{key}]"), section)?,
            Value::Array(elements) if is_section(value) => {
                for section in elements.iter().filter_map(Value::as_table) {
                    write_section(out, &format!("[[{key}]]"), section)?;
                }
            }
            _ => {}
        }
    }
    Ok(())
}

fn write_section(out: &mut String, head: &str, section: &Table) -> std::fmt::Result {
    writeln!(out, "\n{head}")?;
    section
        .iter()
        .try_for_each(|(key, value)| writeln!(out, "{key} = {value}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scenario::Loader;

    fn load(text: &str) -> Scenario {
        let scenario = Loader::default().parse("written.toml", text, None);
        scenario.unwrap_or_else(|problems| panic!("{problems}"))
    }

    #[test]
    fn to_text_of_minimal_file_is_identity() {
        let text = "\
name = \"written\"
start = 2024-05-05T23:50:00Z
duration = \"1h\"
seed = 7

[fleet]
images = 300

[[schedule]]
id = \"often\"
whenCron = \"*/15 * * * *\"
limits = { parallelism = 2 }

[advisories]
interval = { kind = \"exponential\", mean = \"10m\" }

[workers]
processes = 2
options = { segmentSize = 5 }

[[fault]]
at = \"12m\"
kind = \"process-crash\"
";
        assert_eq!(to_text(&to_table(&load(text))), text);
    }

    #[test]
    fn to_text_of_bundled_scenarios_round_trips() {
        let directory = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("scenarios");
        for entry in std::fs::read_dir(directory).unwrap() {
            let path = entry.unwrap().path();
            if path.extension().is_none_or(|extension| extension != "toml") {
                continue;
            }
            let scenario = load(&std::fs::read_to_string(&path).unwrap());
            let text = to_text(&to_table(&scenario));
            assert_eq!(load(&text), scenario, "{}:\n{text}", path.display());
        }
    }
}
