//! The rules that a command line names.

use std::fs;
use std::path::Path;

use rehearsal::bundled;
use rehearsal::promql::Semantics;
use rehearsal::promql::rules::RuleFile;

use super::error::CliError;

/// The rules of a file, with its text; without one, those of the operator files.
pub fn read_rules(
    path: Option<&Path>,
    semantics: Semantics,
) -> Result<(RuleFile, String), CliError> {
    let (name, text) = match path {
        None => (bundled::RULES_PATH.to_owned(), bundled::RULES.to_owned()),
        Some(path) => {
            let text = fs::read_to_string(path)
                .map_err(|error| CliError::Io(format!("can't read {}: {error}", path.display())))?;
            (path.display().to_string(), text)
        }
    };
    let rules = RuleFile::parse(&text, &name, semantics)
        .map_err(|error| CliError::Usage(error.to_string()))?;
    Ok((rules, text))
}
