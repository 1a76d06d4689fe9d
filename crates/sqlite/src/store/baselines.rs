//! Baselines: the last committed report of each image of a tenant.

use rehearsal_worker::model::commit::ReportWrite;
use rehearsal_worker::model::{Baseline, ImageDigest, TenantId, Timestamp};
use tokio_rusqlite::rusqlite::{self, Connection, OptionalExtension};

use crate::value::{Bits, Json, Nanos};

/// The findings are the last column, so that a read of the others leaves their pages alone.
pub(super) const SCHEMA: &str = "
    CREATE TABLE baselines (
        tenant TEXT NOT NULL,
        image BLOB NOT NULL,
        revision INTEGER NOT NULL,
        committed_at INTEGER NOT NULL,
        findings TEXT NOT NULL,
        PRIMARY KEY (tenant, image)
    ) STRICT;
";

/// Reads the revision of an image's baseline.
pub(super) fn revision(
    db: &Connection,
    tenant: &TenantId,
    image: &ImageDigest,
) -> rusqlite::Result<Option<u64>> {
    db.prepare_cached("SELECT revision FROM baselines WHERE tenant = ?1 AND image = ?2")?
        .query_row((tenant.as_str(), image.as_bytes()), |row| {
            row.get(0).map(|Bits(revision)| revision)
        })
        .optional()
}

/// Reads the time at which a report of an image was last committed.
pub(super) fn committed_at(
    db: &Connection,
    tenant: &TenantId,
    image: &ImageDigest,
) -> rusqlite::Result<Option<Timestamp>> {
    db.prepare_cached("SELECT committed_at FROM baselines WHERE tenant = ?1 AND image = ?2")?
        .query_row((tenant.as_str(), image.as_bytes()), |row| {
            row.get(0).map(|Nanos(at)| at)
        })
        .optional()
}

/// Reads an image's baseline.
pub(super) fn read(
    db: &Connection,
    tenant: &TenantId,
    image: &ImageDigest,
) -> rusqlite::Result<Option<Baseline>> {
    db.prepare_cached(
        "SELECT revision, committed_at, findings FROM baselines WHERE tenant = ?1 AND image = ?2",
    )?
    .query_row((tenant.as_str(), image.as_bytes()), |row| {
        let (Bits(revision), Nanos(committed_at)) = (row.get(0)?, row.get(1)?);
        let Json(findings) = row.get(2)?;
        Ok(Baseline {
            revision,
            findings,
            committed_at,
        })
    })
    .optional()
}

/// Replaces the baseline of an image by a report, which leaves newer findings, see
/// [`ReportWrite::baseline`].
pub(super) fn commit(
    db: &Connection,
    tenant: &TenantId,
    report: &ReportWrite,
    now: Timestamp,
) -> rusqlite::Result<()> {
    db.prepare_cached(
        "INSERT INTO baselines (tenant, image, revision, committed_at, findings)
         VALUES (?1, ?2, ?3, ?4, ?5)
         ON CONFLICT (tenant, image) DO UPDATE SET
             revision = max(revision, excluded.revision),
             committed_at = excluded.committed_at,
             findings = iif(revision > excluded.revision, findings, excluded.findings)",
    )?
    .execute((
        tenant.as_str(),
        report.image.as_bytes(),
        Bits(report.revision),
        Nanos(now),
        Json(&report.findings),
    ))?;
    Ok(())
}
