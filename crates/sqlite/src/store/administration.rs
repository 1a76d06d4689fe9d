//! Calls of owners and operators, which bypass the worker.

use std::sync::Arc;
use std::time::Duration;

use rehearsal_worker::model::{Run, RunState, Schedule, ScheduleId};
use rehearsal_worker::ports::{Export, PortResult, ScheduleDocument};

use super::{IncarnationEntry, SqliteStore, active_runs, exports, runs, schedules, tokens};

/// Maximum number of runs in one transaction of a purge, so that other writers wait briefly.
const PURGED_AT_ONCE: usize = 100;

/// Ages from which documents are purged.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PurgeLimits {
    /// Time since the end of a run; for a handled export, since its publication.
    pub documents: Duration,
    /// Time since the last heartbeat and commit of an incarnation, after which its commit tokens
    /// go. It must be longer than any time after which a process may resume and repeat a commit.
    pub tokens: Duration,
}

/// Numbers of what a purge removed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Purged {
    /// Terminal runs, each with its segments.
    pub runs: u64,
    /// Handled exports.
    pub exports: u64,
    /// Commit tokens.
    pub tokens: u64,
}

impl SqliteStore {
    /// Creates a schedule, or replaces its definition; fires up to now are then decided. Returns
    /// false if the identifier is in use by a deleted schedule or by another tenant.
    pub async fn define_schedule(&self, schedule: Schedule) -> PortResult<bool> {
        self.write(move |db, now| schedules::define(db, &schedule, now))
            .await
    }

    /// Replaces the definition of a schedule and keeps its undecided fires. Returns false if the
    /// tenant has no such schedule.
    pub async fn redefine_schedule(&self, schedule: Schedule) -> PortResult<bool> {
        self.write(move |db, _| schedules::redefine(db, &schedule))
            .await
    }

    /// Enables or disables a schedule. Fires that were due while it was disabled are not made up.
    /// Returns false if there is no such schedule.
    pub async fn enable_schedule(&self, id: &ScheduleId, enabled: bool) -> PortResult<bool> {
        let (id, cache) = (id.clone(), Arc::clone(&self.cache));
        self.write(move |db, now| {
            let document = schedules::document(db, &mut super::locked(&cache), &id)?;
            let Some(document) = document.filter(|document| !document.deleted) else {
                return Ok(false);
            };
            let schedule = Schedule {
                enabled,
                ..Schedule::clone(&document.schedule)
            };
            match (document.schedule.enabled, enabled) {
                (false, true) => schedules::define(db, &schedule, now),
                (true, false) => schedules::redefine(db, &schedule),
                _ => Ok(true),
            }
        })
        .await
    }

    /// Marks a schedule as deleted. Returns false if there is no such schedule.
    pub async fn delete_schedule(&self, id: &ScheduleId) -> PortResult<bool> {
        let id = id.clone();
        self.write(move |db, _| schedules::delete(db, &id)).await
    }

    /// Lists all schedules with their states, deleted ones included, in ascending order.
    pub async fn schedule_documents(&self) -> PortResult<Vec<ScheduleDocument>> {
        let read = self.read(|db, cache| {
            let mut documents = Vec::new();
            for id in schedules::ids(db)? {
                documents.extend(schedules::document(db, cache, &id)?);
            }
            Ok(documents)
        });
        Ok(read.await?.value)
    }

    /// Appends an export, whose number the store sets. Returns false if its tenant has published an
    /// export of this kind and identifier before.
    pub async fn publish_export(&self, export: Export) -> PortResult<bool> {
        self.write(move |db, now| exports::publish(db, export, now))
            .await
    }

    /// Lists runs of a state and of a schedule, or of all, newest first.
    pub async fn runs(
        &self,
        state: Option<RunState>,
        schedule: Option<&ScheduleId>,
        limit: usize,
    ) -> PortResult<Vec<Run>> {
        let schedule = schedule.cloned();
        let read = self.read_at(move |db, _| runs::list(db, state, schedule.as_ref(), limit));
        Ok(read.await?.value)
    }

    /// Lists incarnations of workers, the last heartbeat first.
    pub async fn incarnations(&self, limit: usize) -> PortResult<Vec<IncarnationEntry>> {
        let read = self.read_at(move |db, _| active_runs::list(db, limit));
        Ok(read.await?.value)
    }

    /// Purges what is older than the limits, in several transactions.
    pub async fn purge(&self, limits: PurgeLimits) -> PortResult<Purged> {
        let mut purged = Purged::default();
        loop {
            let runs = self
                .write(move |db, now| runs::purge(db, now.before(limits.documents), PURGED_AT_ONCE))
                .await?;
            purged.runs += runs as u64;
            if runs < PURGED_AT_ONCE {
                break;
            }
        }
        let (exports, tokens) = self
            .write(move |db, now| {
                let exports = exports::purge(db, now.before(limits.documents))?;
                Ok((exports, tokens::purge(db, now.before(limits.tokens))?))
            })
            .await?;
        purged.exports = exports as u64;
        purged.tokens = tokens as u64;
        Ok(purged)
    }
}
