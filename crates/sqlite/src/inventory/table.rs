//! Tables of the images and of the index over them.

use rehearsal_worker::model::{Image, ImageDigest, TenantId};
use tokio_rusqlite::rusqlite::{self, Connection, params};

pub(crate) const SCHEMA: &str = "
    CREATE TABLE image (
        -- Never used again; the order of every answer.
        id INTEGER PRIMARY KEY AUTOINCREMENT,
        tenant TEXT NOT NULL,
        digest BLOB NOT NULL,
        registry TEXT NOT NULL,
        repository TEXT NOT NULL,
        -- JSON list.
        tags TEXT NOT NULL,
        UNIQUE (tenant, digest, registry, repository)
    ) STRICT;
    CREATE INDEX image_repository ON image (tenant, repository);

    CREATE TABLE image_namespace (
        namespace TEXT NOT NULL,
        image_id INTEGER NOT NULL REFERENCES image (id) ON DELETE CASCADE,
        PRIMARY KEY (namespace, image_id)
    ) STRICT, WITHOUT ROWID;
    CREATE INDEX image_namespace_image ON image_namespace (image_id);

    CREATE TABLE image_label (
        name TEXT NOT NULL,
        value TEXT NOT NULL,
        image_id INTEGER NOT NULL REFERENCES image (id) ON DELETE CASCADE,
        PRIMARY KEY (image_id, name)
    ) STRICT, WITHOUT ROWID;

    CREATE TABLE component (
        id INTEGER PRIMARY KEY,
        product_key TEXT NOT NULL UNIQUE
    ) STRICT;

    CREATE TABLE image_component (
        component_id INTEGER NOT NULL REFERENCES component (id),
        image_id INTEGER NOT NULL REFERENCES image (id) ON DELETE CASCADE,
        at_entrypoint INTEGER NOT NULL,
        PRIMARY KEY (component_id, image_id)
    ) STRICT, WITHOUT ROWID;
    CREATE INDEX image_component_image ON image_component (image_id);
";

/// Statements that remove the entries of an image from the index.
const REMOVE_ENTRIES: [&str; 3] = [
    "DELETE FROM image_namespace WHERE image_id = ?1",
    "DELETE FROM image_label WHERE image_id = ?1",
    "DELETE FROM image_component WHERE image_id = ?1",
];

/// Writes an image and its entries in the index, in place of its earlier self.
pub(super) fn put(connection: &Connection, image: &Image) -> rusqlite::Result<()> {
    let id = put_row(connection, image)?;
    for statement in REMOVE_ENTRIES {
        connection.prepare_cached(statement)?.execute([id])?;
    }
    let mut namespace = connection.prepare_cached(
        "INSERT INTO image_namespace (namespace, image_id) VALUES (?1, ?2) ON CONFLICT DO NOTHING",
    )?;
    for name in &image.namespaces {
        namespace.execute(params![&**name, id])?;
    }
    let mut label = connection
        .prepare_cached("INSERT INTO image_label (name, value, image_id) VALUES (?1, ?2, ?3)")?;
    for (name, value) in &image.labels {
        label.execute(params![&**name, &**value, id])?;
    }
    let mut component = connection
        .prepare_cached("INSERT INTO component (product_key) VALUES (?1) ON CONFLICT DO NOTHING")?;
    // An image may name a component twice.
    let mut entry = connection.prepare_cached(
        "INSERT INTO image_component (component_id, image_id, at_entrypoint)
         SELECT id, ?2, ?3 FROM component WHERE product_key = ?1
         ON CONFLICT DO UPDATE SET at_entrypoint = at_entrypoint OR excluded.at_entrypoint",
    )?;
    for (product_key, at_entrypoint) in &image.components {
        component.execute([&**product_key])?;
        entry.execute(params![&**product_key, id, at_entrypoint])?;
    }
    Ok(())
}

/// Writes the row of an image, and returns its number.
fn put_row(connection: &Connection, image: &Image) -> rusqlite::Result<i64> {
    let mut put = connection.prepare_cached(
        "INSERT INTO image (tenant, digest, registry, repository, tags)
         VALUES (?1, ?2, ?3, ?4, ?5)
         ON CONFLICT (tenant, digest, registry, repository) DO UPDATE SET tags = excluded.tags
         RETURNING id",
    )?;
    let tags = serde_json::json!(image.tags).to_string();
    let values = params![
        image.tenant.as_str(),
        image.digest.as_bytes(),
        &*image.registry,
        &*image.repository,
        tags,
    ];
    put.query_row(values, |row| row.get(0))
}

/// Removes an image with its entries in the index, if it is there.
pub(super) fn remove_image(connection: &Connection, image: &Image) -> rusqlite::Result<()> {
    let mut remove = connection.prepare_cached(
        "DELETE FROM image
         WHERE tenant = ?1 AND digest = ?2 AND registry = ?3 AND repository = ?4",
    )?;
    remove.execute(params![
        image.tenant.as_str(),
        image.digest.as_bytes(),
        &*image.registry,
        &*image.repository,
    ])?;
    Ok(())
}

/// Removes images with their entries in the index, and returns their number.
pub(super) fn remove(
    connection: &Connection,
    tenant: &TenantId,
    digest: &ImageDigest,
) -> rusqlite::Result<u64> {
    let mut remove =
        connection.prepare_cached("DELETE FROM image WHERE tenant = ?1 AND digest = ?2")?;
    let removed = remove.execute(params![tenant.as_str(), digest.as_bytes()])?;
    Ok(removed as u64)
}
