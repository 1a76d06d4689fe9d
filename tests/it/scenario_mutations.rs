//! Reading a mutated scenario file ends in a scenario or in diagnostics.

use rehearsal_convert::{Nearest, Saturating};
use std::fs;

use proptest::prelude::*;

use crate::scenario_files::{Validator, sound_files};

/// Fragments that break files in interesting ways.
const PIECES: [&str; 24] = [
    "\"",
    "'",
    "[",
    "]",
    "[[fault]]",
    "{",
    "}",
    "=",
    ".",
    ",",
    "\n",
    "\r\n",
    "\t",
    "-1",
    "0",
    "1e999",
    "nan",
    "2024-02-30",
    "\u{feff}",
    "é",
    "\u{1f980}",
    "\"0s\"",
    "true",
    "#",
];

/// Mutation of a text at a relative position.
#[derive(Clone, Debug)]
enum Mutation {
    Insert(f64, &'static str),
    Remove(f64, usize),
    Double(f64, usize),
    SwapLines(f64, f64),
    DropLine(f64),
}

fn mutation() -> impl Strategy<Value = Mutation> {
    let place = || 0.0..1.0_f64;
    prop_oneof![
        (place(), prop::sample::select(PIECES.to_vec()))
            .prop_map(|(place, piece)| Mutation::Insert(place, piece)),
        (place(), 1..40_usize).prop_map(|(place, length)| Mutation::Remove(place, length)),
        (place(), 1..200_usize).prop_map(|(place, length)| Mutation::Double(place, length)),
        (place(), place()).prop_map(|(a, b)| Mutation::SwapLines(a, b)),
        place().prop_map(Mutation::DropLine),
    ]
}

fn boundary(text: &str, place: f64) -> usize {
    text.floor_char_boundary((text.len().nearest_f64() * place).saturating_usize())
}

fn mutate(text: &str, mutation: &Mutation) -> String {
    let span = |place: f64, length: usize| {
        let start = boundary(text, place);
        start..text.ceil_char_boundary((start + length).min(text.len()))
    };
    match mutation {
        Mutation::Insert(place, piece) => {
            let (head, tail) = text.split_at(boundary(text, *place));
            [head, piece, tail].concat()
        }
        Mutation::Remove(place, length) => {
            let span = span(*place, *length);
            [&text[..span.start], &text[span.end..]].concat()
        }
        Mutation::Double(place, length) => {
            let span = span(*place, *length);
            [&text[..span.end], &text[span.start..]].concat()
        }
        Mutation::SwapLines(a, b) => {
            let mut lines: Vec<&str> = text.lines().collect();
            let index = |place: f64| (place * lines.len().nearest_f64()).saturating_usize();
            let (a, b) = (index(*a), index(*b));
            lines.swap(a, b);
            lines.join("\n")
        }
        Mutation::DropLine(place) => {
            let count = text.lines().count().nearest_f64();
            let dropped = (place * count).saturating_usize();
            let kept = text
                .lines()
                .enumerate()
                .filter(|(index, _)| *index != dropped);
            kept.map(|(_, line)| line).collect::<Vec<&str>>().join("\n")
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: 400,
        failure_persistence: None,
        ..Default::default()
    })]

    #[test]
    fn mutated_files_never_panic_and_accepted_satisfy_schema(
        file in prop::sample::select(sound_files()),
        mutations in prop::collection::vec(mutation(), 1..4),
        overrides in prop::collection::vec("[a-z.]{1,12}=[a-z0-9\"{}\\[\\]]{0,8}", 0..2),
    ) {
        let original = fs::read_to_string(file).unwrap();
        let text = mutations.iter().fold(original, |text, mutation| mutate(&text, mutation));
        let unchanged = overrides.is_empty();
        let loader = rehearsal::check::scenario_loader(&overrides);
        match loader.parse("mutated.toml", &text, None) {
            Ok(_) if unchanged => prop_assert_eq!(Validator::new().check(&text), Ok(())),
            Ok(_) => {}
            Err(problems) => {
                prop_assert!(problems.count() > 0);
                let message = problems.render(true);
                prop_assert!(!message.contains("can't be read"), "{}", message);
            }
        }
    }
}
