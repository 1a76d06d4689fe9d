//! What makes runs: cron schedules that are due, and exports that arrive.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use super::context::{Context, MAX_COMMIT_ATTEMPTS};
use super::ports::{Export, Ports, Random, ScheduleDocument, ScheduleEntry, Store, Timestamped};
use crate::model::commit::{FireFate, RunWrite};
use crate::model::time::nanos_of;
use crate::model::{
    Calendar, CommitAnswer, CommitStep, OverlapPolicy, Run, RunId, RunState, RunStats, Schedule,
    ScheduleId, Timestamp, Trigger,
};

/// Exports handled per look at most.
const EXPORTS_AT_ONCE: usize = 64;

/// So late is a look for a fire that is due then, at most: processes that know of the same fire
/// don't all try to be the first.
const SPREAD: Duration = Duration::from_secs(1);

/// A new run in `Planning`. The store stamps its creation.
pub fn new_run(schedule: &Schedule, trigger: Trigger, occurrence: impl std::fmt::Display) -> Run {
    Run {
        id: RunId::of(&schedule.tenant, &schedule.id, trigger, occurrence),
        tenant: schedule.tenant.clone(),
        schedule: schedule.id.clone(),
        trigger,
        mode: schedule.mode,
        state: RunState::Planning,
        stats: RunStats::default(),
        product_keys: Vec::new(),
        usage_only: false,
        created_at: Timestamp::ZERO,
        planned_at: None,
        started_at: None,
        completed_at: None,
        error: None,
        planning_attempts: 0,
        not_before: None,
    }
}

/// Fires cron schedules.
pub struct CronTriggerService<'a, P: Ports> {
    context: &'a Context<P>,
    calendars: BTreeMap<ScheduleId, Known>,
    listing: Option<Listing>,
}

/// The schedules as they were last listed.
struct Listing {
    entries: Arc<Vec<ScheduleEntry>>,
    /// When the first of them is due.
    next: Option<Timestamp>,
}

/// What is known of a schedule, so that a look at it is cheap.
struct Known {
    schedule: Arc<Schedule>,
    /// None: it has no cron expression, or one that can't be read.
    calendar: Option<Calendar>,
    cursor: Timestamp,
    next: Option<Timestamp>,
}

impl<'a, P: Ports> CronTriggerService<'a, P> {
    /// The service of one process.
    pub fn new(context: &'a Context<P>) -> Self {
        Self {
            context,
            calendars: BTreeMap::new(),
            listing: None,
        }
    }

    /// Looks for due schedules until the process stops.
    pub async fn run(mut self) {
        while !self.context.intake.is_cancelled() {
            let listed = self
                .context
                .track_store_health(self.context.ports.store().schedules().await);
            let mut wait = self.context.options.trigger_poll;
            if let Ok(Timestamped {
                now,
                value: entries,
            }) = listed
            {
                for id in self.due(&entries, now) {
                    self.fire(&id).await;
                }
                wait = wait.min(self.until_next_fire(now));
            }
            self.context.sleep_or_stopped(wait).await;
        }
    }

    /// How long to wait for the next fire that is known, if none was due at `now`.
    fn until_next_fire(&self, now: Timestamp) -> Duration {
        let next = self.listing.as_ref().and_then(|listing| listing.next);
        let Some(next) = next.filter(|next| *next > now) else {
            return Duration::MAX;
        };
        let spread_nanos = self.context.ports.random().below(nanos_of(SPREAD));
        next.since(now) + Duration::from_nanos(spread_nanos)
    }

    /// The schedules that are due. *O*(1) as long as the store lists the same and none is due.
    fn due(&mut self, entries: &Arc<Vec<ScheduleEntry>>, now: Timestamp) -> Vec<ScheduleId> {
        let is_known = |listing: &Listing| Arc::ptr_eq(&listing.entries, entries);
        if !self.listing.as_ref().is_some_and(is_known) {
            self.listing = Some(Listing {
                entries: Arc::clone(entries),
                next: self.next_due(entries),
            });
        }
        let next = self.listing.as_ref().and_then(|listing| listing.next);
        if next.is_none_or(|next| next > now) {
            return Vec::new();
        }
        entries
            .iter()
            .filter(|entry| self.due_at(entry).is_some_and(|at| at <= now))
            .map(|entry| entry.schedule.id.clone())
            .collect()
    }

    fn next_due(&mut self, entries: &[ScheduleEntry]) -> Option<Timestamp> {
        entries.iter().filter_map(|entry| self.due_at(entry)).min()
    }

    /// From when on a schedule has something to decide; a queued fire is looked at each time.
    fn due_at(&mut self, entry: &ScheduleEntry) -> Option<Timestamp> {
        if !entry.schedule.enabled {
            None
        } else if entry.has_queued_fire {
            Some(Timestamp::ZERO)
        } else {
            self.known(&entry.schedule, entry.cursor).next
        }
    }

    fn known(&mut self, schedule: &Arc<Schedule>, cursor: Timestamp) -> &Known {
        let make = || {
            let expression = schedule.when_cron.as_deref();
            let calendar =
                expression.and_then(|cron| Calendar::new(cron, &schedule.time_zone).ok());
            let next = calendar
                .as_ref()
                .and_then(|calendar| calendar.next_after(cursor));
            Known {
                schedule: schedule.clone(),
                calendar,
                cursor,
                next,
            }
        };
        let known = self
            .calendars
            .entry(schedule.id.clone())
            .or_insert_with(make);
        if !Arc::ptr_eq(&known.schedule, schedule) {
            *known = make();
        } else if known.cursor != cursor {
            known.cursor = cursor;
            known.next = known
                .calendar
                .as_ref()
                .and_then(|calendar| calendar.next_after(cursor));
        }
        known
    }

