//! From a file to a scenario, or to everything that is wrong with it.

use std::path::{Path, PathBuf};
use std::string::FromUtf8Error;

use serde::Deserialize;

use super::document::{Node, Place};
use super::problem::{Problem, Problems, Source};
use super::{Scenario, Vocabulary, conform, files, overrides, schema, validate};

/// A scenario file larger than this is refused.
const FILE_BYTES_MAX: u64 = 4 << 20;

/// Why there is no scenario.
#[derive(Debug, thiserror::Error)]
pub enum LoadError {
    /// The file can't be read.
    #[error("can't read {}: {reason}", path.display())]
    Unreadable {
        /// Which.
        path: PathBuf,
        /// Why.
        reason: String,
    },
    /// It is read, and wrong.
    #[error(transparent)]
    Invalid(#[from] Problems),
}

/// Reads scenarios.
#[derive(Clone, Debug, Default)]
pub struct Loader {
    /// The names that scenarios may speak of.
    pub vocabulary: Vocabulary,
    /// Values put over those of the file: `key=value`, in order.
    pub overrides: Vec<String>,
}

impl Loader {
    /// Reads a scenario file and everything that it refers to.
    pub fn load(&self, path: &Path) -> Result<Scenario, LoadError> {
        let bytes = files::read(path, FILE_BYTES_MAX).map_err(|reason| LoadError::Unreadable {
            path: path.to_owned(),
            reason,
        })?;
        let name = path.display().to_string();
        let directory = path.parent().unwrap_or(Path::new(""));
        match String::from_utf8(bytes) {
            Ok(text) => Ok(self.parse(&name, &text, Some(directory))?),
            Err(error) => Err(not_text(name, &error).into()),
        }
    }

    /// Reads a scenario from a text. Without a directory the files that it refers to are not read,
    /// and their contents stay empty.
    pub fn parse(
        &self,
        name: &str,
        text: &str,
        directory: Option<&Path>,
    ) -> Result<Scenario, Problems> {
        let mut sources = vec![Source {
            name: name.to_owned(),
            text: text.to_owned(),
        }];
        self.parse_into(text, directory, &mut sources)
            .map_err(|problems| Problems::new(problems, sources))
    }

    fn parse_into(
        &self,
        text: &str,
        directory: Option<&Path>,
        sources: &mut Vec<Source>,
    ) -> Result<Scenario, Vec<Problem>> {
        let mut document = Node::parse(text, 0)?;
        let mut problems = Vec::new();
        for text in &self.overrides {
            let (source, more) = overrides::apply(&mut document, text, sources.len());
            sources.push(source);
            problems.extend(more);
        }
        problems.extend(conform::check(&schema(), &document, &self.vocabulary));
        refuse(problems)?;
        let mut scenario = Scenario::deserialize(document.to_toml()).map_err(|error| {
            // The schema lets through only what can be read, or a test has a gap.
            vec![
                Problem::new("the scenario can't be read")
                    .at(document.place.clone(), error.message()),
            ]
        })?;
        let mut problems = validate::check(&mut scenario, &document, &self.vocabulary);
        if let Some(directory) = directory {
            problems.extend(files::fill(&mut scenario, &document, directory));
        }
        refuse(problems)?;
        Ok(scenario)
    }
}

fn not_text(name: String, error: &FromUtf8Error) -> Problems {
    let start = error.utf8_error().valid_up_to();
    let text = String::from_utf8_lossy(error.as_bytes()).into_owned();
    let place = Place {
        source: 0,
        start,
        end: start + 1,
    };
    let problem = Problem::new("the file is not UTF-8 text").at(place, "no such character");
    Problems::new(vec![problem], vec![Source { name, text }])
}

fn refuse(problems: Vec<Problem>) -> Result<(), Vec<Problem>> {
    if problems.is_empty() {
        Ok(())
    } else {
        Err(problems)
    }
}
