//! Relays: planner messages from intents to the queue, events from the outbox to Notify.
//!
//! Each works at least once: what was passed on and not yet ticked off is passed on again.

use super::context::Context;
use super::enqueue;
use super::ports::{EventPublisher, Ports, Store};

/// Enqueues planner messages for which a commit left an intent.
pub struct IntentRelay<'a, P: Ports> {
    context: &'a Context<P>,
}

impl<'a, P: Ports> IntentRelay<'a, P> {
    /// The relay of one process.
    pub fn new(context: &'a Context<P>) -> Self {
        Self { context }
    }

    /// Relays until the process stops.
    pub async fn run(self) {
        while !self.context.intake.is_cancelled() {
            if !self.relay_batch().await {
                let poll = self.context.options.relay_poll;
                self.context
                    .sleep_or_notified(poll, &self.context.intents)
                    .await;
            }
        }
    }

    /// Relays a batch of intents; true if there may be more.
    async fn relay_batch(&self) -> bool {
        let batch = self.context.options.relay_batch as usize;
        let store = self.context.ports.store();
        let Ok(intents) = self.context.track_store_health(store.intents(batch).await) else {
            return false;
        };
        let mut relayed = Vec::with_capacity(intents.len());
        for intent in &intents {
            let queue = self.context.ports.planner_queue();
            let done =
                enqueue::enqueue(self.context, queue, &intent.message, intent.requeued).await;
            if done.is_err() {
                break;
            }
            relayed.push(intent.message.run.clone());
        }
        if !relayed.is_empty() {
            let _ = self
                .context
                .track_store_health(store.intents_enqueued(&relayed).await);
        }
        relayed.len() == batch
    }
}

/// Publishes the events of the outbox. The only part of the worker that speaks to Notify.
pub struct EventRelay<'a, P: Ports> {
    context: &'a Context<P>,
}

impl<'a, P: Ports> EventRelay<'a, P> {
    /// The relay of one process.
    pub fn new(context: &'a Context<P>) -> Self {
        Self { context }
    }

    /// Relays until the process stops.
    pub async fn run(self) {
        while !self.context.intake.is_cancelled() {
            if !self.relay_batch().await {
                let poll = self.context.options.relay_poll;
                self.context
                    .sleep_or_notified(poll, &self.context.events)
                    .await;
            }
        }
    }

    /// Publishes a batch of events; true if there may be more.
    async fn relay_batch(&self) -> bool {
        let batch = self.context.options.relay_batch as usize;
        let store = self.context.ports.store();
        let Ok((events, depth)) = self.context.track_store_health(store.outbox(batch).await) else {
            return false;
        };
        self.context
            .metrics
            .outbox_depth(depth, self.context.elapsed());
        if events.is_empty() || self.context.ports.notify().publish(&events).await.is_err() {
            return false;
        }
        for event in &events {
            self.context.metrics.event_published(event.kind);
        }
        let ids: Vec<_> = events.iter().map(|event| event.event_id).collect();
        let forgotten = self
            .context
            .track_store_health(store.forget_events(&ids).await);
        forgotten.is_ok_and(|()| events.len() == batch)
    }
}
