//! Each rule fails on a deliberate violation, and passes its counterpart.

use std::path::Path;

use super::names::{duplicates, glossary_words, listed_words, types, unlisted};
use super::prose::{
    MAX_COLUMNS, Offence, banned_in_docs, banned_in_literals, banned_in_markdown, first_words,
    long_lines, long_markdown_lines, repeated_names,
};
use super::{links, source};

fn found(offences: &[Offence]) -> Vec<(usize, &str)> {
    offences
        .iter()
        .map(|offence| (offence.line, offence.text.as_str()))
        .collect()
}

#[test]
fn long_lines_with_101_columns_are_offences() {
    let at_limit = "x".repeat(MAX_COLUMNS);
    assert_eq!(found(&long_lines(&at_limit)), []);
    let umlauts = "ü".repeat(MAX_COLUMNS);
    assert_eq!(found(&long_lines(&umlauts)), []);
    let beyond = format!("short\n// {at_limit}");
    assert_eq!(long_lines(&beyond)[0].line, 2);
}

#[test]
fn long_markdown_lines_are_offences_in_prose_only() {
    let words = "word ".repeat(30);
    assert_eq!(long_markdown_lines(&words).len(), 1);
    assert!(long_markdown_lines(&format!("| {words}|")).is_empty());
    assert!(long_markdown_lines(&format!("```\n{words}\n```")).is_empty());
    let generated = format!("<!-- reference: x -->\n{words}\n<!-- end -->\n");
    assert!(long_markdown_lines(&generated).is_empty());
    assert_eq!(long_markdown_lines(&format!("{generated}{words}")).len(), 1);
}

#[test]
fn banned_words_in_doc_comments_are_offences() {
    let source = "/// Is told\n/// by somebody, and the no\n/// news is good.\nfn x() {} // told\n";
    assert_eq!(
        found(&banned_in_docs(source)),
        [(1, "told"), (2, "somebody"), (3, "news")]
    );
    assert!(banned_in_docs("/// The label `promise`, or untold.\nfn x() {}").is_empty());
    let broken_over_lines = "//! Works for so\n//! long.\n";
    assert_eq!(found(&banned_in_docs(broken_over_lines)), [(1, "so long")]);
}

#[test]
fn banned_words_in_literals_are_offences() {
    let source = "fn x() { y('\"', \"nobody\"); } // \"told\"\nconst Z: &str = r#\"bites\"#;";
    assert_eq!(
        found(&banned_in_literals(source)),
        [(1, "nobody"), (2, "bites")]
    );
    let unit_test = "#[cfg(test)]\nmod tests {\n    const X: &str = \"told\";\n}";
    assert!(banned_in_literals(unit_test).is_empty());
    assert!(banned_in_literals("    #[serde(alias = \"promise\")]\n    slo: Slo,").is_empty());
}

#[test]
fn banned_words_in_markdown_are_offences_outside_of_code() {
    let text = "# Bites\n\n```text\ntold\n```\n\nThe key `promise` is a promise.\n";
    assert_eq!(
        found(&banned_in_markdown(text)),
        [(1, "bites"), (7, "promise")]
    );
}

#[test]
fn dead_paths_in_code_spans_are_offences() {
    let tree = ["/r/crates/worker/src/flow/lease.rs".to_owned()];
    let dead = |text| links::dead_paths(text, &tree, &["crates/"]);
    assert_eq!(dead("`flow/lease.rs`, `crates/worker/`, `a/b`"), [""; 0]);
    assert_eq!(dead("see `worker/lease.rs`"), ["worker/lease.rs"]);
    assert_eq!(dead("see `crates/promises/`"), ["crates/promises/"]);
    assert_eq!(dead("```\n`worker/lease.rs`\n```"), [""; 0]);
}

#[test]
fn first_words_that_begin_no_noun_phrase_are_offences() {
    for word in ["What", "Who", "Of", "So", "How"] {
        let source = format!("//! Module.\n\n/// {word} it is.\nfn x() {{}}");
        assert_eq!(first_words(&source)[0].line, 3, "{word}");
    }
    assert!(first_words("/// Whole number of seconds.\nfn x() {}").is_empty());
}

#[test]
fn repeated_names_are_offences() {
    for source in [
        "/// The run.\npub run: Run,",
        "/// Run id.\n#[derive(\n    Debug,\n)]\npub struct RunId(u32);",
        "/// The maximum of lines.\npub(super) const MAXIMUM_LINES: usize = 1;",
        "/// A run's id.\npub async fn run_id() {}",
        "/// Started.\nStarted { run: RunId },",
    ] {
        assert_eq!(repeated_names(source).len(), 1, "{source}");
    }
    for source in [
        "/// Identifier of the run, unique over all tenants.\npub run: Run,",
        "//! Runs.\nmod runs;",
    ] {
        assert_eq!(repeated_names(source).len(), 0, "{source}");
    }
}

#[test]
fn dead_links_lead_to_no_file_or_heading() {
    let document = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/page.md");
    let text = "## A heading: of `two`\n[a](#a-heading-of-two) [b](#another) \
                [c](../README.md) [d](missing.md) [e](https://example.org/x.md)\n\
                ```\n[f](code.md)\n```\n[g](../README.md#licence) [h](../README.md#none)\n";
    assert_eq!(
        links::dead_links(text, &document),
        ["#another", "missing.md", "../README.md#none"]
    );
}

#[test]
fn types_defined_twice_are_offences() {
    let one = types("pub struct Queue<T>(T);\n    type Item = T;\n", "one.rs");
    let other = types("pub(crate) enum Queue {}\ntype Item = u8;\n", "other.rs");
    let tests = types(
        "#[cfg(test)]\nmod tests {\n    struct Queue;\n}",
        "tests.rs",
    );
    assert_eq!(tests, []);
    assert_eq!(
        duplicates(&[one, other].concat()),
        ["Queue: one.rs, other.rs"]
    );
}

#[test]
fn names_with_terms_that_have_no_source_are_offences() {
    let mut listed = glossary_words("| dead letter | set aside | Definition. |\n");
    listed.extend(listed_words(
        "- store,\n  query: databases\n- insist: \n- told\n",
    ));
    assert_eq!(unlisted("DeadLetterQueries", &listed), [""; 0]);
    assert_eq!(unlisted("InsistTold", &listed), ["insist", "told"]);
    assert_eq!(unlisted("set_aside", &listed), ["set", "aside"]);
}

#[test]
fn string_literals_after_quotes_in_comments_and_characters_are_found() {
    let source =
        "let c = '\\''; // it's \"no\"\nlet r: &'static str = \"a\\\"b\"; /* \" */ f(b\"c\")";
    let texts: Vec<(usize, String)> = source::string_literals(source)
        .into_iter()
        .map(|literal| (literal.line, literal.text))
        .collect();
    assert_eq!(texts, [(2, "a\\\"b".to_owned()), (2, "c".to_owned())]);
}
