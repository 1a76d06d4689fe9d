//! Runs, and the orders in which they are read.

use std::sync::Arc;

use rehearsal_worker::model::{
    ImpactSet, Mode, Run, RunId, RunState, ScheduleId, TenantId, Timestamp,
};
use rehearsal_worker::ports::{Versioned, WaitingRun};
use tokio_rusqlite::rusqlite::{self, Connection, OptionalExtension};

use crate::value::{Bits, Json, Nanos, limit};

pub(super) const SCHEMA: &str = "
    CREATE TABLE runs (
        id TEXT PRIMARY KEY,
        tenant TEXT NOT NULL,
        schedule TEXT NOT NULL,
        state TEXT NOT NULL,
        mode TEXT NOT NULL,
        version INTEGER NOT NULL,
        created_at INTEGER NOT NULL,
        completed_at INTEGER,
        not_before INTEGER,
        -- Time of the last change of its state or statistics.
        progress_at INTEGER NOT NULL,
        document TEXT NOT NULL,
        impact TEXT
    ) STRICT;
    CREATE INDEX runs_planning ON runs (tenant, created_at, id, not_before)
        WHERE state = 'planning';
    CREATE INDEX runs_unfinished ON runs (created_at, id)
        WHERE state IN ('planning', 'queued', 'running');
    CREATE INDEX runs_unfinished_of_schedule ON runs (schedule, created_at, id)
        WHERE state IN ('planning', 'queued', 'running');
    CREATE INDEX runs_finished ON runs (completed_at)
        WHERE state IN ('completed', 'error', 'cancelled');
    CREATE INDEX runs_progress ON runs (mode, progress_at)
        WHERE state IN ('queued', 'running');
    CREATE INDEX runs_of_schedule ON runs (schedule, created_at, id);
    CREATE INDEX runs_of_state ON runs (state, created_at, id);
    CREATE INDEX runs_created ON runs (created_at, id);
    CREATE TABLE served_tenants (
        tenant TEXT PRIMARY KEY,
        -- Rank of the last planning that served the tenant.
        rank INTEGER NOT NULL
    ) STRICT, WITHOUT ROWID;
";

/// Text of a state in the column, which the partial indexes name.
const fn state_text(state: RunState) -> &'static str {
    match state {
        RunState::Planning => "planning",
        RunState::Queued => "queued",
        RunState::Running => "running",
        RunState::Completed => "completed",
        RunState::Error => "error",
        RunState::Cancelled => "cancelled",
    }
}

/// Reads a run.
pub(super) fn read(db: &Connection, id: &RunId) -> rusqlite::Result<Option<Versioned<Run>>> {
    db.prepare_cached("SELECT version, document FROM runs WHERE id = ?1")?
        .query_row([id.as_str()], |row| {
            let (Bits(version), Json(value)) = (row.get(0)?, row.get(1)?);
            Ok(Versioned { version, value })
        })
        .optional()
}

/// Writes a run over `before`, or creates it.
pub(super) fn write(
    db: &Connection,
    before: Option<&Run>,
    run: &Run,
    now: Timestamp,
) -> rusqlite::Result<()> {
    let has_progress =
        before.is_none_or(|before| before.state != run.state || before.stats != run.stats);
    let mut upsert = db.prepare_cached(
        "INSERT INTO runs (id, tenant, schedule, state, mode, version, created_at, completed_at,
                           not_before, progress_at, document)
         VALUES (?1, ?2, ?3, ?4, ?5, 1, ?6, ?7, ?8, ?9, ?10)
         ON CONFLICT (id) DO UPDATE SET
             state = excluded.state, mode = excluded.mode, version = version + 1,
             completed_at = excluded.completed_at, not_before = excluded.not_before,
             progress_at = iif(?11, excluded.progress_at, progress_at),
             document = excluded.document
         WHERE tenant = excluded.tenant",
    )?;
    upsert.execute(rusqlite::params![
        run.id.as_str(),
        run.tenant.as_str(),
        run.schedule.as_str(),
        state_text(run.state),
        run.mode.as_str(),
        Nanos(run.created_at),
        run.completed_at.map(Nanos),
        run.not_before.map(Nanos),
        Nanos(now),
        Json(run),
        has_progress,
    ])?;
    Ok(())
}

/// Writes the planned images of a run.
pub(super) fn write_impact(db: &Connection, run: &Run, impact: &ImpactSet) -> rusqlite::Result<()> {
    db.prepare_cached("UPDATE runs SET impact = ?3 WHERE id = ?1 AND tenant = ?2")?
        .execute((run.id.as_str(), run.tenant.as_str(), Json(impact)))?;
    Ok(())
}

/// Records that planning has served a tenant, with the highest rank.
pub(super) fn serve(db: &Connection, tenant: &TenantId, rank: u64) -> rusqlite::Result<()> {
    db.prepare_cached("INSERT OR REPLACE INTO served_tenants (tenant, rank) VALUES (?1, ?2)")?
        .execute((tenant.as_str(), Bits(rank)))?;
    Ok(())
}

