//! The text of the tree keeps the project's rules for prose and links.
//!
//! `cargo test --test it tidy -- --nocapture` prints the number of offences for each folder.

mod links;
mod names;
mod prose;
mod source;
mod violations;

use std::collections::BTreeMap;
use std::fs;
use std::path::{Component, Path, PathBuf};

use names::Definition;
use prose::Offence;

/// Directories with Rust source.
const RUST: [&str; 7] = [
    "src", "crates", "tests", "benches", "examples", "xtask", "fuzz",
];

/// Directories and files with Markdown.
const MARKDOWN: [&str; 12] = [
    "README.md",
    "CONTRIBUTING.md",
    "SECURITY.md",
    "RELEASING.md",
    "docs",
    "crates",
    "fuzz",
    "tests",
    "scenarios",
    "benches",
    "xtask",
    ".github",
];

/// Documents that quote earlier texts.
const QUOTING: [&str; 1] = ["CHANGELOG.md"];

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn tree(directories: &[&str], extension: &str) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for directory in directories {
        let path = root().join(directory);
        if path.is_file() {
            found.push(path);
        } else {
            found.extend(source::files(&path, extension));
        }
    }
    found.retain(|path| !QUOTING.iter().any(|quoting| path.ends_with(quoting)));
    found
}

fn is_product(path: &Path) -> bool {
    let path = path.strip_prefix(root()).unwrap_or(path);
    let mut parts = path.components().map(Component::as_os_str);
    match parts.next().and_then(|part| part.to_str()) {
        Some("src" | "xtask") => true,
        Some("crates") => parts.nth(1).is_some_and(|part| part == "src"),
        _ => false,
    }
}

/// Offences of all files, each with its path.
fn offences(check: impl Fn(&Path, &str) -> Vec<Offence>, files: &[PathBuf]) -> Vec<String> {
    let mut found = Vec::new();
    for path in files {
        let text = fs::read_to_string(path).expect("the file is text");
        let shown = path.strip_prefix(root()).unwrap_or(path).display();
        found.extend(
            check(path, &text)
                .iter()
                .map(|o| format!("{shown}:{}: {}: {}", o.line, o.rule, o.text)),
        );
    }
    found
}

/// Fails if there are offences; prints them, and their number for each folder.
fn assert_none(rule: &str, found: &[String]) {
    let mut folders: BTreeMap<String, usize> = BTreeMap::new();
    for line in found {
        let path = line.split(':').next().unwrap_or_default();
        let folder: Vec<&str> = path.split('/').take(2).collect();
        *folders.entry(folder.join("/")).or_default() += 1;
    }
    println!("{rule}: {} offences", found.len());
    for (folder, count) in &folders {
        println!("  {count:>5} {folder}");
    }
    assert!(found.is_empty(), "{rule}:\n{}", found.join("\n"));
}

#[test]
fn rust_lines_have_at_most_100_columns() {
    let found = offences(|_, text| prose::long_lines(text), &tree(&RUST, "rs"));
    assert_none("lines of Rust", &found);
}

#[test]
fn markdown_lines_have_at_most_100_columns() {
    let files = tree(&MARKDOWN, "md");
    let found = offences(|_, text| prose::long_markdown_lines(text), &files);
    assert_none("lines of Markdown", &found);
}

#[test]
fn doc_comments_use_no_banned_word() {
    let found = offences(|_, text| prose::banned_in_docs(text), &tree(&RUST, "rs"));
    assert_none("banned words in doc comments", &found);
}

#[test]
fn user_facing_texts_use_no_banned_word() {
    let mut files = tree(&RUST, "rs");
    files.retain(|path| is_product(path));
    assert!(files.len() > 100, "the product's source was not found");
    let mut found = offences(|_, text| prose::banned_in_literals(text), &files);
    let documents = tree(&MARKDOWN, "md");
    found.extend(offences(
        |_, text| prose::banned_in_markdown(text),
        &documents,
    ));
    assert_none("banned words in texts for users", &found);
}

#[test]
fn doc_comments_begin_with_a_noun_phrase_or_verb() {
    let found = offences(|_, text| prose::first_words(text), &tree(&RUST, "rs"));
    assert_none("first words of doc comments", &found);
}

