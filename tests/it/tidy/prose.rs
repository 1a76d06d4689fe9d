//! Rules for prose: line length, banned words, first words, comments that say nothing.

use super::source::{DocComment, doc_comments, string_literals};

/// Maximum length of a line, in characters.
pub const MAX_COLUMNS: usize = 100;

/// Words and phrases that rustdoc and texts for users do not use.
const BANNED: [&str; 29] = [
    "told",
    "heard",
    "whoever",
    "somebody",
    "nobody",
    "so many",
    "so much",
    "so long",
    "so late",
    "in hand",
    "bite",
    "bites",
    "news",
    "stands for",
    "stand for",
    "goes with",
    "go with",
    "taken for",
    "for good",
    "of it that",
    "parted",
    "promise",
    "promises",
    "promised",
    "house",
    "artist",
    "shelf",
    "sign of life",
    "signs of life",
];

/// First words that a doc comment does not have.
const FIRST_WORDS: [&str; 5] = ["What", "Who", "Of", "So", "How"];

/// Words that do not count when a comment is compared with a name.
const FILLERS: [&str; 6] = ["a", "an", "the", "of", "s", "its"];

/// One offence against a rule.
#[derive(Debug, PartialEq, Eq)]
pub struct Offence {
    /// Number of the line, from 1.
    pub line: usize,
    pub rule: &'static str,
    pub text: String,
}

fn offence(line: usize, rule: &'static str, text: impl Into<String>) -> Offence {
    Offence {
        line,
        rule,
        text: text.into(),
    }
}

/// Lines that are too long.
pub fn long_lines(text: &str) -> Vec<Offence> {
    (1..)
        .zip(text.lines())
        .filter(|(_, line)| line.chars().count() > MAX_COLUMNS)
        .map(|(number, line)| offence(number, "line too long", excerpt(line)))
        .collect()
}

/// Lines of Markdown prose that are too long. Tables, code and generated parts may be wider.
pub fn long_markdown_lines(text: &str) -> Vec<Offence> {
    let prose = prose_lines(text);
    long_lines(text)
        .into_iter()
        .filter(|found| {
            let line = text.lines().nth(found.line - 1).unwrap_or_default();
            let one_word = !line.trim().contains(' ');
            let only_link = line.trim_start().starts_with("![") || one_word;
            let is_wide = line.starts_with('|') || only_link || is_generated(text, found.line);
            prose.contains(&found.line) && !is_wide
        })
        .collect()
}

/// Whether a line is between the comments that mark a generated part.
fn is_generated(text: &str, line: usize) -> bool {
    let before = text.lines().take(line).collect::<Vec<_>>().join("\n");
    match before.rfind("<!-- reference") {
        Some(begin) => !before[begin..].contains("<!-- end"),
        None => false,
    }
}

/// Banned words in the doc comments of a Rust file.
pub fn banned_in_docs(source: &str) -> Vec<Offence> {
    doc_comments(source)
        .iter()
        .flat_map(|comment| banned(&without_code(&comment.text), comment.line))
        .collect()
}

/// Banned words in the string literals of a Rust file, up to its unit tests. Attributes are
/// skipped: they name keys of earlier file formats.
pub fn banned_in_literals(source: &str) -> Vec<Offence> {
    let product = source
        .find("#[cfg(test)]\nmod tests {")
        .unwrap_or(source.len());
    let is_attribute = |line: usize| {
        let line = source.lines().nth(line - 1).unwrap_or_default();
        line.trim_start().starts_with("#[serde(")
    };
    string_literals(&source[..product])
        .iter()
        .filter(|literal| !is_attribute(literal.line))
        .flat_map(|literal| banned(&without_code(&literal.text), literal.line))
        .collect()
}

/// Banned words in Markdown, outside of code.
pub fn banned_in_markdown(text: &str) -> Vec<Offence> {
    let prose = prose_lines(text);
    let mut kept = String::new();
    for (number, line) in (1..).zip(text.lines()) {
        if prose.contains(&number) {
            kept.push_str(line);
        }
        kept.push('\n');
    }
    banned(&without_code(&kept), 1)
}

