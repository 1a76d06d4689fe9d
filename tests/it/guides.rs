//! `CONTRIBUTING.md` and `docs/pipeline.md` name files, `docs/files.md` and `docs/worker.md` name
//! tests; each of them exists.

use std::fs;
use std::path::{Path, PathBuf};

const CONTRIBUTING: &str = include_str!("../../CONTRIBUTING.md");
const PIPELINE: &str = include_str!("../../docs/pipeline.md");
const FILES: &str = include_str!("../../docs/files.md");
const WORKER: &str = include_str!("../../docs/worker.md");

/// Directories with which a path in a guide begins.
const ROOTS: [&str; 8] = [
    ".ci/",
    ".github/",
    "crates/",
    "docs/",
    "examples/",
    "scenarios/",
    "src/",
    "tests/",
];

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// The text between backticks, without blocks of code.
fn code_spans(guide: &str) -> impl Iterator<Item = &str> {
    let prose = guide.split("```").step_by(2);
    prose.flat_map(|prose| prose.split('`').skip(1).step_by(2))
}

/// The directory and the name of every file below it.
fn files(directory: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        match path.is_dir() {
            true => found.extend(files(&path)),
            false => found.push(path),
        }
    }
    found
}

#[test]
fn contributing_guide_names_only_paths_that_exist() {
    let spans = code_spans(CONTRIBUTING);
    let paths: Vec<&str> = spans
        .map(|span| span.split([' ', '*']).next().unwrap())
        .filter(|span| ROOTS.iter().any(|root| span.starts_with(root)))
        .collect();
    assert!(paths.len() >= 20, "the guide names few paths: {paths:?}");
    for path in paths {
        assert!(root().join(path).exists(), "{path} does not exist");
    }
}

#[test]
fn contributing_guide_answers_ten_questions() {
    let (_, section) = CONTRIBUTING.split_once("\n## Ten questions").unwrap();
    let section = section.split("\n## ").next().unwrap();
    let rows = section
        .lines()
        .filter(|line| line.starts_with("| "))
        .skip(1);
    let mut questions = 0;
    for row in rows {
        let answer = row.split(" | ").nth(1).unwrap();
        assert!(
            answer.contains("](") || answer.contains('`'),
            "no path in {row}"
        );
        questions += 1;
    }
    assert!(questions >= 10, "{questions} questions");
}

#[test]
fn pipeline_page_names_only_files_of_the_worker() {
    let worker = files(&root().join("crates/worker/src"));
    let names: Vec<&str> = code_spans(PIPELINE)
        .filter(|span| {
            Path::new(span)
                .extension()
                .is_some_and(|extension| extension == "rs")
        })
        .collect();
    assert!(names.len() >= 15, "the page names few files: {names:?}");
    for name in names {
        let exists = worker.iter().any(|path| path.ends_with(name));
        assert!(exists, "no {name} in crates/worker/src");
    }
}

/// Rows of the tables whose last column has tests.
fn rows_with_tests(guide: &str) -> Vec<Vec<&str>> {
    let mut rows = Vec::new();
    let mut has_tests = false;
    for line in guide.lines() {
        let cells: Vec<&str> = line.split('|').map(str::trim).collect();
        match &cells[..] {
            ["", .., "test", ""] => has_tests = true,
            ["", "---" | "---:", .., ""] => {}
            ["", .., ""] if has_tests => rows.push(cells[1..cells.len() - 1].to_vec()),
            _ => has_tests = false,
        }
    }
    rows
}

/// Names of all test functions.
fn test_functions() -> Vec<String> {
    let directories = ["tests", "src", "crates"].map(|name| files(&root().join(name)));
    let mut names = Vec::new();
    for path in directories.into_iter().flatten() {
        if path.extension().is_none_or(|extension| extension != "rs") {
            continue;
        }
        let text = fs::read_to_string(path).unwrap();
        for after in text.split("#[test]").skip(1) {
            let (_, name) = after.split_once("fn ").unwrap();
            names.push(name.split('(').next().unwrap().to_owned());
        }
    }
    names
}

/// Checks that each guarantee of a guide names tests, and that they exist.
fn check_guarantees(guide: &str, least: usize) {
    let existing = test_functions();
    let rows = rows_with_tests(guide);
    assert!(rows.len() >= least, "{} guarantees", rows.len());
    for row in rows {
        let tests = code_spans(row.last().unwrap());
        let tests: Vec<&str> = tests.filter(|span| !span.starts_with("src/")).collect();
        assert!(!tests.is_empty(), "no test in {row:?}");
        for test in tests {
            let name = test.rsplit("::").next().unwrap();
            let is_there = existing.iter().any(|existing| existing == name);
            assert!(is_there, "no test {test} in {row:?}");
        }
    }
}

#[test]
fn each_guarantee_for_files_names_tests_that_exist() {
    check_guarantees(FILES, 30);
}

#[test]
fn each_guarantee_of_security_names_tests_that_exist() {
    check_guarantees(WORKER, 12);
}
