//! Any text at all: reading it as a scenario ends in a scenario or in messages, never in a panic.
//!
//! A line `%set key=value` at the head of the text becomes an override.

#![no_main]

use libfuzzer_sys::fuzz_target;
use rehearsal::scenario::{Loader, Vocabulary};
use std::sync::LazyLock;

static VOCABULARY: LazyLock<Vocabulary> = LazyLock::new(rehearsal::check::vocabulary);

fuzz_target!(|text: &str| {
    let mut text = text;
    let mut overrides = Vec::new();
    while let Some((line, rest)) = text.strip_prefix("%set ").and_then(|text| text.split_once('\n')) {
        overrides.push(line.to_owned());
        text = rest;
    }
    let loader = Loader { vocabulary: VOCABULARY.clone(), overrides };
    match loader.parse("fuzzed.toml", text, None) {
        Ok(_) => {}
        Err(problems) => {
            let message = problems.render(true);
            assert!(!message.contains("the scenario can't be read"), "{message}");
        }
    }
});
