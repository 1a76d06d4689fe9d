//! Schedules: definitions, states and backlogs. Deleted ones stay, because runs refer to them.

use std::sync::Arc;

use rehearsal_worker::model::SharedList;
use rehearsal_worker::model::commit::{BacklogRow, DocumentVersion};
use rehearsal_worker::model::{Mode, Run, Schedule, ScheduleId, ScheduleState, Timestamp};
use rehearsal_worker::ports::{ScheduleDocument, ScheduleEntry, Versioned};
use tokio_rusqlite::rusqlite::{self, Connection, OptionalExtension, Row};

use super::counters::StoreCounter;
use super::schedule_cache::ScheduleCache;
use crate::value::{Bits, Json, Nanos};

pub(super) const SCHEMA: &str = "
    CREATE TABLE schedules (
        id TEXT PRIMARY KEY,
        tenant TEXT NOT NULL,
        deleted INTEGER NOT NULL DEFAULT 0,
        version INTEGER NOT NULL,
        -- Version that an owner last wrote.
        defined INTEGER NOT NULL,
        cursor INTEGER NOT NULL,
        has_queued_fire INTEGER NOT NULL DEFAULT 0,
        mode TEXT NOT NULL,
        -- Images of open runs that await a runner, by mode.
        awaiting_0 INTEGER NOT NULL DEFAULT 0,
        awaiting_1 INTEGER NOT NULL DEFAULT 0,
        state TEXT NOT NULL,
        definition TEXT NOT NULL
    ) STRICT;
    CREATE INDEX schedules_live
        ON schedules (id, defined, cursor, has_queued_fire) WHERE deleted = 0;
    CREATE INDEX schedules_deleted ON schedules (id) WHERE deleted = 1;
";

/// Creates a schedule, or replaces its definition; sets its cursor to `now`. Returns false if the
/// identifier is in use by a deleted schedule or by another tenant.
pub(super) fn define(
    db: &Connection,
    schedule: &Schedule,
    now: Timestamp,
) -> rusqlite::Result<bool> {
    let state = ScheduleState {
        cursor: now,
        ..ScheduleState::default()
    };
    let mut insert = db.prepare_cached(
        "INSERT INTO schedules (id, tenant, version, defined, cursor, mode, state, definition)
         VALUES (?1, ?2, 1, 1, ?3, ?4, ?5, ?6)
         ON CONFLICT (id) DO NOTHING",
    )?;
    let created = insert.execute((
        schedule.id.as_str(),
        schedule.tenant.as_str(),
        Nanos(now),
        schedule.mode.as_str(),
        Json(&state),
        Json(schedule),
    ))?;
    if created == 0 {
        if !redefine(db, schedule)? {
            return Ok(false);
        }
        let present = state_of(db, &schedule.id)?;
        let moved = present.map(|present| ScheduleState {
            cursor: now,
            ..present
        });
        set_state(db, &schedule.id, &moved.unwrap_or(state))?;
    }
    outdate(db)?;
    Ok(true)
}

/// Replaces the definition and keeps the cursor. Returns false if the tenant has no such schedule.
pub(super) fn redefine(db: &Connection, schedule: &Schedule) -> rusqlite::Result<bool> {
    let mut update = db.prepare_cached(
        "UPDATE schedules
         SET version = version + 1, defined = version + 1, mode = ?3, definition = ?4
         WHERE id = ?1 AND tenant = ?2 AND deleted = 0",
    )?;
    let changed = update.execute((
        schedule.id.as_str(),
        schedule.tenant.as_str(),
        schedule.mode.as_str(),
        Json(schedule),
    ))?;
    outdate(db)?;
    Ok(changed > 0)
}

/// Marks a schedule as deleted. Returns false if there is no such schedule.
pub(super) fn delete(db: &Connection, id: &ScheduleId) -> rusqlite::Result<bool> {
    let mut update = db.prepare_cached(
        "UPDATE schedules SET deleted = 1, version = version + 1 WHERE id = ?1 AND deleted = 0",
    )?;
    let changed = update.execute([id.as_str()])?;
    outdate(db)?;
    Ok(changed > 0)
}

