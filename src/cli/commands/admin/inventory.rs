//! `rehearsal admin inventory`

use std::io::BufReader;
use std::path::PathBuf;

use clap::Subcommand;
use rehearsal::files::{ByteLimit, InputFile, input_name};
use rehearsal::service::AdminConnection;
use rehearsal::worker::model::ImageDigest;
use rehearsal_sqlite::ImportError;
use serde_json::json;

use super::listing::{AdminOutput, missing, unanswered};
use crate::cli::error::CliError;

#[derive(Subcommand)]
pub enum InventoryCommand {
    /// Import images, each of which replaces its earlier self
    Import {
        /// File with a JSON object in each line; `-` for standard input
        #[arg(value_name = "FILE")]
        file: PathBuf,
    },
    /// Remove the images of a tenant with a digest
    Remove {
        /// Tenant that owns the images
        #[arg(value_name = "TENANT")]
        tenant: String,
        /// Digest of the images
        #[arg(value_name = "DIGEST")]
        digest: ImageDigest,
    },
}

impl InventoryCommand {
    /// Returns whether the command creates a store that does not exist.
    pub const fn may_create(&self) -> bool {
        matches!(self, Self::Import { .. })
    }
}

/// Carries out a command.
pub async fn carry_out(
    connection: &AdminConnection,
    command: &InventoryCommand,
) -> Result<AdminOutput, CliError> {
    let inventory = &connection.inventory;
    let value = match command {
        InventoryCommand::Import { file } => {
            let failed = |error: ImportError| {
                let message = format!("{}: {error}", input_name(file));
                match error {
                    ImportError::Write { .. } => CliError::io(message),
                    ImportError::File(_) => CliError::usage(message),
                }
            };
            let lines = BufReader::new(InputFile::open(file, ByteLimit::ROWS)?);
            let imported = inventory.import(lines).await.map_err(failed)?;
            json!({ "imported": imported })
        }
        InventoryCommand::Remove { tenant, digest } => {
            let removed = inventory.remove(&tenant.as_str().into(), *digest).await;
            match removed.map_err(unanswered)? {
                0 => return Err(missing("image", digest)),
                removed => json!({ "removed": removed }),
            }
        }
    };
    let kind = "inventory";
    Ok(AdminOutput::Object { kind, value })
}
