//! Layers of the configuration, each over the one before.

use std::path::{Path, PathBuf};

use rehearsal_files::{ByteLimit, read_text};
use rehearsal_worker::Role;
use serde::Deserialize;
use toml::{Table, Value};

use super::option_table::{ConfigOption, OptionKind, config_options};
use super::secrets::SECRET_VARIABLES;
use super::sections::ServiceConfig;

/// Where the configuration comes from.
#[derive(Debug, Clone, Default)]
pub struct ConfigSources {
    /// Values of what no layer sets.
    pub defaults: ServiceConfig,
    /// File; none for defaults.
    pub file: Option<PathBuf>,
    /// Variables of the environment.
    pub environment: Vec<(String, String)>,
    /// Options `key=value` of the command line.
    pub overrides: Vec<String>,
    /// Roles of the command line; none for those of the other layers.
    pub roles: Vec<Role>,
}

/// Error of a configuration, with the place and the remedy. Values are not quoted: a secret may
/// have been written to the wrong place.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{place}: {reason}")]
pub struct ConfigError {
    /// File and line, variable or flag.
    pub place: String,
    /// Error and remedy.
    pub reason: String,
}

impl ConfigError {
    fn new(place: impl Into<String>, reason: impl Into<String>) -> Self {
        Self {
            place: place.into(),
            reason: reason.into(),
        }
    }
}

impl ConfigSources {
    /// Reads and validates the configuration.
    ///
    /// # Errors
    /// Every error of the first layer that has one, or every invalid value of the whole.
    pub fn read(&self) -> Result<ServiceConfig, Vec<ConfigError>> {
        let alone = |error| vec![error];
        let mut table = Table::try_from(&self.defaults)
            .map_err(|error| alone(ConfigError::new("defaults", error.to_string())))?;
        if let Some(path) = &self.file {
            merge(&mut table, read_file(path).map_err(alone)?);
        }
        let options = config_options();
        let mut errors = Vec::new();
        for (name, text) in &self.environment {
            if !name.starts_with("REHEARSAL_") || SECRET_VARIABLES.contains(&name.as_str()) {
                continue;
            }
            match options.iter().find(|option| option.variable == *name) {
                Some(option) => set(&mut table, option, text, name, &mut errors),
                None => errors.push(ConfigError::new(
                    format!("environment variable {name}"),
                    unknown(name, options.iter().map(|option| &*option.variable)),
                )),
            }
        }
        for text in &self.overrides {
            let Some((key, value)) = text.split_once('=') else {
                errors.push(ConfigError::new("--set", "write KEY=VALUE"));
                continue;
            };
            match options.iter().find(|option| option.key == key) {
                Some(option) => set(
                    &mut table,
                    option,
                    value,
                    &format!("--set {key}"),
                    &mut errors,
                ),
                None => errors.push(ConfigError::new(
                    format!("--set {key}"),
                    unknown(key, options.iter().map(|option| &*option.key)),
                )),
            }
        }
        if !errors.is_empty() {
            return Err(errors);
        }
        let mut config = ServiceConfig::deserialize(table)
            .map_err(|error| alone(ConfigError::new("configuration", error.message())))?;
        if !self.roles.is_empty() {
            config.roles.clone_from(&self.roles);
        }
        Ok(config)
    }
}

/// Reads a file, whose errors have line and column.
fn read_file(path: &Path) -> Result<Table, ConfigError> {
    let name = path.display().to_string();
    let text = read_text(path, ByteLimit::DOCUMENT)
        .map_err(|error| ConfigError::new(&name, error.reason()))?;
    let located = |error: &toml::de::Error| {
        let start = error.span().map_or(0, |span| span.start);
        let before = text.get(..start).unwrap_or_default();
        let line = before.split('\n').count();
        let column = before.chars().rev().take_while(|c| *c != '\n').count() + 1;
        ConfigError::new(format!("{name}:{line}:{column}"), error.message())
    };
    // Read as what it means, too: only this knows the places of wrong keys and values.
    toml::from_str::<ServiceConfig>(&text).map_err(|error| located(&error))?;
    toml::from_str(&text).map_err(|error| located(&error))
}

/// Puts the values of a layer over those below.
fn merge(table: &mut Table, over: Table) {
    for (key, value) in over {
        match (table.get_mut(&key), value) {
            (Some(Value::Table(below)), Value::Table(section)) => merge(below, section),
            (_, value) => {
                table.insert(key, value);
            }
        }
    }
}

/// Sets an option of the table to the value that a text has.
fn set(
    table: &mut Table,
    option: &ConfigOption,
    text: &str,
    place: &str,
    errors: &mut Vec<ConfigError>,
) {
    let value = match option.kind {
        OptionKind::Text => Some(Value::String(text.to_owned())),
        OptionKind::Number => text.parse().ok().map(Value::Integer),
        OptionKind::Switch => text.parse().ok().map(Value::Boolean),
        OptionKind::List => {
            let items = text
                .split(',')
                .map(str::trim)
                .filter(|item| !item.is_empty());
            Some(Value::Array(
                items.map(|item| Value::String(item.to_owned())).collect(),
            ))
        }
    };
    let Some(value) = value else {
        let reason = match option.kind {
            OptionKind::Number => "write a whole number",
            _ => "write `true` or `false`",
        };
        errors.push(ConfigError::new(place, reason));
        return;
    };
    let mut alone = Table::new();
    insert(&mut alone, &option.key, value.clone());
    // Alone, so that the error is this value's.
    match ServiceConfig::deserialize(alone) {
        Ok(_) => insert(table, &option.key, value),
        Err(error) => errors.push(ConfigError::new(place, error.message())),
    }
}

fn insert(table: &mut Table, key: &str, value: Value) {
    match key.split_once('.') {
        None => {
            table.insert(key.to_owned(), value);
        }
        Some((section, key)) => {
            let section = table
                .entry(section)
                .or_insert_with(|| Value::Table(Table::new()));
            // The file was read, so its sections are tables.
            if let Value::Table(section) = section {
                insert(section, key, value);
            }
        }
    }
}

/// Text about an unknown name, with the most similar known one.
fn unknown<'a>(name: &str, known: impl Iterator<Item = &'a str>) -> String {
    let distance = |other: &&str| strsim::damerau_levenshtein(name, other);
    match known.min_by_key(distance) {
        Some(nearest) if distance(&nearest) <= 3 => {
            format!("there is no such option; did you mean `{nearest}`?")
        }
        _ => "there is no such option; docs/worker.md lists all".to_owned(),
    }
}
