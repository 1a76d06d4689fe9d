//! Inventory of images: a file with one JSON object in each line, or the images in the store.

use std::fs::File;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::rc::Rc;

use rehearsal_sqlite::{SqliteInventory, read_image};
use rehearsal_worker::model::Image;
use rehearsal_worker::planning::impact_index::ImpactIndex;
use rehearsal_worker::ports::{ImpactQuery, ImpactRequest, Impacted, PortResult};

/// Inventory of a process.
#[derive(Clone)]
pub enum ImageInventory {
    /// Images in memory, as they were at the start.
    Memory(Rc<ImpactIndex>),
    /// Images in the store, which commands change at any time.
    Store(SqliteInventory),
}

/// Reason why an inventory was not read.
#[derive(Debug, thiserror::Error)]
pub enum InventoryError {
    /// The file can't be read.
    #[error("inventory.file: {0}")]
    Unreadable(#[from] std::io::Error),
    /// A line is no image.
    #[error("inventory.file: line {line}: {reason}")]
    Malformed {
        /// Number of the line, from 1.
        line: usize,
        /// Reason why it can't be read.
        reason: String,
    },
}

impl ImageInventory {
    /// Reads a file. Empty lines are skipped.
    ///
    /// # Errors
    /// The file can't be read, or a line is no image.
    pub fn read(path: &Path) -> Result<Self, InventoryError> {
        let mut images = Vec::new();
        for (line, text) in (1..).zip(BufReader::new(File::open(path)?).lines()) {
            let text = text?;
            if text.trim().is_empty() {
                continue;
            }
            let image = read_image(&text);
            images.push(image.map_err(|error| InventoryError::Malformed {
                line,
                reason: error.to_string(),
            })?);
        }
        Ok(images.into_iter().collect())
    }
}

impl FromIterator<Image> for ImageInventory {
    fn from_iter<T: IntoIterator<Item = Image>>(images: T) -> Self {
        Self::Memory(Rc::new(images.into_iter().collect()))
    }
}

impl ImpactQuery for ImageInventory {
    async fn resolve(&self, request: &ImpactRequest<'_>) -> PortResult<Impacted> {
        match self {
            Self::Memory(index) => Ok(index.resolve(request)),
            Self::Store(inventory) => inventory.resolve(request).await,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use futures_lite::future::block_on;
    use rehearsal_sqlite::{Database, DatabaseOptions};
    use rehearsal_worker::model::{Selector, TenantId};
    use tempfile::NamedTempFile;

    use super::*;

    fn read(text: &str) -> Result<ImageInventory, InventoryError> {
        let mut file = NamedTempFile::new().unwrap();
        file.write_all(text.as_bytes()).unwrap();
        ImageInventory::read(file.path())
    }

    fn line(number: u8) -> String {
        format!(
            "{{\"digest\":\"sha256:{}\",\"tenant\":\"acme\",\"registry\":\"registry.example\",\
             \"repository\":\"shop/cart\",\"namespaces\":[],\"tags\":[],\"labels\":{{}},\
             \"components\":[{{\"productKey\":\"pkg:a\",\"usedByEntrypoint\":true}}]}}\n",
            format!("{number:02x}").repeat(32)
        )
    }

    fn expect_two_images(inventory: &ImageInventory) {
        let request = ImpactRequest {
            tenant: &TenantId::from("acme"),
            selector: &Selector::All,
            product_keys: &["pkg:a".into()],
            usage_only: true,
        };
        let impacted = block_on(inventory.resolve(&request)).unwrap();
        assert_eq!((impacted.candidates, impacted.digests.len()), (2, 2));
    }

    #[test]
    fn images_of_a_file_or_of_the_store_are_found() {
        let lines = format!("{}\n{}", line(1), line(2));
        expect_two_images(&read(&lines).unwrap());
        let file = NamedTempFile::new().unwrap();
        let database = block_on(Database::open(file.path(), DatabaseOptions::default()));
        let store = SqliteInventory::new(database.unwrap());
        let inventory = ImageInventory::Store(store.clone());
        block_on(store.import(lines.as_bytes())).unwrap();
        expect_two_images(&inventory);
    }

    #[test]
    fn malformed_line_is_named() {
        let error = read(&format!("{}{{}}\n", line(1)))
            .err()
            .unwrap()
            .to_string();
        assert!(
            error.starts_with("inventory.file: line 2: field `digest` is missing"),
            "{error}"
        );
        assert!(ImageInventory::read("no/such/file".as_ref()).is_err());
    }
}
