//! The impact index behind the simulated network.

use super::connection::Connection;
use super::network::NetworkPort;
use crate::worker::ports::{ImpactQuery, ImpactRequest, Impacted, PortResult};

/// Impact index of the worker, built over the fleet once and shared by all processes.
pub type ImpactFunction = Box<dyn Fn(&ImpactRequest<'_>) -> Impacted>;

/// Impact index port of an incarnation.
#[derive(Clone)]
pub struct ImpactPort(pub(super) Connection);

impl ImpactQuery for ImpactPort {
    async fn resolve(&self, request: &ImpactRequest<'_>) -> PortResult<Impacted> {
        let resolve = |world: &super::World| (world.impact)(request);
        self.0.read(NetworkPort::Impact, resolve).await
    }
}
