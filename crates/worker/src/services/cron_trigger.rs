//! Cron trigger: fires the schedules that are due.
//!
//! Every trigger process looks at every schedule. Decision and cursor are one commit, so exactly
//! one process decides a fire. A leader was rejected: its loss would delay fires by the time of an
//! election, while here any process that runs fires in time.
//!
//! A process sleeps until the next fire that it knows of, plus up to a second of jitter so that
//! processes do not race for it. `triggerPoll` is how late it notices a new or edited schedule.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use crate::context::{MAX_COMMIT_ATTEMPTS, WorkerContext};
use crate::model::commit::{FireOutcome, RunWrite};
use crate::model::time::nanos_of;
use crate::model::{
    Calendar, CommitAnswer, CommitStep, OverlapPolicy, Run, Schedule, ScheduleId, SharedList,
    Timestamp, Trigger,
};
use crate::ports::{Ports, Random, ScheduleDocument, ScheduleEntry, Store, Timestamped};

/// Maximum jitter added to a due fire, so that processes do not race for it.
const MAX_FIRE_JITTER: Duration = Duration::from_secs(1);

/// Fires cron schedules.
pub struct CronTriggerService<'a, P: Ports> {
    context: &'a WorkerContext<P>,
    calendars: BTreeMap<ScheduleId, CachedSchedule>,
    listing: ScheduleList,
}

/// Result of the last listing.
#[derive(Default)]
struct ScheduleList {
    entries: SharedList<ScheduleEntry>,
    /// Time from which each schedule of `entries` has a fire to decide.
    due: Vec<Option<Timestamp>>,
    /// Schedules of which that time is known, by it.
    order: BTreeSet<(Timestamp, usize)>,
}

impl ScheduleList {
    /// Time at which the first schedule is due.
    fn next(&self) -> Option<Timestamp> {
        self.order.first().map(|(at, _)| *at)
    }

    fn set(&mut self, index: usize, due: Option<Timestamp>) {
        let before = std::mem::replace(&mut self.due[index], due);
        if before == due {
            return;
        }
        if let Some(before) = before {
            self.order.remove(&(before, index));
        }
        if let Some(due) = due {
            self.order.insert((due, index));
        }
    }
}

/// Parsed calendar and next fire of a schedule, so that a poll is cheap.
struct CachedSchedule {
    schedule: Arc<Schedule>,
    /// None if the schedule has no cron expression, or an invalid one.
    calendar: Option<Calendar>,
    cursor: Timestamp,
    next: Option<Timestamp>,
}

impl<'a, P: Ports> CronTriggerService<'a, P> {
    /// Creates the service of one process.
    pub fn new(context: &'a WorkerContext<P>) -> Self {
        Self {
            context,
            calendars: BTreeMap::new(),
            listing: ScheduleList::default(),
        }
    }

    /// Fires due schedules until the process stops.
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

    /// Returns the delay until the next known fire plus jitter, if none was due at `now`.
    fn until_next_fire(&self, now: Timestamp) -> Duration {
        let Some(next) = self.listing.next().filter(|next| *next > now) else {
            return Duration::MAX;
        };
        let jitter_ns = self.context.ports.random().below(nanos_of(MAX_FIRE_JITTER));
        next.since(now) + Duration::from_nanos(jitter_ns)
    }

    /// Returns the schedules that are due, in the order of the list. Takes *O*(1) if the store
    /// lists the same version as before and none is due.
    fn due(&mut self, entries: &SharedList<ScheduleEntry>, now: Timestamp) -> Vec<ScheduleId> {
        if !self.listing.entries.is_same(entries) {
            self.list(entries);
        }
        let due = self.listing.order.range(..=(now, usize::MAX));
        let mut due: Vec<usize> = due.map(|(_, index)| *index).collect();
        due.sort_unstable();
        let id = |index: usize| Some(entries.get(index)?.schedule.id.clone());
        due.into_iter().filter_map(id).collect()
    }

    /// Takes over a list; only what has changed is looked at.
    fn list(&mut self, entries: &SharedList<ScheduleEntry>) {
        let before = std::mem::replace(&mut self.listing.entries, entries.clone());
        let Some(changed) = entries.changes(&before) else {
            self.listing.due = vec![None; entries.len()];
            self.listing.order.clear();
            for (index, entry) in entries.iter().enumerate() {
                let due = self.due_at(entry);
                self.listing.set(index, due);
            }
            self.forget_unlisted();
            return;
        };
        let mut is_same_set = true;
        for (position, before, now) in changed {
            for ((index, before), now) in (position..).zip(before).zip(now) {
                is_same_set &= before.schedule.id == now.schedule.id;
                if !before.is_same(now) {
                    let due = self.due_at(now);
                    self.listing.set(index, due);
                }
            }
        }
        if !is_same_set {
            self.forget_unlisted();
        }
    }