/// Lists the `per_tenant` oldest runs of each tenant that may be planned.
pub(super) fn planning(
    db: &Connection,
    per_tenant: usize,
    now: Timestamp,
) -> rusqlite::Result<Vec<WaitingRun>> {
    let mut select = db.prepare_cached(
        "SELECT id, created_at,
                coalesce((SELECT rank FROM served_tenants WHERE tenant = runs.tenant), 0)
         FROM runs
         WHERE state = 'planning' AND tenant = ?1 AND (not_before IS NULL OR not_before <= ?2)
         ORDER BY created_at, id LIMIT ?3",
    )?;
    let mut waiting = Vec::new();
    for tenant in planning_tenants(db)? {
        let mut rows = select.query((tenant.as_str(), Nanos(now), limit(per_tenant)))?;
        while let Some(row) = rows.next()? {
            let (Nanos(created_at), Bits(tenant_served)) = (row.get(1)?, row.get(2)?);
            waiting.push(WaitingRun {
                run: id_of(row)?,
                tenant: tenant.clone(),
                created_at,
                tenant_served,
            });
        }
    }
    Ok(waiting)
}

/// Returns the tenants that have runs in `Planning`: one look-up in the index for each.
fn planning_tenants(db: &Connection) -> rusqlite::Result<Vec<TenantId>> {
    let mut select = db.prepare_cached(
        "WITH RECURSIVE tenants (tenant) AS (
             SELECT min(tenant) FROM runs WHERE state = 'planning'
             UNION ALL
             SELECT (SELECT min(tenant) FROM runs
                     WHERE state = 'planning' AND tenant > tenants.tenant)
             FROM tenants WHERE tenant IS NOT NULL
         )
         SELECT tenant FROM tenants WHERE tenant IS NOT NULL",
    )?;
    let tenants = select.query_map([], |row| Ok(TenantId::new(row.get::<_, Arc<str>>(0)?)))?;
    tenants.collect()
}

/// Returns the oldest time of progress among the open runs of a mode.
pub(super) fn oldest_progress(db: &Connection, mode: Mode) -> rusqlite::Result<Option<Timestamp>> {
    db.prepare_cached(
        "SELECT progress_at FROM runs WHERE state IN ('queued', 'running') AND mode = ?1
         ORDER BY progress_at LIMIT 1",
    )?
    .query_row([mode.as_str()], |row| row.get(0).map(|Nanos(at)| at))
    .optional()
}

/// Lists the unfinished runs that were created before `limit`, oldest first.
pub(super) fn overdue(db: &Connection, limit: Timestamp) -> rusqlite::Result<Vec<RunId>> {
    let mut select = db.prepare_cached(
        "SELECT id FROM runs INDEXED BY runs_unfinished
         WHERE state IN ('planning', 'queued', 'running') AND created_at < ?1
         ORDER BY created_at, id",
    )?;
    select.query_map([Nanos(limit)], id_of)?.collect()
}

/// Lists the unfinished runs of deleted schedules, oldest first.
pub(super) fn orphaned(db: &Connection) -> rusqlite::Result<Vec<RunId>> {
    let mut select = db.prepare_cached(
        "SELECT runs.id FROM schedules JOIN runs ON runs.schedule = schedules.id
         WHERE schedules.deleted = 1 AND runs.state IN ('planning', 'queued', 'running')
         ORDER BY runs.created_at, runs.id",
    )?;
    select.query_map([], id_of)?.collect()
}

/// Lists runs of a state and a schedule, or of all, newest first.
pub(super) fn list(
    db: &Connection,
    state: Option<RunState>,
    schedule: Option<&ScheduleId>,
    count: usize,
) -> rusqlite::Result<Vec<Run>> {
    // A statement for each case, so that each has its index.
    let condition = match (state, schedule) {
        (None, None) => "?1 IS NULL AND ?2 IS NULL",
        (Some(_), None) => "state = ?1 AND ?2 IS NULL",
        (_, Some(_)) => "schedule = ?2 AND (?1 IS NULL OR state = ?1)",
    };
    let mut select = db.prepare_cached(&format!(
        "SELECT document FROM runs WHERE {condition} ORDER BY created_at DESC, id DESC LIMIT ?3"
    ))?;
    let parameters = (
        state.map(state_text),
        schedule.map(ScheduleId::as_str),
        limit(count),
    );
    let runs = select.query_map(parameters, |row| row.get(0).map(|Json(run)| run))?;
    runs.collect()
}

/// Purges up to `count` terminal runs that ended at `limit` or before, with their segments and
/// intents, and returns their number.
pub(super) fn purge(db: &Connection, until: Timestamp, count: usize) -> rusqlite::Result<usize> {
    db.prepare_cached(
        "DELETE FROM runs WHERE rowid IN (
             SELECT rowid FROM runs INDEXED BY runs_finished
             WHERE state IN ('completed', 'error', 'cancelled') AND completed_at <= ?1
             ORDER BY completed_at LIMIT ?2)",
    )?
    .execute((Nanos(until), limit(count)))
}

fn id_of(row: &rusqlite::Row<'_>) -> rusqlite::Result<RunId> {
    Ok(RunId::new(row.get::<_, Arc<str>>(0)?))
}
