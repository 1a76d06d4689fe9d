//! Mutations of a text that need not know its format.

use proptest::prelude::*;
use rehearsal_convert::{Nearest, Saturating};

/// Fragments that break files in interesting ways.
const PIECES: [&str; 25] = [
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
    "\0",
];

/// Mutation at a relative position.
#[derive(Clone, Debug)]
pub enum TextMutation {
    Insert(f64, &'static str),
    Remove(f64, usize),
    Double(f64, usize),
    SwapLines(f64, f64),
    DropLine(f64),
    Truncate(f64),
    SetByte(f64, u8),
}

pub fn mutation() -> impl Strategy<Value = TextMutation> {
    let place = || 0.0..1.0_f64;
    prop_oneof![
        (place(), prop::sample::select(PIECES.to_vec()))
            .prop_map(|(place, piece)| TextMutation::Insert(place, piece)),
        (place(), 1..40_usize).prop_map(|(place, length)| TextMutation::Remove(place, length)),
        (place(), 1..200_usize).prop_map(|(place, length)| TextMutation::Double(place, length)),
        (place(), place()).prop_map(|(a, b)| TextMutation::SwapLines(a, b)),
        place().prop_map(TextMutation::DropLine),
        place().prop_map(TextMutation::Truncate),
        (place(), any::<u8>()).prop_map(|(place, byte)| TextMutation::SetByte(place, byte)),
    ]
}

/// Index at a relative position of a list.
pub fn index(length: usize, place: f64) -> usize {
    (length.nearest_f64() * place).saturating_usize()
}

impl TextMutation {
    /// The text with this change.
    pub fn apply(&self, text: &[u8]) -> Vec<u8> {
        let span = |place: f64, length: usize| {
            let start = index(text.len(), place);
            start..(start + length).min(text.len())
        };
        match self {
            Self::Insert(place, piece) => {
                let (head, tail) = text.split_at(index(text.len(), *place));
                [head, piece.as_bytes(), tail].concat()
            }
            Self::Remove(place, length) => {
                let span = span(*place, *length);
                [&text[..span.start], &text[span.end..]].concat()
            }
            Self::Double(place, length) => {
                let span = span(*place, *length);
                [&text[..span.end], &text[span.start..]].concat()
            }
            Self::SwapLines(a, b) => {
                let mut lines: Vec<&[u8]> = text.split(|byte| *byte == b'\n').collect();
                let (a, b) = (index(lines.len(), *a), index(lines.len(), *b));
                lines.swap(a, b);
                lines.join(&b'\n')
            }
            Self::DropLine(place) => {
                let mut lines: Vec<&[u8]> = text.split(|byte| *byte == b'\n').collect();
                lines.remove(index(lines.len(), *place));
                lines.join(&b'\n')
            }
            Self::Truncate(place) => text[..index(text.len(), *place)].to_vec(),
            Self::SetByte(place, byte) => {
                let mut text = text.to_vec();
                let index = index(text.len(), *place);
                text.iter_mut()
                    .skip(index)
                    .take(1)
                    .for_each(|old| *old = *byte);
                text
            }
        }
    }
}
