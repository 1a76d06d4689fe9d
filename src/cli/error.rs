//! Why a command could not do its work.

use rehearsal::scenario::LoadError;

/// Why a command could not do its work.
#[derive(Debug, thiserror::Error)]
pub enum CliError {
    /// A scenario file can't be read, or is wrong.
    #[error("{}", message(.0))]
    Scenario(#[from] LoadError),
    /// Something around the program failed.
    #[error("error: {0}")]
    Io(String),
    /// The command line asks for something impossible.
    #[error("error: {0}")]
    Usage(String),
}

impl CliError {
    /// The exit code of a wrong command line or scenario.
    pub const USAGE: u8 = 2;

    /// The exit code of an error of the program or its surroundings.
    pub const IO: u8 = 1;

    /// The exit code of the program.
    pub fn exit_code(&self) -> u8 {
        match self {
            Self::Scenario(LoadError::Invalid(_)) | Self::Usage(_) => Self::USAGE,
            Self::Scenario(LoadError::Unreadable { .. }) | Self::Io(_) => Self::IO,
        }
    }
}

fn message(error: &LoadError) -> String {
    match error {
        // Styles are stripped again where standard error does not want them.
        LoadError::Invalid(problems) => problems.render(true),
        LoadError::Unreadable { .. } => format!("error: {error}"),
    }
}
