//! Relative links and paths in Markdown lead to a file, and to a heading if they name one.

use std::fs;
use std::path::Path;

/// Links of a document that lead nowhere.
pub fn dead_links(text: &str, document: &Path) -> Vec<String> {
    let directory = document.parent().unwrap_or(Path::new("."));
    targets(text)
        .into_iter()
        .filter(|target| !leads_somewhere(target, text, directory))
        .collect()
}

/// Paths of Rust files and of the tree's folders in code spans that no file of the tree has.
///
/// A path may begin below the root, as in `flow/lease.rs` for `crates/worker/src/flow/lease.rs`.
pub fn dead_paths(text: &str, tree: &[String], folders: &[&str]) -> Vec<String> {
    code_spans(text)
        .into_iter()
        .filter(|span| span.contains('/') && !span.contains([' ', '*', '<', '{', ':']))
        .filter(|span| {
            let is_rust = Path::new(span)
                .extension()
                .is_some_and(|found| found == "rs");
            let end = format!("/{span}");
            let is_folder = span.ends_with('/') && folders.iter().any(|f| span.starts_with(f));
            (is_rust && !tree.iter().any(|file| file.ends_with(&end)))
                || (is_folder && !tree.iter().any(|file| file.contains(&end)))
        })
        .map(str::to_owned)
        .collect()
}

/// Code spans outside of code blocks.
fn code_spans(text: &str) -> Vec<&str> {
    let mut is_code = false;
    let lines = text.lines().filter(|line| {
        is_code ^= line.trim_start().starts_with("```");
        !is_code
    });
    lines
        .flat_map(|line| line.split('`').skip(1).step_by(2))
        .collect()
}

/// Relative targets of inline links, outside of code.
fn targets(text: &str) -> Vec<String> {
    let mut targets = Vec::new();
    let mut is_code = false;
    for line in text.lines() {
        is_code ^= line.trim_start().starts_with("```");
        if is_code {
            continue;
        }
        for rest in line.split("](").skip(1) {
            let Some((target, _)) = rest.split_once(')') else {
                continue;
            };
            let is_foreign = target.contains("://") || target.starts_with("mailto:");
            if !is_foreign {
                targets.push(target.to_owned());
            }
        }
    }
    targets
}

fn leads_somewhere(target: &str, text: &str, directory: &Path) -> bool {
    let (path, anchor) = target.split_once('#').unwrap_or((target, ""));
    let file = directory.join(path);
    if path.is_empty() {
        return anchors(text).iter().any(|known| known == anchor);
    }
    if anchor.is_empty() || path.rsplit('.').next() != Some("md") {
        return file.exists();
    }
    fs::read_to_string(file).is_ok_and(|text| anchors(&text).iter().any(|known| known == anchor))
}

/// Anchors of a document's headings, as GitHub makes them.
fn anchors(text: &str) -> Vec<String> {
    let mut is_code = false;
    let headings = text.lines().filter(|line| {
        is_code ^= line.trim_start().starts_with("```");
        !is_code && line.starts_with('#')
    });
    headings
        .map(|heading| {
            let title = heading.trim_start_matches('#').trim().to_lowercase();
            title
                .chars()
                .filter(|c| c.is_alphanumeric() || " -_".contains(*c))
                .map(|c| if c == ' ' { '-' } else { c })
                .collect()
        })
        .collect()
}
