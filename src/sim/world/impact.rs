//! The impact index behind the network.

use super::connection::Connection;
use super::network::NetworkPort;
use crate::worker::ports::{ImpactQuery, ImpactRequest, Impacted, PortResult};

/// Resolves a question at once: the worker's own index, built over the fleet once and shared.
pub type Resolve = Box<dyn Fn(&ImpactRequest<'_>) -> Impacted>;

/// The impact index as an incarnation reaches it.
#[derive(Clone)]
pub struct ImpactPort(pub(super) Connection);

impl ImpactQuery for ImpactPort {
    async fn resolve(&self, request: &ImpactRequest<'_>) -> PortResult<Impacted> {
        let resolve = |world: &super::World| (world.impact)(request);
        self.0.read(NetworkPort::Impact, resolve).await
    }
}
