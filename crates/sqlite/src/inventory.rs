//! Inventory of images, and the impact index over it.
//!
//! ```text
//!   image line, SBOM event ──> Image ──> image ─┬─ image_namespace
//!                                               ├─ image_label
//!                                               └─ image_component ── component
//! ```
//!
//! The index is three tables with the images of each namespace, label and component. An image and
//! its entries change in one transaction, so a query never sees one without the other. Bitmaps in
//! memory were rejected: every process would read the whole inventory at its start.

mod image_line;
mod import;
mod query;
mod sbom_event;
mod table;

use std::sync::Arc;

use rehearsal_worker::model::{Image, ImageDigest, TenantId};
use rehearsal_worker::ports::{ImpactQuery, ImpactRequest, Impacted, PortResult};

pub use self::image_line::{ImageFileError, ImageLineError, read_images};
pub use self::import::ImportError;
use self::query::ImpactStatement;
pub use self::sbom_event::SbomEvent;
pub(crate) use self::table::SCHEMA;
use crate::Database;

/// Inventory in a file, which answers queries of the impact index.
#[derive(Debug, Clone)]
pub struct SqliteInventory {
    database: Database,
}

impl SqliteInventory {
    /// Opens the inventory in a file.
    pub fn new(database: Database) -> Self {
        Self {
            database: database.of_port("inventory"),
        }
    }

    /// Writes images in one transaction. Each replaces the image of its tenant with the same
    /// registry, repository and digest, and keeps the place of that one in the order of answers.
    pub async fn put(&self, images: impl Into<Arc<[Image]>>) -> PortResult<()> {
        let images = images.into();
        self.database
            .write(move |file, _| images.iter().try_for_each(|image| table::put(file, image)))
            .await
    }

    /// Removes the images of a tenant with this digest, and returns their number.
    pub async fn remove(&self, tenant: &TenantId, digest: ImageDigest) -> PortResult<u64> {
        let tenant = tenant.clone();
        self.database
            .write(move |file, _| table::remove(file, &tenant, &digest))
            .await
    }
}

impl ImpactQuery for SqliteInventory {
    async fn resolve(&self, request: &ImpactRequest<'_>) -> PortResult<Impacted> {
        let statement = ImpactStatement::of(request);
        self.database
            .read(move |file, _| statement.execute(file))
            .await
    }
}