    /// Decides the due fires of a schedule. Decision and cursor commit together, so that of several
    /// processes one decides.
    async fn fire(&mut self, id: &ScheduleId) {
        for attempt in 1..=MAX_COMMIT_ATTEMPTS {
            let read = self
                .context
                .track_store_health(self.context.ports.store().schedule(id).await);
            let Ok(Timestamped {
                now,
                value: Some(document),
            }) = read
            else {
                return;
            };
            if document.deleted || !document.schedule.enabled {
                return;
            }
            let cursor = document.state.value.cursor;
            let calendar = self.known(&document.schedule, cursor).calendar.as_ref();
            let due = calendar.and_then(|calendar| calendar.latest_between(cursor, now));
            let Some(decision) = decide(&document, due) else {
                return;
            };
            if let CommitAnswer::Applied(_) = self.commit(&document, &decision).await {
                let metrics = &self.context.metrics;
                let (mode, coalesced) = (document.schedule.mode, u64::from(decision.coalesced));
                metrics.schedule_fires(mode, FireFate::Coalesced, coalesced);
                metrics.schedule_fires(mode, decision.fate, u64::from(decision.latest.is_some()));
                return;
            }
            self.context.backoff_after_conflict(attempt).await;
        }
    }

    async fn commit(&self, document: &ScheduleDocument, decision: &Decision) -> CommitAnswer {
        let schedule = &document.schedule;
        let mut state = document.state.value.clone();
        let mut commit = self.context.new_commit(
            CommitStep::Fire {
                schedule: schedule.id.clone(),
                latest: decision.latest,
                coalesced: decision.coalesced,
                fate: decision.fate,
            },
            0,
        );
        state.cursor = decision.latest.unwrap_or(state.cursor);
        state.queued_fire = decision.queued;
        if let Some(fire) = decision.starts {
            let run = new_run(schedule, Trigger::Cron, fire);
            state.cron_runs.push(run.id.clone());
            commit.runs.push(RunWrite {
                run,
                expected: None,
            });
        }
        commit.schedule = Some(document.write(state));
        self.context.commit(commit).await
    }
}

/// What becomes of the fires that are due.
struct Decision {
    latest: Option<Timestamp>,
    coalesced: u32,
    fate: FireFate,
    /// The fire that starts a run now.
    starts: Option<Timestamp>,
    /// The fire that waits from now on.
    queued: Option<Timestamp>,
}

/// Decides on the latest due fire and the count of those that it replaces; none if there is nothing
/// to decide.
fn decide(document: &ScheduleDocument, due: Option<(Timestamp, u32)>) -> Option<Decision> {
    let state = &document.state.value;
    let overlap = document.schedule.overlap;
    let is_blocked = overlap != OverlapPolicy::Allow && !state.cron_runs.is_empty();
    let Some((latest, coalesced)) = due else {
        let starts = state.queued_fire.filter(|_| !is_blocked)?;
        let (latest, starts) = (None, Some(starts));
        return Some(Decision {
            latest,
            coalesced: 0,
            fate: FireFate::Run,
            starts,
            queued: None,
        });
    };
    let (fate, starts, queued) = match (is_blocked, overlap) {
        (false, _) => (FireFate::Run, Some(latest), None),
        (true, OverlapPolicy::QueueOne) => (FireFate::Queued, None, Some(latest)),
        (true, _) => (FireFate::Skipped, None, None),
    };
    Some(Decision {
        latest: Some(latest),
        coalesced,
        fate,
        starts,
        queued,
    })
}

/// Makes runs of exports.
pub struct ExportTriggerService<'a, P: Ports> {
    context: &'a Context<P>,
}

impl<'a, P: Ports> ExportTriggerService<'a, P> {
    /// The service of one process.
    pub fn new(context: &'a Context<P>) -> Self {
        Self { context }
    }

    /// Looks for exports until the process stops.
    pub async fn run(self) {
        while !self.context.intake.is_cancelled() {
            if !self.take_batch().await {
                self.context
                    .sleep_or_stopped(self.context.options.trigger_poll)
                    .await;
            }
        }
    }

    /// Handles the exports that wait, one commit each; true if there may be more.
    async fn take_batch(&self) -> bool {
        let store = self.context.ports.store();
        let Ok(read) = self
            .context
            .track_store_health(store.exports(EXPORTS_AT_ONCE).await)
        else {
            return false;
        };
        let (mut cursor, exports) = read.value;
        if exports.is_empty() {
            return false;
        }
        let Ok(listed) = self.context.track_store_health(store.schedules().await) else {
            return false;
        };
        for export in &exports {
            let mut commit = self.context.new_commit(CommitStep::Export, 0);
            commit.runs = runs_for(export, &listed.value);
            commit.exports = Some((cursor, export.sequence));
            match self.context.commit(commit).await {
                CommitAnswer::Applied(_) => cursor = export.sequence,
                // Another process has handled it: read again where things stand.
                _ => return true,
            }
        }
        exports.len() == EXPORTS_AT_ONCE
    }
}

/// One run per schedule that subscribes to the export.
fn runs_for(export: &Export, schedules: &[ScheduleEntry]) -> Vec<RunWrite> {
    schedules
        .iter()
        .map(|entry| &entry.schedule)
        .filter(|schedule| {
            schedule.enabled
                && schedule.triggers.contains(&export.trigger)
                && export
                    .tenant
                    .as_ref()
                    .is_none_or(|tenant| *tenant == schedule.tenant)
        })
        .map(|schedule| {
            let mut run = new_run(schedule, export.trigger, &export.id);
            run.product_keys.clone_from(&export.product_keys);
            run.usage_only = export.usage_only;
            RunWrite {
                run,
                expected: None,
            }
        })
        .collect()
}
