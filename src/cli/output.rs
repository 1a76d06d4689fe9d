//! Standard output and standard error, with their failures.

use std::io::{ErrorKind, Write};

use super::error::CliError;

/// Prints to standard output. A reader that has gone away is no failure: it has seen enough.
pub fn print(text: &str) -> Result<(), CliError> {
    let mut out = anstream::stdout().lock();
    match out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
        Err(error) if error.kind() != ErrorKind::BrokenPipe => Err(CliError::Io(format!(
            "can't write to standard output: {error}"
        ))),
        _ => Ok(()),
    }
}

/// Prints to standard error. If that fails, there is nowhere to say so.
pub fn print_status(text: &str) {
    let mut err = anstream::stderr().lock();
    let _ = writeln!(err, "{text}");
}
