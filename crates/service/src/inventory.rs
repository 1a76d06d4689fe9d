//! Inventory of images: a file with one JSON object in each line, or the images in the store.

use std::io::BufReader;
use std::path::{Path, PathBuf};
use std::rc::Rc;

use rehearsal_files::{ByteLimit, FileError, InputFile};
use rehearsal_sqlite::{ImageFileError, SqliteInventory, read_images};
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
    /// The file can't be opened.
    #[error("inventory.file: {0}")]
    Unreadable(#[from] FileError),
    /// The file is not read to its end.
    #[error("inventory.file: {}: {error}", path.display())]
    Malformed {
        /// File.
        path: PathBuf,
        /// Line that is no image, and why.
        error: ImageFileError,
    },
}

impl ImageInventory {
    /// Reads a file. Empty lines are skipped.
    ///
    /// # Errors
    /// The file can't be read, or a line is no image.
    pub fn read(path: &Path) -> Result<Self, InventoryError> {
        let lines = BufReader::new(InputFile::open(path, ByteLimit::ROWS)?);
        let images = read_images(lines).map(|read| read.map(|(_, image)| image));
        images.collect::<Result<_, _>>().map_err(|error| {
            let path = path.to_owned();
            InventoryError::Malformed { path, error }
        })
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
    fn error_names_the_file_and_the_line() {
        let mut file = NamedTempFile::new().unwrap();
        writeln!(file, "{}{{}}", line(1)).unwrap();
        let error = ImageInventory::read(file.path()).err().unwrap().to_string();
        let path = file.path().display();
        let expected =
            format!("inventory.file: {path}: line 2: field `digest` is missing or empty");
        assert_eq!(error, expected);
        let missing = ImageInventory::read("no/such/file".as_ref()).err();
        let start = "inventory.file: can't read no/such/file: ";
        assert!(missing.unwrap().to_string().starts_with(start));
    }

    #[cfg(unix)]
    #[test]
    fn device_is_refused_at_once() {
        let error = ImageInventory::read("/dev/zero".as_ref()).err().unwrap();
        assert!(error.to_string().contains("not a regular file"), "{error}");
    }
}