/// Writes the state in a new version.
pub(super) fn write_state(
    db: &Connection,
    id: &ScheduleId,
    state: &ScheduleState,
) -> rusqlite::Result<()> {
    let mut shown = db.prepare_cached(
        "UPDATE schedules SET version = version + 1 WHERE id = ?1
         RETURNING cursor = ?2 AND has_queued_fire = ?3",
    )?;
    let fires = (
        id.as_str(),
        Nanos(state.cursor),
        state.queued_fire.is_some(),
    );
    let is_same: Option<bool> = shown.query_row(fires, |row| row.get(0)).optional()?;
    set_state(db, id, state)?;
    if is_same == Some(false) {
        StoreCounter::ScheduleList.add(db, 1)?;
    }
    Ok(())
}

fn set_state(db: &Connection, id: &ScheduleId, state: &ScheduleState) -> rusqlite::Result<()> {
    let mut update = db.prepare_cached(
        "UPDATE schedules SET cursor = ?2, has_queued_fire = ?3, state = ?4 WHERE id = ?1",
    )?;
    update.execute((
        id.as_str(),
        Nanos(state.cursor),
        state.queued_fire.is_some(),
        Json(state),
    ))?;
    Ok(())
}

fn outdate(db: &Connection) -> rusqlite::Result<()> {
    StoreCounter::ScheduleList.add(db, 1)?;
    StoreCounter::BacklogRows.add(db, 1)?;
    Ok(())
}

/// Updates the backlog for a change of a run.
pub(super) fn move_backlog(
    db: &Connection,
    before: Option<&Run>,
    after: &Run,
) -> rusqlite::Result<()> {
    let mut changes = [0_i64; 2];
    if let Some(before) = before {
        changes[before.mode.index()] -= before.awaiting().cast_signed();
    }
    changes[after.mode.index()] += after.awaiting().cast_signed();
    if changes == [0; 2] {
        return Ok(());
    }
    let mut update = db.prepare_cached(
        "UPDATE schedules
         SET awaiting_0 = max(0, awaiting_0 + ?3), awaiting_1 = max(0, awaiting_1 + ?4)
         WHERE id = ?1 AND tenant = ?2",
    )?;
    update.execute((
        after.schedule.as_str(),
        after.tenant.as_str(),
        changes[0],
        changes[1],
    ))?;
    StoreCounter::BacklogRows.add(db, 1)?;
    Ok(())
}

/// Returns the version of a schedule.
pub(super) fn version(
    db: &Connection,
    id: &ScheduleId,
) -> rusqlite::Result<Option<DocumentVersion>> {
    db.prepare_cached("SELECT version FROM schedules WHERE id = ?1")?
        .query_row([id.as_str()], |row| row.get(0).map(|Bits(version)| version))
        .optional()
}

/// Returns the images that await a runner, by mode index; none if the schedule is deleted.
pub(super) fn awaiting(db: &Connection, id: &ScheduleId) -> rusqlite::Result<Option<[u64; 2]>> {
    db.prepare_cached("SELECT awaiting_0, awaiting_1 FROM schedules WHERE id = ?1 AND deleted = 0")?
        .query_row([id.as_str()], |row| awaiting_of(row, 0))
        .optional()
}

/// Images that await a runner, from two columns.
fn awaiting_of(row: &Row<'_>, column: usize) -> rusqlite::Result<[u64; 2]> {
    let (Bits(analysis), Bits(refresh)) = (row.get(column)?, row.get(column + 1)?);
    Ok([analysis, refresh])
}

fn state_of(db: &Connection, id: &ScheduleId) -> rusqlite::Result<Option<ScheduleState>> {
    db.prepare_cached("SELECT state FROM schedules WHERE id = ?1")?
        .query_row([id.as_str()], |row| row.get(0).map(|Json(state)| state))
        .optional()
}

