//! Results of the commands: a table for people, a document for programs.

use rehearsal::report::table;
use rehearsal::worker::ports::PortError;
use serde_json::{Map, Value, json};

use rehearsal::service::AdminError;

use crate::cli::error::CliError;

/// Schema of the documents.
const SCHEMA: &str = "rehearsal.admin@1";

/// Result of a command.
pub enum AdminOutput {
    /// Several objects with the same keys.
    Listing(Listing),
    /// One object.
    Object {
        /// Kind of the object, in the singular.
        kind: &'static str,
        /// Keys and values.
        value: Value,
    },
}

/// Objects with the same keys.
pub struct Listing {
    kind: &'static str,
    columns: &'static [&'static str],
    rows: Vec<Vec<Value>>,
}

impl Listing {
    /// Starts a list of a kind of objects, in the plural, with these keys.
    pub fn new(kind: &'static str, columns: &'static [&'static str]) -> Self {
        Self {
            kind,
            columns,
            rows: Vec::new(),
        }
    }

    /// Adds an object with its values in the order of the keys.
    pub fn add<const N: usize>(&mut self, row: [Value; N]) {
        debug_assert_eq!(N, self.columns.len(), "one value for each key");
        self.rows.push(row.into());
    }
}

impl AdminOutput {
    /// Returns the result for people.
    pub fn text(&self) -> String {
        let rows = match self {
            Self::Listing(list) if list.rows.is_empty() => return format!("no {}\n", list.kind),
            Self::Listing(list) => {
                let head = list
                    .columns
                    .iter()
                    .map(|column| (*column).to_owned())
                    .collect();
                let rows = list.rows.iter().map(|row| row.iter().map(cell).collect());
                [head].into_iter().chain(rows).collect::<Vec<Vec<String>>>()
            }
            Self::Object { kind, value } => {
                let head = vec![(*kind).to_owned(), String::new()];
                let object = value.as_object().into_iter().flatten();
                let rows = object.map(|(key, value)| vec![key.clone(), cell(value)]);
                [head].into_iter().chain(rows).collect()
            }
        };
        table(&rows)
    }

    /// Returns the result for programs.
    pub fn json(&self) -> String {
        let (kind, value) = match self {
            Self::Listing(list) => {
                let rows = list.rows.iter().map(|row| {
                    let columns = list.columns.iter().map(|column| (*column).to_owned());
                    Value::Object(columns.zip(row.iter().cloned()).collect::<Map<_, _>>())
                });
                (list.kind, rows.collect())
            }
            Self::Object { kind, value } => (*kind, value.clone()),
        };
        format!("{:#}\n", json!({ "schema": SCHEMA, kind: value }))
    }
}

/// Text of a value in a table.
fn cell(value: &Value) -> String {
    match value {
        Value::Null => "-".to_owned(),
        Value::String(text) => text.clone(),
        value => value.to_string(),
    }
}

/// Error of a call that the store did not answer.
pub fn unanswered(error: PortError) -> CliError {
    AdminError::from(error).into()
}

/// Error of an object that the store does not have.
pub fn missing(kind: &str, id: impl std::fmt::Display) -> CliError {
    CliError::Usage(format!("there is no {kind} `{id}`"))
}
