//! Defects in the state that outlives a process.

use std::cell::Cell;
use std::sync::Arc;

use async_trait::async_trait;
use rehearsal::model::{Commit, CommitAnswer, CommitStep, Event, EventId};
use rehearsal::worker::ports::{EventPublisher, HeartbeatAnswer, PortResult, Ports, Random, Store};

use super::per_incarnation::PerIncarnation;
use crate::plant::{Defect, Incarnation};

/// Adopts an active-run count twice.
pub struct TakesTwice;

#[async_trait(?Send)]
impl Defect for TakesTwice {
    async fn commit(
        &self,
        incarnation: &Incarnation,
        commit: &Arc<Commit>,
    ) -> PortResult<CommitAnswer> {
        let mut answer = incarnation.world.store().commit(commit).await?;
        if let (CommitStep::AdoptOrphanedCount, CommitAnswer::Applied(applied)) =
            (&commit.step, &mut answer)
        {
            applied.adopted = applied.adopted.map(|balance| 2 * balance);
        }
        Ok(answer)
    }
}

/// Keeps the process's own active-run count after another process has adopted it.
pub struct ZombieKeeps;

impl Defect for ZombieKeeps {
    fn bend_heartbeat(&self, heartbeat: &mut HeartbeatAnswer) {
        heartbeat.surrendered = [0; 2];
    }
}

/// Never adopts the active-run counts of ended incarnations.
pub struct OrphanNotAdopted;

impl Defect for OrphanNotAdopted {
    fn bend_heartbeat(&self, heartbeat: &mut HeartbeatAnswer) {
        heartbeat.orphaned.clear();
    }
}

/// Keeps events in memory until they are published.
#[derive(Default)]
pub struct OutboxInMemory(PerIncarnation<Vec<Arc<Event>>>);

#[async_trait(?Send)]
impl Defect for OutboxInMemory {
    async fn commit(
        &self,
        incarnation: &Incarnation,
        commit: &Arc<Commit>,
    ) -> PortResult<CommitAnswer> {
        let mut bent = Commit::clone(commit);
        let mut events = std::mem::take(&mut bent.events);
        let answer = incarnation.world.store().commit(&Arc::new(bent)).await?;
        if matches!(answer, CommitAnswer::Applied(_)) {
            self.0
                .with(&incarnation.id, |kept| kept.append(&mut events));
        }
        Ok(answer)
    }

    async fn outbox(&self, incarnation: &Incarnation, limit: usize) -> PortResult<Vec<Arc<Event>>> {
        incarnation.world.store().outbox(limit).await?;
        Ok(self.0.with(&incarnation.id, |kept| {
            kept.iter().take(limit).cloned().collect()
        }))
    }

    async fn forget_events(&self, incarnation: &Incarnation, events: &[EventId]) -> PortResult<()> {
        self.0.with(&incarnation.id, |kept| {
            kept.retain(|event| !events.contains(&event.event_id));
        });
        Ok(())
    }
}

/// Drops the events of a run that was purged.
pub struct EventsGoWithTheRun;

#[async_trait(?Send)]
impl Defect for EventsGoWithTheRun {
    async fn outbox(&self, incarnation: &Incarnation, limit: usize) -> PortResult<Vec<Arc<Event>>> {
        let store = incarnation.world.store();
        let events = store.outbox(limit).await?;
        let (mut kept, mut dropped) = (Vec::new(), Vec::new());
        for event in events {
            match store.run(&event.attributes.run).await?.value {
                Some(_) => kept.push(event),
                None => dropped.push(event.event_id),
            }
        }
        if !dropped.is_empty() {
            store.forget_events(&dropped).await?;
        }
        Ok(kept)
    }
}

/// Treats an event that Notify refused as published.
pub struct PublishedAnyway;

#[async_trait(?Send)]
impl Defect for PublishedAnyway {
    async fn publish(&self, incarnation: &Incarnation, events: &[Arc<Event>]) -> PortResult<()> {
        let _ = incarnation.world.notify().publish(events).await;
        Ok(())
    }
}

/// Loses all events in one of a hundred worlds.
#[derive(Default)]
pub struct Canary(Cell<Option<bool>>);

#[async_trait(?Send)]
impl Defect for Canary {
    async fn publish(&self, incarnation: &Incarnation, events: &[Arc<Event>]) -> PortResult<()> {
        let draw = || incarnation.world.random().below(100) == 0;
        let loses = self.0.get().unwrap_or_else(draw);
        self.0.set(Some(loses));
        match loses {
            true => Ok(()),
            false => incarnation.world.notify().publish(events).await,
        }
    }
}
