//! `docs/invariants.md` says what the code says.

use super::planted::PLANTED;
use crate::check::invariant_name::InvariantName;

const PAGE: &str = include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/docs/invariants.md"));

#[test]
fn the_page_names_each_invariant_in_order_with_its_moment_and_meaning() {
    let sections: Vec<&str> = PAGE.split("\n## ").skip(1).collect();
    let due = |name: &InvariantName| {
        format!(
            "`{name}` ({})\n\n{}\n",
            name.checked().as_str(),
            name.meaning()
        )
    };
    for (section, name) in sections.iter().zip(InvariantName::ALL) {
        assert!(
            section.starts_with(&due(name)),
            "it should begin with:\n## {}",
            due(name)
        );
    }
    assert_eq!(sections.len(), InvariantName::ALL.len());
}

#[test]
fn the_page_shows_the_message_of_each_planted_defect() {
    for planted in PLANTED {
        let example = format!("```text\n{}\n```", planted.message);
        assert!(PAGE.contains(&example), "it should say:\n{example}");
    }
}
