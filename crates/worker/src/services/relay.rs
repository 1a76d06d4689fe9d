//! Relays of the transactional outbox: intents to the planner queue, events to Notify.
//!
//! A commit writes an intent or an event in the same atomic step as the run. Enqueueing or
//! publishing before the commit would announce work that a conflict undoes; doing it after the
//! commit without a record would lose it in a crash. A relay works at least once: an entry that was
//! passed on and is not ticked off yet is passed on again, and its idempotency key or event id
//! makes the repeat harmless.
//!
//! A commit notifies the relay of its own process, so that work is passed on at once. The slow
//! `relayPoll` only finds entries that a dead process has left.

use crate::context::WorkerContext;
use crate::flow::wake::WakeSignal;
use crate::ports::{EventPublisher, Ports, Store};
use crate::run_lifecycle::enqueue;

/// Relays until the process stops. `relay_batch` returns whether more entries may wait.
async fn relay_until_stopped<P: Ports>(
    context: &WorkerContext<P>,
    wake_up: &WakeSignal,
    relay_batch: impl AsyncFn() -> bool,
) {
    while !context.intake.is_cancelled() {
        if !relay_batch().await {
            let poll = context.options.relay_poll;
            context.sleep_or_notified(poll, wake_up).await;
        }
    }
}

/// Enqueues the planner messages for which a commit wrote an intent.
pub struct IntentRelay<'a, P: Ports> {
    context: &'a WorkerContext<P>,
}

impl<'a, P: Ports> IntentRelay<'a, P> {
    /// Creates the relay of one process.
    pub fn new(context: &'a WorkerContext<P>) -> Self {
        Self { context }
    }

    /// Relays until the process stops.
    pub async fn run(self) {
        let wake_up = &self.context.intents;
        relay_until_stopped(self.context, wake_up, async || self.relay_batch().await).await;
    }

    /// Relays a batch of intents. Returns whether more may wait.
    async fn relay_batch(&self) -> bool {
        let batch = self.context.options.relay_batch as usize;
        let store = self.context.ports.store();
        let Ok(intents) = self.context.track_store_health(store.intents(batch).await) else {
            return false;
        };
        let mut relayed = Vec::with_capacity(intents.len());
        for intent in &intents {
            let queue = self.context.ports.planner_queue();
            let enqueued =
                enqueue::enqueue(self.context, queue, &intent.message, intent.requeued).await;
            if enqueued.is_err() {
                break;
            }
            relayed.push(intent.message.run.clone());
        }
        if !relayed.is_empty() {
            let ticked_off = store.intents_enqueued(&relayed).await;
            let _ = self.context.track_store_health(ticked_off);
        }
        relayed.len() == batch
    }
}

/// Publishes the events of the outbox. No other part of the worker calls Notify, so that no other
/// part waits for it.
pub struct EventRelay<'a, P: Ports> {
    context: &'a WorkerContext<P>,
}

impl<'a, P: Ports> EventRelay<'a, P> {
    /// Creates the relay of one process.
    pub fn new(context: &'a WorkerContext<P>) -> Self {
        Self { context }
    }

    /// Relays until the process stops.
    pub async fn run(self) {
        let wake_up = &self.context.events;
        relay_until_stopped(self.context, wake_up, async || self.relay_batch().await).await;
    }

    /// Publishes a batch of events. Returns whether more may wait.
    async fn relay_batch(&self) -> bool {
        let batch = self.context.options.relay_batch as usize;
        let store = self.context.ports.store();
        let Ok(events) = self.context.track_store_health(store.outbox(batch).await) else {
            return false;
        };
        if events.is_empty() || self.context.ports.notify().publish(&events).await.is_err() {
            return false;
        }
        for event in &events {
            self.context.metrics.event_published(event.kind);
        }
        let ids: Vec<_> = events.iter().map(|event| event.event_id).collect();
        let forgotten = store.forget_events(&ids).await;
        let forgotten = self.context.track_store_health(forgotten);
        forgotten.is_ok_and(|()| events.len() == batch)
    }
}
