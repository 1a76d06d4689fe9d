//! Loading of scenario files: parse, override, validate, read referenced files.

mod advisory_trace;
mod cvss;
mod referenced_files;

use std::io::Read;
use std::path::Path;
use std::string::FromUtf8Error;

use serde::Deserialize;

use super::document::{Diagnostic, Diagnostics, Node, SourceSpan, SourceText, overrides};
use super::schema::SCHEMA;
use super::{KnownNames, Scenario, estimate, validation};
use crate::files::{ByteLimit, FileError, InputFile, input_name};

/// Error of loading a scenario.
#[derive(Debug, thiserror::Error)]
pub enum LoadError {
    /// The file can't be read.
    #[error(transparent)]
    Unreadable(#[from] FileError),
    /// The file has errors.
    #[error(transparent)]
    Invalid(#[from] Diagnostics),
}

/// Loader of scenario files.
#[derive(Clone, Debug, Default)]
pub struct Loader {
    /// Names that scenarios may refer to.
    pub known_names: KnownNames,
    /// Overrides `key=value`, applied in order.
    pub overrides: Vec<String>,
}

impl Loader {
    /// Loads a scenario file and all files that it refers to. `-` is the standard input.
    pub fn load(&self, path: &Path) -> Result<Scenario, LoadError> {
        self.load_with_text(path).map(|(scenario, _)| scenario)
    }

    /// Loads a scenario file and all files that it refers to, and returns its text too.
    pub fn load_with_text(&self, path: &Path) -> Result<(Scenario, String), LoadError> {
        let mut bytes = Vec::new();
        InputFile::open(path, ByteLimit::DOCUMENT)?
            .read_to_end(&mut bytes)
            .map_err(|error| FileError::reading(path, error))?;
        match String::from_utf8(bytes) {
            Ok(text) => Ok((self.parse_file(path, &text)?, text)),
            Err(error) => Err(not_text(input_name(path), &error).into()),
        }
    }

    /// Loads a scenario from the text of its file, with all files that it refers to.
    pub fn parse_file(&self, path: &Path, text: &str) -> Result<Scenario, Diagnostics> {
        let directory = path.parent().unwrap_or(Path::new(""));
        self.parse(&input_name(path), text, Some(directory))
    }

    /// Loads a scenario from a text. Without a directory, referenced files are not read, and their
    /// contents stay empty.
    pub fn parse(
        &self,
        name: &str,
        text: &str,
        directory: Option<&Path>,
    ) -> Result<Scenario, Diagnostics> {
        let mut sources = vec![SourceText {
            name: name.to_owned(),
            text: text.to_owned(),
        }];
        self.parse_into(text, directory, &mut sources)
            .map_err(|diagnostics| Diagnostics::new(diagnostics, sources))
    }

    fn parse_into(
        &self,
        text: &str,
        directory: Option<&Path>,
        sources: &mut Vec<SourceText>,
    ) -> Result<Scenario, Vec<Diagnostic>> {
        let mut document = Node::parse(text, 0)?;
        let mut diagnostics = Vec::new();
        for text in &self.overrides {
            let (source, more) = overrides::apply(&mut document, text, sources.len());
            sources.push(source);
            diagnostics.extend(more);
        }
        diagnostics.extend(validation::check_schema(
            &SCHEMA,
            &document,
            &self.known_names,
        ));
        refuse(diagnostics)?;
        let mut scenario = Scenario::deserialize(document.to_toml()).map_err(|error| {
            // The schema lets through only what can be read, or a test has a gap.
            vec![
                Diagnostic::new("the scenario can't be read")
                    .at(document.span.clone(), error.message()),
            ]
        })?;
        let mut diagnostics =
            validation::check_semantics(&mut scenario, &document, &self.known_names);
        if let Some(directory) = directory {
            diagnostics.extend(referenced_files::fill(&mut scenario, &document, directory));
        }
        refuse(diagnostics)?;
        refuse(estimate::check(&scenario, &document))?;
        Ok(scenario)
    }
}

fn not_text(name: String, error: &FromUtf8Error) -> Diagnostics {
    let start = error.utf8_error().valid_up_to();
    let text = String::from_utf8_lossy(error.as_bytes()).into_owned();
    let span = SourceSpan {
        source: 0,
        start,
        end: start + 1,
    };
    let diagnostic = Diagnostic::new("the file is not UTF-8").at(span, "invalid byte");
    Diagnostics::new(vec![diagnostic], vec![SourceText { name, text }])
}

fn refuse(diagnostics: Vec<Diagnostic>) -> Result<(), Vec<Diagnostic>> {
    if diagnostics.is_empty() {
        Ok(())
    } else {
        Err(diagnostics)
    }
}
