//! Import of a file with an image in each line.

use std::io::{self, BufRead};

use rehearsal_worker::model::Image;
use rehearsal_worker::ports::PortError;

use super::{ImageLineError, SqliteInventory, read_image};

/// Number of images in one transaction, so that other writers wait briefly.
const BATCH: usize = 256;

/// Reason why an import stopped.
#[derive(Debug, thiserror::Error)]
pub enum ImportError {
    /// The file was not read.
    #[error("line {line} can't be read: {error}")]
    Read {
        /// Number of the line, from 1.
        line: u64,
        /// Error of the file.
        error: io::Error,
    },
    /// A line is no image.
    #[error("line {line}: {error}")]
    Line {
        /// Number of the line, from 1.
        line: u64,
        /// Error in the line.
        error: ImageLineError,
    },
    /// The inventory was not written.
    #[error("the images up to line {line} were not written: {error}")]
    Write {
        /// Number of the last line of the batch, from 1.
        line: u64,
        /// Error of the file.
        error: PortError,
    },
}

impl SqliteInventory {
    /// Imports an image of each line, and returns the number of images. Empty lines are skipped.
    ///
    /// # Errors
    /// It stops at the first line with an error. The images of the lines before are in the
    /// inventory; to import the corrected file again is safe.
    pub async fn import(&self, lines: impl BufRead) -> Result<u64, ImportError> {
        let mut batch = Vec::with_capacity(BATCH);
        let (mut last, mut imported) = (0, 0);
        let mut stopped = Ok(());
        for (line, text) in (1..).zip(lines.lines()) {
            last = line;
            match read_line(line, text) {
                Ok(image) => batch.extend(image),
                Err(error) => stopped = Err(error),
            }
            if stopped.is_err() {
                break;
            }
            if batch.len() == BATCH {
                imported += self.write_batch(&mut batch, last).await?;
            }
        }
        imported += self.write_batch(&mut batch, last).await?;
        stopped.map(|()| imported)
    }

    async fn write_batch(&self, batch: &mut Vec<Image>, line: u64) -> Result<u64, ImportError> {
        let count = batch.len() as u64;
        let written = self.put(std::mem::take(batch)).await;
        written.map_err(|error| ImportError::Write { line, error })?;
        Ok(count)
    }
}

/// Returns the image of a line; none if the line is empty.
fn read_line(line: u64, text: io::Result<String>) -> Result<Option<Image>, ImportError> {
    let text = text.map_err(|error| ImportError::Read { line, error })?;
    if text.trim().is_empty() {
        return Ok(None);
    }
    let image = read_image(&text);
    image
        .map(Some)
        .map_err(|error| ImportError::Line { line, error })
}
