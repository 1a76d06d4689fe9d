//! Notify: the service to which the worker publishes events.

use std::rc::Rc;
use std::sync::Arc;

use super::connection::Connection;
use super::network::NetworkPort;
use crate::model::observation::Observation;
use crate::model::{Event, EventId};
use crate::worker::ports::{self, PortResult};

/// Notify port of an incarnation.
#[derive(Clone)]
pub struct NotifyPort(pub(super) Connection);

impl ports::EventPublisher for NotifyPort {
    async fn publish(&self, events: &[Arc<Event>]) -> PortResult<()> {
        let Connection { world, incarnation } = &self.0;
        world.sink.emit(&Observation::NotifyCalled {
            incarnation: &incarnation.id,
            role: world.handle.task_name(),
        });
        let ids: Vec<EventId> = events.iter().map(|event| event.event_id).collect();
        let serve = move |world: &Rc<super::World>| {
            for &id in &ids {
                world.sink.emit(&Observation::EventPublished { id });
            }
            Some(())
        };
        self.0.call(NetworkPort::Notify, serve).await
    }
}
