//! The table of options in `docs/worker.md` is generated from the configuration's types.
//!
//! `UPDATE_GOLDEN=1 cargo test --test it worker_docs` writes it.

use std::fs;

use rehearsal::service::config::markdown_table;

const PAGE: &str = "docs/worker.md";
const BEGIN: &str = "<!-- reference: generated from crates/service/src/config/sections.rs -->\n";
const END: &str = "<!-- end of reference -->\n";

#[test]
fn table_of_options_is_that_of_the_configuration() {
    let page = fs::read_to_string(PAGE).unwrap();
    let (head, rest) = page.split_once(BEGIN).expect("the page marks the table");
    let (_, tail) = rest
        .split_once(END)
        .expect("the page marks the end of the table");
    let expected = format!("{head}{BEGIN}\n{}\n{END}{tail}", markdown_table());
    if std::env::var_os("UPDATE_GOLDEN").is_some() {
        fs::write(PAGE, &expected).unwrap();
    }
    let hint = "run UPDATE_GOLDEN=1 cargo test --test it worker_docs";
    assert!(
        fs::read_to_string(PAGE).unwrap() == expected,
        "{PAGE} is outdated: {hint}"
    );
}
