//! Notify with a planted fault.

use std::sync::Arc;

use rehearsal::model::Event;
use rehearsal::sim::world::WorldPorts;
use rehearsal::worker::ports::{EventPublisher, PortError, PortResult, Ports};

use crate::planted::PlantedFault;

type SimulatedNotify = <WorldPorts as Ports>::Notify;

/// Simulated Notify that shows a planted fault.
#[derive(Clone)]
pub struct PlantedNotify {
    pub notify: SimulatedNotify,
    pub planted: Option<PlantedFault>,
}

impl EventPublisher for PlantedNotify {
    async fn publish(&self, events: &[Arc<Event>]) -> PortResult<()> {
        let notify = &self.notify;
        match self.planted {
            Some(PlantedFault::LastEventLost) => {
                let kept = events.len().saturating_sub(1);
                notify.publish(&events[..kept]).await
            }
            Some(PlantedFault::FirstEventDoubled) => {
                notify.publish(events).await?;
                notify.publish(&events[..events.len().min(1)]).await
            }
            Some(PlantedFault::UnknownAsUnavailable) => {
                let answer = notify.publish(events).await;
                answer.map_err(|_| PortError::Unavailable)
            }
            _ => notify.publish(events).await,
        }
    }
}
