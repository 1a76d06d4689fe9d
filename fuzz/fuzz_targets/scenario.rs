//! Parsing any text as a scenario ends in a scenario or in diagnostics, never in a panic.
//!
//! A line `%set key=value` at the beginning of the text becomes an override.

#![no_main]

use libfuzzer_sys::fuzz_target;
use rehearsal::scenario::{KnownNames, Loader};
use std::sync::LazyLock;

static KNOWN_NAMES: LazyLock<KnownNames> = LazyLock::new(rehearsal::check::known_names);

fuzz_target!(|text: &str| {
    let mut text = text;
    let mut overrides = Vec::new();
    while let Some((line, rest)) = text
        .strip_prefix("%set ")
        .and_then(|text| text.split_once('\n'))
    {
        overrides.push(line.to_owned());
        text = rest;
    }
    let loader = Loader {
        known_names: KNOWN_NAMES.clone(),
        overrides,
    };
    match loader.parse("fuzzed.toml", text, None) {
        Ok(_) => {}
        Err(diagnostics) => {
            let message = diagnostics.render(true);
            assert!(!message.contains("the scenario can't be read"), "{message}");
        }
    }
});