/// Doc comments that begin with a word that no noun phrase or verb begins with.
pub fn first_words(source: &str) -> Vec<Offence> {
    doc_comments(source)
        .iter()
        .filter(|comment| {
            let first = words(&comment.text).next().unwrap_or_default();
            FIRST_WORDS.contains(&first)
        })
        .map(|comment| offence(comment.line, "first word", excerpt(&comment.text)))
        .collect()
}

/// Doc comments that repeat the item's name and say nothing more.
pub fn repeated_names(source: &str) -> Vec<Offence> {
    doc_comments(source)
        .iter()
        .filter(|comment| repeats_name(comment))
        .map(|comment| offence(comment.line, "repeats the name", excerpt(&comment.text)))
        .collect()
}

fn repeats_name(comment: &DocComment) -> bool {
    let Some(item) = &comment.item else {
        return false;
    };
    let set = |words: Vec<String>| {
        let mut words: Vec<String> = words
            .into_iter()
            .map(|word| word.to_lowercase())
            .filter(|word| !FILLERS.contains(&word.as_str()))
            .collect();
        words.sort();
        words.dedup();
        words
    };
    let said = set(words(&comment.text).map(str::to_owned).collect());
    !said.is_empty() && said == set(name_words(item))
}

/// Words of a name in `CamelCase`, `snake_case`, `UPPER_CASE` or `kebab-case`.
pub fn name_words(name: &str) -> Vec<String> {
    let mut words = vec![String::new()];
    let mut previous_is_lower = false;
    for c in name.chars() {
        let is_separator = c == '_' || c == '-';
        let begins = is_separator || (c.is_uppercase() && previous_is_lower);
        if begins && words.last().is_some_and(|word| !word.is_empty()) {
            words.push(String::new());
        }
        if !is_separator && let Some(word) = words.last_mut() {
            word.push(c);
        }
        previous_is_lower = c.is_lowercase() || c.is_numeric();
    }
    words.retain(|word| !word.is_empty());
    words
}

/// Numbers of the lines outside of fenced code, from 1.
fn prose_lines(text: &str) -> Vec<usize> {
    let mut is_code = false;
    (1..)
        .zip(text.lines())
        .filter(|(_, line)| {
            let is_fence = line.trim_start().starts_with("```");
            is_code ^= is_fence;
            !is_code && !is_fence
        })
        .map(|(number, _)| number)
        .collect()
}

/// The text with blanks in place of fenced code and code in backticks. Lines stay lines.
fn without_code(text: &str) -> String {
    let prose = prose_lines(text);
    let mut is_code = false;
    let mut kept = String::new();
    for (number, line) in (1..).zip(text.lines()) {
        if prose.contains(&number) {
            for c in line.chars() {
                is_code ^= c == '`';
                kept.push(if is_code || c == '`' { ' ' } else { c });
            }
        }
        kept.push('\n');
    }
    kept
}

fn banned(text: &str, first_line: usize) -> Vec<Offence> {
    let lower = text.to_lowercase();
    let mut found = Vec::new();
    for phrase in BANNED {
        for at in phrase_positions(&lower, phrase) {
            let line = first_line + lower[..at].matches('\n').count();
            found.push(offence(line, "banned word", phrase));
        }
    }
    found.sort_by_key(|offence| offence.line);
    found
}

/// Positions of a phrase between word boundaries; a line's end counts as a blank.
fn phrase_positions(text: &str, phrase: &str) -> Vec<usize> {
    let text = text.replace('\n', " ");
    let is_word = |c: Option<char>| c.is_some_and(|c| c.is_alphanumeric() || c == '_');
    text.match_indices(phrase)
        .map(|(at, _)| at)
        .filter(|at| {
            !is_word(text[..*at].chars().next_back())
                && !is_word(text[at + phrase.len()..].chars().next())
        })
        .collect()
}

fn words(text: &str) -> impl Iterator<Item = &str> {
    text.split(|c: char| !c.is_alphanumeric() && c != '_')
        .filter(|word| !word.is_empty())
}

/// The first line of a text, shortened.
fn excerpt(text: &str) -> String {
    let first = text.trim().lines().next().unwrap_or_default();
    first.chars().take(80).collect()
}