#[test]
fn doc_comments_say_more_than_the_name() {
    let found = offences(|_, text| prose::repeated_names(text), &tree(&RUST, "rs"));
    assert_none("doc comments that repeat the name", &found);
}

#[test]
fn relative_links_lead_somewhere() {
    let documents = tree(&MARKDOWN, "md");
    assert!(documents.len() > 10, "the documents were not found");
    let mut found = Vec::new();
    for path in documents {
        let text = fs::read_to_string(&path).expect("the file is text");
        let shown = path.strip_prefix(root()).unwrap_or(&path).display();
        let dead = links::dead_links(&text, &path);
        found.extend(dead.iter().map(|target| format!("{shown}: {target}")));
    }
    assert_none("dead links", &found);
}

#[test]
fn paths_in_documents_exist() {
    let folders = [
        "src/",
        "crates/",
        "tests/",
        "benches/",
        "xtask/",
        "docs/",
        "scenarios/",
        "reports/",
    ];
    let directories = [&RUST[..], &["scenarios", "reports", "docs"]].concat();
    let files: Vec<String> = ["rs", "toml", "md", "txt", "golden"]
        .iter()
        .flat_map(|extension| tree(&directories, extension))
        .map(|path| path.display().to_string())
        .collect();
    let mut found = Vec::new();
    for path in tree(&MARKDOWN, "md") {
        let text = fs::read_to_string(&path).expect("the file is text");
        let shown = path.strip_prefix(root()).unwrap_or(&path).display();
        let dead = links::dead_paths(&text, &files, &folders);
        found.extend(dead.iter().map(|target| format!("{shown}: {target}")));
    }
    assert_none("paths that do not exist", &found);
}

/// Source files of the product without those of unit tests, with their paths below the root.
fn product_files() -> Vec<(PathBuf, String)> {
    let files = tree(&["src", "crates", "xtask"], "rs");
    let is_test = |path: &Path| {
        let stem = path.file_stem().and_then(|stem| stem.to_str());
        let folders = path.parent().into_iter().flat_map(Path::components);
        let in_tests = folders.into_iter().any(|part| {
            ["tests", "examples", "benches"]
                .iter()
                .any(|n| part.as_os_str() == *n)
        });
        in_tests || stem.is_some_and(|stem| stem.ends_with("tests"))
    };
    files
        .into_iter()
        .map(|path| path.strip_prefix(root()).unwrap_or(&path).to_owned())
        .filter(|path| !is_test(path))
        .map(|path| {
            let text = fs::read_to_string(root().join(&path)).expect("the file is text");
            (path, text)
        })
        .collect()
}

fn definitions() -> Vec<Definition> {
    product_files()
        .iter()
        .flat_map(|(path, text)| names::types(text, &path.to_string_lossy()))
        .collect()
}

#[test]
fn type_names_have_one_definition() {
    let definitions = definitions();
    assert!(definitions.len() > 500, "the types were not found");
    assert_none("types with two meanings", &names::duplicates(&definitions));
}

#[test]
fn names_consist_of_listed_terms() {
    let read = |path: &str| fs::read_to_string(root().join(path)).expect("the document exists");
    let mut listed = names::glossary_words(&read("docs/glossary.md"));
    listed.extend(names::listed_words(&read("docs/names.md")));
    let mut names: Vec<Definition> = definitions();
    for (path, _) in product_files() {
        names.extend(names::file_names(&path).into_iter().map(|name| Definition {
            name,
            file: path.to_string_lossy().into_owned(),
        }));
    }
    names.sort();
    names.dedup_by(|a, b| a.name == b.name);
    println!("{} names", names.len());
    let found: Vec<String> = names
        .iter()
        .filter_map(|definition| {
            let words = names::unlisted(&definition.name, &listed);
            let text = words.join(", ");
            let Definition { name, file } = definition;
            (!words.is_empty()).then(|| format!("{file}: `{name}`: no source for: {text}"))
        })
        .collect();
    assert_none("names with unlisted terms", &found);
}
