//! Values of a scenario table, found and edited by path.

use toml::{Table, Value};

use crate::scenario::PathSegment;
use crate::scenario::write::find_mut;

/// Value at a path.
pub fn find<'t>(table: &'t Table, path: &[PathSegment]) -> Option<&'t Value> {
    let (PathSegment::Key(first), rest) = path.split_first()? else {
        return None;
    };
    rest.iter()
        .try_fold(table.get(first)?, |value, step| match step {
            PathSegment::Key(key) => value.as_table()?.get(key),
            PathSegment::Index(index) => value.as_array()?.get(*index),
        })
}

/// Copy of the table with another value at a path.
pub fn with(table: &Table, path: &[PathSegment], value: Value) -> Table {
    let mut candidate = table.clone();
    if let Some(place) = find_mut(&mut candidate, path) {
        *place = value;
    }
    candidate
}

/// Paths of all values, outer values before inner ones.
pub fn paths(table: &Table) -> Vec<Vec<PathSegment>> {
    let mut found = Vec::new();
    for (key, value) in table {
        walk(value, &mut vec![PathSegment::Key(key.clone())], &mut found);
    }
    found
}

fn walk(value: &Value, path: &mut Vec<PathSegment>, found: &mut Vec<Vec<PathSegment>>) {
    found.push(path.clone());
    let mut into = |step: PathSegment, value: &Value| {
        path.push(step);
        walk(value, path, found);
        path.pop();
    };
    match value {
        Value::Table(table) => table
            .iter()
            .for_each(|(key, value)| into(PathSegment::Key(key.clone()), value)),
        Value::Array(values) => values
            .iter()
            .enumerate()
            .for_each(|(index, value)| into(PathSegment::Index(index), value)),
        _ => {}
    }
}

/// Tables of a list, mutable.
pub fn tables_mut<'a>(table: &'a mut Table, list: &str) -> impl Iterator<Item = &'a mut Table> {
    let elements = table.get_mut(list).and_then(Value::as_array_mut);
    elements
        .into_iter()
        .flatten()
        .filter_map(Value::as_table_mut)
}

/// Sets a value of a section, and creates the section if needed.
pub fn put(table: &mut Table, section: &str, key: &str, value: Value) {
    let section = table.entry(section);
    let section = section.or_insert_with(|| Value::Table(Table::new()));
    if let Value::Table(section) = section {
        section.insert(key.into(), value);
    }
}

/// Parses a TOML table.
#[cfg(test)]
pub fn table(text: &str) -> Table {
    text.parse().expect("it is TOML")
}
