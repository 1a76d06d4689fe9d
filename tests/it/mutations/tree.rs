//! Mutations of a parsed document: the result has a valid structure and surprising values.

use proptest::prelude::*;

use super::document::Node;
use super::text::index;

/// Numbers, dates and words of all formats.
const BARE: [&str; 24] = [
    "0",
    "-1",
    "1",
    "-0.0",
    "1e-320",
    "1e308",
    "-1e308",
    "1e999",
    "nan",
    "inf",
    "9223372036854775807",
    "-9223372036854775808",
    "9223372036854775808",
    "18446744073709551615",
    "18446744073709551616",
    "4294967296",
    "0.1",
    "true",
    "false",
    "null",
    "2024-05-06",
    "9999-12-31T23:59:59Z",
    "0001-01-01T00:00:00Z",
    "2024-02-30",
];

/// Texts that mean something in one of the formats, or to a terminal.
const TEXTS: [&str; 30] = [
    "",
    " ",
    "\0",
    "\u{1b}[31m",
    "\u{202e}abc",
    "e\u{301}\u{301}\u{301}",
    "\u{1f980}",
    "\u{ffff}",
    "../../escaped",
    "/dev/stdout",
    "-",
    "a/b",
    "CON",
    "%s%n",
    "$labels",
    "{{ $value | humanize }}",
    "]]>",
    "<script>",
    "0s",
    "1ns",
    "100y",
    "-1s",
    "1e9h",
    "0 0 31 2 *",
    "* * * * *",
    "Europe/Vienna",
    "up",
    "rate(up[1ms])",
    "count_over_time(up[100y:1ms])",
    "((((((((((1))))))))))",
];

/// Replacement of a value.
#[derive(Clone, Debug)]
pub enum Sample {
    Bare(&'static str),
    Text(&'static str),
    /// Letters, this many.
    Long(usize),
    /// Brackets, this many of each.
    Deep(usize),
    Empty,
    EmptyTable,
}

/// Mutation of the value at a relative position.
#[derive(Clone, Debug)]
pub enum TreeMutation {
    Delete(f64),
    /// Repeats a value, or a key with its value, this many times.
    Repeat(f64, usize),
    Replace(f64, Sample),
    /// Puts a copy of one value in the place of another one.
    Copy(f64, f64),
    /// Changes a key by one letter.
    Misspell(f64),
    /// Puts a value into a list.
    Wrap(f64),
}

fn sample() -> impl Strategy<Value = Sample> {
    prop_oneof![
        8 => prop::sample::select(BARE.to_vec()).prop_map(Sample::Bare),
        8 => prop::sample::select(TEXTS.to_vec()).prop_map(Sample::Text),
        1 => prop::sample::select(vec![300, 70_000, 5_000_000]).prop_map(Sample::Long),
        1 => prop::sample::select(vec![5, 200, 30_000]).prop_map(Sample::Deep),
        1 => Just(Sample::Empty),
        1 => Just(Sample::EmptyTable),
    ]
}

pub fn mutation() -> impl Strategy<Value = TreeMutation> {
    let place = || 0.0..1.0_f64;
    prop_oneof![
        2 => place().prop_map(TreeMutation::Delete),
        1 => (place(), prop::sample::select(vec![1, 1, 1, 2_000]))
            .prop_map(|(place, times)| TreeMutation::Repeat(place, times)),
        6 => (place(), sample()).prop_map(|(place, sample)| TreeMutation::Replace(place, sample)),
        2 => (place(), place()).prop_map(|(from, to)| TreeMutation::Copy(from, to)),
        1 => place().prop_map(TreeMutation::Misspell),
        1 => place().prop_map(TreeMutation::Wrap),
    ]
}

impl Sample {
    fn node(&self) -> Node {
        match self {
            Self::Bare(text) => Node::Bare((*text).to_owned()),
            Self::Text(text) => Node::Text((*text).to_owned()),
            Self::Long(length) => Node::Text("a".repeat(*length)),
            Self::Deep(depth) => Node::Bare("[".repeat(*depth) + &"]".repeat(*depth)),
            Self::Empty => Node::List(Vec::new()),
            Self::EmptyTable => Node::Table(Vec::new()),
        }
    }
}

impl TreeMutation {
    /// Changes the document. A mutation that has no place in it does nothing.
    pub fn apply(&self, root: &mut Node) {
        let count = root.count();
        match self {
            Self::Replace(place, sample) => *root.nth(index(count, *place)) = sample.node(),
            Self::Copy(from, to) => {
                let copied = root.nth(index(count, *from)).clone();
                *root.nth(index(count, *to)) = copied;
            }
            Self::Wrap(place) => {
                let node = root.nth(index(count, *place));
                *node = Node::List(vec![node.clone()]);
            }
            Self::Delete(place) | Self::Repeat(place, _) | Self::Misspell(place) => {
                let number = index(count, *place);
                if number > 0 {
                    let (parent, index) = root.parent_of_nth(number);
                    self.apply_to_child(parent, index);
                }
            }
        }
    }

    fn apply_to_child(&self, parent: &mut Node, index: usize) {
        match (self, parent) {
            (Self::Delete(_), Node::List(items)) => drop(items.remove(index)),
            (Self::Delete(_), Node::Table(entries)) => drop(entries.remove(index)),
            (Self::Repeat(_, times), Node::List(items)) => {
                let copies = vec![items[index].clone(); *times];
                items.splice(index..index, copies);
            }
            (Self::Repeat(_, times), Node::Table(entries)) => {
                let copies = vec![entries[index].clone(); *times];
                entries.splice(index..index, copies);
            }
            (Self::Misspell(_), Node::Table(entries)) => entries[index].0.push('x'),
            _ => {}
        }
    }
}
