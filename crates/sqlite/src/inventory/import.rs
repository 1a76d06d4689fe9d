//! Import of a file with an image in each line.

use std::io::BufRead;

use rehearsal_worker::model::Image;
use rehearsal_worker::ports::PortError;

use super::{ImageFileError, SqliteInventory, read_images};

/// Number of images in one transaction, so that other writers wait briefly.
const BATCH: usize = 256;

/// Reason why an import stopped.
#[derive(Debug, thiserror::Error)]
pub enum ImportError {
    /// The file was not read to its end.
    #[error(transparent)]
    File(#[from] ImageFileError),
    /// The inventory was not written.
    #[error("the images up to line {line} were not written: {error}")]
    Write {
        /// Number of the last line of the batch, from 1.
        line: u64,
        /// Error of the inventory.
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
        for read in read_images(lines) {
            match read {
                Ok((line, image)) => {
                    last = line;
                    batch.push(image);
                }
                Err(error) => {
                    stopped = Err(error);
                    break;
                }
            }
            if batch.len() == BATCH {
                imported += self.write_batch(&mut batch, last).await?;
            }
        }
        imported += self.write_batch(&mut batch, last).await?;
        stopped?;
        Ok(imported)
    }

    async fn write_batch(&self, batch: &mut Vec<Image>, line: u64) -> Result<u64, ImportError> {
        let count = batch.len() as u64;
        let written = self.put(std::mem::take(batch)).await;
        written.map_err(|error| ImportError::Write { line, error })?;
        Ok(count)
    }
}
