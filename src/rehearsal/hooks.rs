//! Hooks between workers, world and checks.
//!
//! An ordinary rehearsal uses [`NoHooks`]. Tests wrap the ports, the registry or the observer, to
//! plant a defect and to assert that an invariant finds it.

use std::sync::Arc;

use crate::check::InstrumentReader;
use crate::metrics::{InstrumentWrites, Registry, SchedulerWorkerMetrics};
use crate::model::observation::{Observation, Observer};
use crate::model::{IncarnationId, Timestamp};
use crate::sim::world::WorldPorts;
use crate::worker::ports::Ports;

/// Wraps what a rehearsal connects: ports, registries, instruments and observations.
pub trait Hooks: 'static {
    /// Ports that the workers get.
    type Ports: Ports;

    /// Returns the ports of an incarnation, made from the world's ports.
    fn ports(&self, incarnation: &IncarnationId, world: WorldPorts) -> Self::Ports;

    /// Returns the registry into which an incarnation records.
    fn registry(&self, _incarnation: &IncarnationId) -> Registry {
        Registry::new()
    }

    /// Returns the receiver of everything that an incarnation records.
    fn writes(
        &self,
        _incarnation: &IncarnationId,
        metrics: Arc<SchedulerWorkerMetrics>,
    ) -> Arc<dyn InstrumentWrites> {
        metrics
    }

    /// Returns the view through which the checks read the instruments of an incarnation. Called for
    /// what the incarnation exposes and for what the recording holds of it.
    fn instruments(
        &self,
        _incarnation: &IncarnationId,
        reader: Box<dyn InstrumentReader>,
    ) -> Box<dyn InstrumentReader> {
        reader
    }

    /// Receives an observation first, and passes it on to `oracle`.
    fn observe(&self, at: Timestamp, observation: &Observation<'_>, oracle: &mut dyn Observer) {
        oracle.observe(at, observation);
    }
}

/// Hooks that change nothing.
#[derive(Debug, Clone, Copy, Default)]
pub struct NoHooks;

impl Hooks for NoHooks {
    type Ports = WorldPorts;

    fn ports(&self, _incarnation: &IncarnationId, world: WorldPorts) -> WorldPorts {
        world
    }
}

/// Hooks with a listener that receives every observation before the wrapped hooks do.
#[derive(Debug, Clone)]
pub struct WithListener<C, L> {
    /// The wrapped hooks.
    pub hooks: C,
    /// Function that receives time and observation.
    pub listener: L,
}

impl<C: Hooks, L: Fn(Timestamp, &Observation<'_>) + 'static> Hooks for WithListener<C, L> {
    type Ports = C::Ports;

    fn ports(&self, incarnation: &IncarnationId, world: WorldPorts) -> C::Ports {
        self.hooks.ports(incarnation, world)
    }

    fn registry(&self, incarnation: &IncarnationId) -> Registry {
        self.hooks.registry(incarnation)
    }

    fn writes(
        &self,
        incarnation: &IncarnationId,
        metrics: Arc<SchedulerWorkerMetrics>,
    ) -> Arc<dyn InstrumentWrites> {
        self.hooks.writes(incarnation, metrics)
    }

    fn instruments(
        &self,
        incarnation: &IncarnationId,
        reader: Box<dyn InstrumentReader>,
    ) -> Box<dyn InstrumentReader> {
        self.hooks.instruments(incarnation, reader)
    }

    fn observe(&self, at: Timestamp, observation: &Observation<'_>, oracle: &mut dyn Observer) {
        (self.listener)(at, observation);
        self.hooks.observe(at, observation, oracle);
    }
}