    /// Drops the calendars of deleted schedules.
    fn forget_unlisted(&mut self) {
        let listed = &self.listing.entries;
        self.calendars.retain(|id, _| {
            let position = listed.partition_point(|entry| entry.schedule.id < *id);
            let entry = listed.get(position);
            entry.is_some_and(|entry| entry.schedule.id == *id)
        });
    }

    /// Returns the time from which a schedule has a fire to decide. A queued fire is examined at
    /// each poll.
    fn due_at(&mut self, entry: &ScheduleEntry) -> Option<Timestamp> {
        if !entry.schedule.enabled {
            None
        } else if entry.has_queued_fire {
            Some(Timestamp::ZERO)
        } else {
            self.known(&entry.schedule, entry.cursor).next
        }
    }

    fn known(&mut self, schedule: &Arc<Schedule>, cursor: Timestamp) -> &CachedSchedule {
        let make = || {
            let expression = schedule.when_cron.as_deref();
            let calendar =
                expression.and_then(|cron| Calendar::new(cron, &schedule.time_zone).ok());
            let next = calendar
                .as_ref()
                .and_then(|calendar| calendar.next_after(cursor));
            CachedSchedule {
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

    /// Decides the due fires of a schedule.
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
                metrics.schedule_fires(mode, FireOutcome::Coalesced, coalesced);
                metrics.schedule_fires(
                    mode,
                    decision.outcome,
                    u64::from(decision.latest.is_some()),
                );
                return;
            }
            if !self.context.backoff_after_conflict(attempt).await {
                break;
            }
        }
    }

    async fn commit(&self, document: &ScheduleDocument, decision: &FireDecision) -> CommitAnswer {
        let schedule = &document.schedule;
        let mut state = document.state.value.clone();
        let mut commit = self.context.new_commit(
            CommitStep::Fire {
                schedule: schedule.id.clone(),
                latest: decision.latest,
                coalesced: decision.coalesced,
                fate: decision.outcome,
            },
            0,
        );
        state.cursor = decision.latest.unwrap_or(state.cursor);
        state.queued_fire = decision.queued;
        if let Some(fire) = decision.starts {
            let run = Run::new(schedule, Trigger::Cron, fire);
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

/// Decision on the fires that are due.
struct FireDecision {
    latest: Option<Timestamp>,
    coalesced: u32,
    outcome: FireOutcome,
    /// Fire that starts a run now.
    starts: Option<Timestamp>,
    /// Fire that waits from now on.
    queued: Option<Timestamp>,
}

/// Decides on the latest due fire and the number of earlier ones that it replaces. Returns none if
/// there is nothing to decide.
fn decide(document: &ScheduleDocument, due: Option<(Timestamp, u32)>) -> Option<FireDecision> {
    let state = &document.state.value;
    let overlap = document.schedule.overlap;
    let is_blocked = overlap != OverlapPolicy::Allow && !state.cron_runs.is_empty();
    let Some((latest, coalesced)) = due else {
        let starts = state.queued_fire.filter(|_| !is_blocked)?;
        let (latest, starts) = (None, Some(starts));
        return Some(FireDecision {
            latest,
            coalesced: 0,
            outcome: FireOutcome::Run,
            starts,
            queued: None,
        });
    };
    let (outcome, starts, queued) = match (is_blocked, overlap) {
        (false, _) => (FireOutcome::Run, Some(latest), None),
        (true, OverlapPolicy::QueueOne) => (FireOutcome::Queued, None, Some(latest)),
        (true, _) => (FireOutcome::Skipped, None, None),
    };
    Some(FireDecision {
        latest: Some(latest),
        coalesced,
        outcome,
        starts,
        queued,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::ContextHarness;

    fn entries(ids: &[&str]) -> SharedList<ScheduleEntry> {
        let entry = |id: &&str| ScheduleEntry {
            schedule: Arc::new(Schedule {
                when_cron: Some("0 2 * * *".into()),
                ..Schedule::new((*id).into(), "acme".into())
            }),
            cursor: Timestamp::ZERO,
            has_queued_fire: false,
        };
        ids.iter().map(entry).collect()
    }

    #[test]
    fn calendars_of_deleted_schedules_are_dropped() {
        let harness = ContextHarness::new();
        let mut service = CronTriggerService::new(&harness.context);
        let mut listed = |ids: &[&str]| {
            service.list(&entries(ids));
            let known = service.calendars.keys().map(ScheduleId::as_str);
            known.map(str::to_owned).collect::<Vec<_>>()
        };
        assert_eq!(listed(&["a", "b", "c"]), ["a", "b", "c"]);
        assert_eq!(listed(&["b", "c"]), ["b", "c"]);
        // One is deleted and one is created between two polls.
        assert_eq!(listed(&["b", "d"]), ["b", "d"]);
        assert_eq!(listed(&[]), [""; 0]);
    }
}
