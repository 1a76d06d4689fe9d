//! Drawn values as arguments of `--set`.

use std::fmt;

use serde::Serialize;

/// Values that a profile has drawn, as the command line takes them.
#[derive(Debug, Default)]
pub(super) struct SetArguments(Vec<String>);

impl SetArguments {
    /// Adds a key of a section, if its value was drawn.
    pub fn add(&mut self, section: &str, key: &str, drawn: Option<&impl Serialize>) {
        let value = drawn.map(|drawn| {
            // A drawn value is plain data.
            let value = toml::Value::try_from(drawn);
            value.unwrap_or_else(|error| unreachable!("a value of {section}.{key}: {error}"))
        });
        self.0
            .extend(value.map(|value| format!("--set '{section}.{key}={value}'")));
    }
}

impl fmt::Display for SetArguments {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.join(" "))
    }
}
