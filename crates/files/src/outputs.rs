//! Output files of a command: none replaces an input, or another file unless it is asked to.

use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use super::{ExistingFile, FileError, create_directory, write_with};

/// The path itself, then `NAME-2.EXTENSION`, `NAME-3.EXTENSION` and so on.
pub fn numbered(path: &Path) -> impl Iterator<Item = PathBuf> + use<> {
    let path = path.to_owned();
    let first = path.clone();
    let numbered = move |number: u32| {
        let mut name = path.file_stem().unwrap_or_default().to_owned();
        name.push(format!("-{number}"));
        if let Some(extension) = path.extension() {
            name.push(".");
            name.push(extension);
        }
        path.with_file_name(name)
    };
    std::iter::once(first).chain((2..).map(numbered))
}

/// Rules for the output files of one command.
pub struct OutputFiles {
    existing: ExistingFile,
    inputs: Vec<PathBuf>,
}

impl OutputFiles {
    /// Rules of a command with these inputs. `force` permits to replace other existing files.
    pub fn new<'p>(force: bool, inputs: impl IntoIterator<Item = &'p Path>) -> Self {
        let inputs = inputs.into_iter();
        Self {
            existing: match force {
                true => ExistingFile::Replace,
                false => ExistingFile::Refuse,
            },
            inputs: inputs.flat_map(fs::canonicalize).collect(),
        }
    }

    /// Checks that a file or directory is no input.
    ///
    /// # Errors
    /// It is an input.
    pub fn check_input(&self, path: &Path) -> Result<(), FileError> {
        match fs::canonicalize(path) {
            Ok(known) if self.inputs.contains(&known) => Err(FileError::Input(path.to_owned())),
            _ => Ok(()),
        }
    }

    /// Checks, before the work, that a file may be written.
    ///
    /// # Errors
    /// It is an input, or exists and must not be replaced.
    pub fn check(&self, path: &Path) -> Result<(), FileError> {
        self.check_input(path)?;
        match self.existing {
            ExistingFile::Refuse if path.exists() => Err(FileError::Exists(path.to_owned())),
            _ => Ok(()),
        }
    }

    /// Default path of an output: this one, or else the first unused one with a number.
    pub fn unused(&self, path: &Path) -> PathBuf {
        let mut paths = numbered(path);
        let first = paths.find(|path| self.existing == ExistingFile::Replace || !path.exists());
        first.unwrap_or_else(|| path.to_owned())
    }

    /// Writes a file, and creates its directory if needed.
    ///
    /// # Errors
    /// The file must not be written, or can't be.
    pub fn write(&self, path: &Path, content: impl AsRef<[u8]>) -> Result<(), FileError> {
        self.write_with(path, |out| out.write_all(content.as_ref()))
    }

    /// Writes a file with a function, and creates its directory if needed.
    ///
    /// # Errors
    /// The file must not be written, or can't be.
    pub fn write_with(
        &self,
        path: &Path,
        content: impl FnOnce(&mut dyn Write) -> io::Result<()>,
    ) -> Result<(), FileError> {
        self.check_input(path)?;
        if let Some(directory) = path.parent() {
            create_directory(directory)?;
        }
        write_with(path, self.existing, content).map(drop)
    }
}