/// Reads a schedule; none if it never existed.
pub(super) fn document(
    db: &Connection,
    cache: &mut ScheduleCache,
    id: &ScheduleId,
) -> rusqlite::Result<Option<ScheduleDocument>> {
    let read = |row: &Row<'_>| {
        let Bits(defined) = row.get(0)?;
        let Bits(version) = row.get(2)?;
        let Json(value) = row.get(3)?;
        Ok((defined, row.get(1)?, Versioned { version, value }))
    };
    let row = db
        .prepare_cached("SELECT defined, deleted, version, state FROM schedules WHERE id = ?1")?
        .query_row([id.as_str()], read)
        .optional()?;
    let Some((defined, deleted, state)) = row else {
        return Ok(None);
    };
    Ok(Some(ScheduleDocument {
        schedule: definition(db, cache, id, defined)?,
        deleted,
        state,
    }))
}

/// Reads the definition of this version, which equal reads share.
fn definition(
    db: &Connection,
    cache: &mut ScheduleCache,
    id: &ScheduleId,
    defined: DocumentVersion,
) -> rusqlite::Result<Arc<Schedule>> {
    if let Some(known) = cache.definition(id, defined) {
        return Ok(known);
    }
    let Json(definition) = db
        .prepare_cached("SELECT definition FROM schedules WHERE id = ?1")?
        .query_row([id.as_str()], |row| row.get(0))?;
    Ok(cache.keep_definition(defined, Arc::new(definition)))
}

/// Lists the schedules that are not deleted, in ascending order.
pub(super) fn list(
    db: &Connection,
    cache: &mut ScheduleCache,
) -> rusqlite::Result<SharedList<ScheduleEntry>> {
    let version = StoreCounter::ScheduleList.get(db)?;
    if let Some(known) = cache.entries.of(version) {
        return Ok(known);
    }
    let mut select = db.prepare_cached(
        "SELECT id, defined, cursor, has_queued_fire FROM schedules WHERE deleted = 0 ORDER BY id",
    )?;
    let mut rows = select.query([])?;
    let mut entries = Vec::new();
    while let Some(row) = rows.next()? {
        let id = ScheduleId::new(row.get::<_, Arc<str>>(0)?);
        let (Bits(defined), Nanos(cursor)) = (row.get(1)?, row.get(2)?);
        entries.push(ScheduleEntry {
            schedule: definition(db, cache, &id, defined)?,
            cursor,
            has_queued_fire: row.get(3)?,
        });
    }
    Ok(cache.entries.keep(version, entries))
}

/// Lists the rows of the backlog, in ascending order: one of each schedule that is not deleted,
/// even if it is 0, and those of other modes that have open runs from before an edit.
pub(super) fn backlog(
    db: &Connection,
    cache: &mut ScheduleCache,
) -> rusqlite::Result<SharedList<BacklogRow>> {
    let version = StoreCounter::BacklogRows.get(db)?;
    if let Some(known) = cache.rows.of(version) {
        return Ok(known);
    }
    let mut select = db.prepare_cached(
        "SELECT id, mode, awaiting_0, awaiting_1 FROM schedules WHERE deleted = 0 ORDER BY id",
    )?;
    let mut rows = select.query([])?;
    let mut backlog = Vec::new();
    while let Some(row) = rows.next()? {
        let id = ScheduleId::new(row.get::<_, Arc<str>>(0)?);
        let own: String = row.get(1)?;
        let awaiting = awaiting_of(row, 2)?;
        for (mode, images) in Mode::ALL.into_iter().zip(awaiting) {
            if images > 0 || mode.as_str() == own {
                backlog.push(BacklogRow {
                    schedule: id.clone(),
                    mode,
                    images,
                });
            }
        }
    }
    Ok(cache.rows.keep(version, backlog))
}

/// Lists the identifiers of all schedules, deleted ones included, in ascending order.
pub(super) fn ids(db: &Connection) -> rusqlite::Result<Vec<ScheduleId>> {
    let mut select = db.prepare_cached("SELECT id FROM schedules ORDER BY id")?;
    let ids = select.query_map([], |row| Ok(ScheduleId::new(row.get::<_, Arc<str>>(0)?)))?;
    ids.collect()
}
