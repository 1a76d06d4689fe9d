//! Splits Rust source into doc comments and string literals, and finds the files to check.

use std::fs;
use std::path::{Path, PathBuf};

/// Directories that hold no text of the project.
const SKIPPED: [&str; 4] = ["target", ".git", "node_modules", "corpus"];

/// One doc comment: consecutive `///` or `//!` lines, without the markers.
pub struct DocComment {
    /// Number of its first line, from 1.
    pub line: usize,
    pub text: String,
    /// Name of the documented item, if the line after the comment declares one.
    pub item: Option<String>,
}

/// One string literal, with its escapes as written.
pub struct StringLiteral {
    /// Number of the line on which it begins, from 1.
    pub line: usize,
    pub text: String,
}

/// Files with this extension below a directory, in the order of their paths.
pub fn files(directory: &Path, extension: &str) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(directory).into_iter().flatten().flatten() {
        let path = entry.path();
        if path.is_dir() {
            let name = entry.file_name();
            if !SKIPPED.iter().any(|skipped| name == *skipped) {
                found.extend(files(&path, extension));
            }
        } else if path.extension().is_some_and(|found| found == extension) {
            found.push(path);
        }
    }
    found.sort();
    found
}

/// Doc comments of a file, in order.
pub fn doc_comments(source: &str) -> Vec<DocComment> {
    let lines: Vec<&str> = source.lines().collect();
    let mut comments = Vec::new();
    let mut index = 0;
    while index < lines.len() {
        let first = index;
        let mut text = String::new();
        while let Some(doc) = lines.get(index).and_then(|line| doc_line(line)) {
            text.push_str(doc);
            text.push('\n');
            index += 1;
        }
        if index == first {
            index += 1;
        } else {
            let inner = lines[first].trim_start().starts_with("//!");
            comments.push(DocComment {
                line: first + 1,
                text,
                item: if inner { None } else { item(&lines[index..]) },
            });
        }
    }
    comments
}

fn doc_line(line: &str) -> Option<&str> {
    let line = line.trim_start();
    let text = line
        .strip_prefix("///")
        .filter(|rest| !rest.starts_with('/'))
        .or_else(|| line.strip_prefix("//!"))?;
    Some(text.strip_prefix(' ').unwrap_or(text))
}

/// Name that the first line of code declares; attributes in front of it are skipped.
fn item(lines: &[&str]) -> Option<String> {
    let mut depth = 0_i32;
    for line in lines {
        let code = line.trim();
        if depth > 0 || code.starts_with("#[") {
            depth += balance(code);
            continue;
        }
        return declared(code);
    }
    None
}

/// Opening minus closing brackets of a line.
fn balance(code: &str) -> i32 {
    code.chars().fold(0, |depth, c| match c {
        '[' | '(' => depth + 1,
        ']' | ')' => depth - 1,
        _ => depth,
    })
}

/// Name that a line of code declares: an item, a field or a variant.
fn declared(code: &str) -> Option<String> {
    const KEYWORDS: [&str; 17] = [
        "pub", "crate", "super", "in", "self", "async", "unsafe", "extern", "fn", "struct", "enum",
        "trait", "type", "mod", "const", "static", "union",
    ];
    code.split(|c: char| !c.is_alphanumeric() && c != '_')
        .find(|word| !word.is_empty() && !KEYWORDS.contains(word))
        .map(str::to_owned)
}

/// String literals of a file, in order. Comments and character literals are skipped.
pub fn string_literals(source: &str) -> Vec<StringLiteral> {
    let mut literals = Vec::new();
    let mut line = 1;
    let mut rest = source;
    while let Some(c) = rest.chars().next() {
        let (taken, literal) = match c {
            '/' if rest.starts_with("//") => (rest.find('\n').unwrap_or(rest.len()), None),
            '/' if rest.starts_with("/*") => {
                (rest.find("*/").map_or(rest.len(), |at| at + 2), None)
            }
            '"' => quoted(rest),
            'r' if rest.starts_with("r\"") || rest.starts_with("r#") => raw(rest),
            '\'' => (character(rest), None),
            _ if c.is_alphanumeric() || c == '_' => (word(rest), None),
            _ => (c.len_utf8(), None),
        };
        if let Some(text) = literal {
            literals.push(StringLiteral {
                line,
                text: text.to_owned(),
            });
        }
        line += rest[..taken].matches('\n').count();
        rest = &rest[taken..];
    }
    literals
}

/// Length of a literal in quotation marks, and its text.
fn quoted(rest: &str) -> (usize, Option<&str>) {
    let mut escaped = false;
    for (at, c) in rest.char_indices().skip(1) {
        match c {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            '"' => return (at + 1, Some(&rest[1..at])),
            _ => {}
        }
    }
    (rest.len(), None)
}

/// Length of a raw literal, and its text. `r#name` is an identifier.
fn raw(rest: &str) -> (usize, Option<&str>) {
    let hashes = rest[1..].chars().take_while(|c| *c == '#').count();
    let Some(body) = rest[1 + hashes..].strip_prefix('"') else {
        return (1 + hashes, None);
    };
    let end = format!("\"{}", "#".repeat(hashes));
    match body.find(&end) {
        Some(at) => (2 + hashes + at + end.len(), Some(&body[..at])),
        None => (rest.len(), None),
    }
}

/// Length of a character literal, or 1 for the mark of a lifetime.
fn character(rest: &str) -> usize {
    if let Some(escape) = rest.strip_prefix("'\\") {
        return escape
            .char_indices()
            .skip(1)
            .find(|(_, c)| *c == '\'')
            .map_or(1, |(at, _)| at + 3);
    }
    let mut chars = rest.char_indices().skip(2);
    match chars.next() {
        Some((at, '\'')) => at + 1,
        _ => 1,
    }
}

/// Length of an identifier or number; a literal's prefix `b`, `c` or `br` counts as one.
fn word(rest: &str) -> usize {
    rest.find(|c: char| !c.is_alphanumeric() && c != '_')
        .unwrap_or(rest.len())
}
