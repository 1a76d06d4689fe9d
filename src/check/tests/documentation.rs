//! `docs/invariants.md` is generated from the definitions of the invariants.

use std::fmt::Write as _;

use super::defect::{all, check_golden, first_violation};
use crate::check::InvariantName;

const PAGE: &str = "docs/invariants.md";
const TEXT: &str = include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/docs/invariants.md"));

/// Maximum width of a line of the page.
const WIDTH: usize = 100;

/// Breaks a paragraph into lines.
fn wrap(paragraph: &str) -> String {
    let (mut text, mut width) = (String::new(), 0);
    for word in paragraph.split_whitespace() {
        let length = word.chars().count();
        let separator = match width {
            0 => "",
            _ if width + 1 + length > WIDTH => "\n",
            _ => " ",
        };
        width = match separator {
            " " => width + 1 + length,
            _ => length,
        };
        text.push_str(separator);
        text.push_str(word);
    }
    text
}

fn section(name: InvariantName) -> String {
    let definition = name.definition().unwrap();
    let mut text = format!(
        "## `{name}` ({})\n\n{}\n\n{}\n",
        definition.evaluated.as_str(),
        wrap(definition.meaning),
        wrap(&format!(
            "*Check:* {} *Exercised by* {}.",
            definition.method, definition.exercised_by
        ))
    );
    let defect = all().into_iter().find(|defect| defect.invariant == name);
    if let Some(violation) = defect.and_then(first_violation) {
        let _ = write!(text, "\n```text\n{violation}\n```\n");
    }
    text
}

#[test]
fn invariants_page_is_generated_from_the_definitions() {
    let head = TEXT.split("\n## ").next().unwrap().trim_end();
    let sections: Vec<String> = InvariantName::ALL.iter().copied().map(section).collect();
    check_golden(PAGE, &format!("{head}\n\n{}", sections.join("\n")));
}

#[test]
fn wrap_breaks_before_the_word_that_passes_the_width() {
    let word = "x".repeat(49);
    assert_eq!(
        wrap(&format!("{word} {word} {word}")),
        format!("{word} {word}\n{word}")
    );
}
