//! Files of all commands: limited reads of inputs, atomic writes of outputs, locked directories.
//!
//! Everything that the program reads or writes passes through this crate, except the file of
//! SQLite.

#![forbid(unsafe_code)]

mod error;
mod lock;
mod outputs;
mod read;
mod write;

pub use error::FileError;
pub use lock::DirectoryLock;
pub use outputs::{OutputFiles, numbered};
pub use read::{ByteLimit, InputFile, input_name, is_stdin, read_text};
pub use write::{ExistingFile, create_directory, remove_drafts, remove_file, write, write_with};
