//! Names of types and files: made of listed terms, and each with one meaning.
//!
//! The list holds terms and not whole names, so that a new compound of known terms needs no entry.
//! A term that no entry cites is a reason to look for the field's word.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use super::prose::name_words;

/// Name of a type and the file that defines it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Definition {
    pub name: String,
    pub file: String,
}

/// Types that a file defines outside of its unit tests: structs, enums, unions, traits, aliases.
pub fn types(source: &str, file: &str) -> Vec<Definition> {
    let end = source.find("#[cfg(test)]\nmod tests {");
    source[..end.unwrap_or(source.len())]
        .lines()
        .filter_map(type_name)
        .map(|name| Definition {
            name: name.to_owned(),
            file: file.to_owned(),
        })
        .collect()
}

/// Name that a line defines. An indented `type` is an associated type, which has its trait's name.
fn type_name(line: &str) -> Option<&str> {
    let is_indented = line.starts_with(' ');
    let mut code = line.trim_start();
    if let Some(rest) = code.strip_prefix("pub(") {
        code = rest.split_once(") ")?.1;
    } else {
        code = code.strip_prefix("pub ").unwrap_or(code);
    }
    code = code.strip_prefix("unsafe ").unwrap_or(code);
    let (keyword, rest) = code.split_once(' ')?;
    let is_type = ["struct", "enum", "union", "trait"].contains(&keyword)
        || (keyword == "type" && !is_indented);
    let name = rest
        .split(|c: char| !c.is_alphanumeric() && c != '_')
        .next()?;
    let is_name = name.starts_with(|c: char| c.is_ascii_uppercase());
    (is_type && is_name).then_some(name)
}

/// Name of a module or folder, from its path.
pub fn file_names(path: &Path) -> Vec<String> {
    path.with_extension("")
        .components()
        .map(|part| part.as_os_str().to_string_lossy().into_owned())
        .collect()
}

/// Types with more than one definition, each with its files.
pub fn duplicates(definitions: &[Definition]) -> Vec<String> {
    let mut files: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for definition in definitions {
        files
            .entry(&definition.name)
            .or_default()
            .push(&definition.file);
    }
    files
        .iter()
        .filter(|(_, files)| files.len() > 1)
        .map(|(name, files)| format!("{name}: {}", files.join(", ")))
        .collect()
}

/// Words of the glossary's first column.
pub fn glossary_words(glossary: &str) -> BTreeSet<String> {
    let rows = glossary.lines().filter_map(|line| line.strip_prefix("| "));
    rows.filter_map(|row| row.split(" |").next())
        .flat_map(words)
        .collect()
}

/// Words of the list: entries of the form `- term, term: where they are used`.
///
/// An entry without a source is no entry.
pub fn listed_words(list: &str) -> BTreeSet<String> {
    let mut entries: Vec<String> = Vec::new();
    for line in list.lines() {
        if let Some(entry) = line.strip_prefix("- ") {
            entries.push(entry.to_owned());
        } else if let (Some(last), Some(rest)) = (entries.last_mut(), line.strip_prefix("  ")) {
            last.push(' ');
            last.push_str(rest);
        }
    }
    entries
        .iter()
        .filter_map(|entry| entry.split_once(": "))
        .filter(|(_, source)| !source.trim().is_empty())
        .flat_map(|(terms, _)| words(terms))
        .collect()
}

fn words(text: &str) -> Vec<String> {
    text.split(|c: char| !c.is_alphanumeric())
        .filter(|word| !word.is_empty())
        .map(str::to_lowercase)
        .collect()
}

/// Words of a name that are not listed, in the singular or the plural.
pub fn unlisted(name: &str, listed: &BTreeSet<String>) -> Vec<String> {
    name_words(name)
        .into_iter()
        .map(|word| word.to_lowercase())
        .filter(|word| !forms(word).iter().any(|form| listed.contains(form)))
        .collect()
}

/// A word and its possible singulars.
fn forms(word: &str) -> Vec<String> {
    let mut forms = vec![word.to_owned()];
    forms.extend(word.strip_suffix("ies").map(|stem| format!("{stem}y")));
    forms.extend(word.strip_suffix("es").map(str::to_owned));
    forms.extend(word.strip_suffix('s').map(str::to_owned));
    forms
}
