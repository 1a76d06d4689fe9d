//! Who plays: the worker's ports as a rehearsal hands them out.
//!
//! An ordinary rehearsal hands out the world's own. A test may put something between a worker and
//! the world, to plant a defect and see it caught.

use crate::check::InstrumentReader;
use crate::metrics::Registry;
use crate::model::observation::{Observation, Observer};
use crate::model::{IncarnationId, Timestamp};
use crate::sim::world::WorldPorts;
use crate::worker::ports::Ports;

/// Chooses what stands between workers, world and checks.
pub trait Hooks: 'static {
    /// What workers get.
    type Ports: Ports;

    /// The ports of an incarnation.
    fn ports(&self, incarnation: &IncarnationId, world: WorldPorts) -> Self::Ports;

    /// The registry into which an incarnation records.
    fn registry(&self, _incarnation: &IncarnationId) -> Registry {
        Registry::new()
    }

    /// The instruments of an incarnation, as the checks read them.
    fn instruments(
        &self,
        _incarnation: &IncarnationId,
        plain: Box<dyn InstrumentReader>,
    ) -> Box<dyn InstrumentReader> {
        plain
    }

    /// The observer that stands before the oracle: passes on to `oracle` what it is given.
    fn observe(&self, at: Timestamp, observation: &Observation<'_>, oracle: &mut dyn Observer) {
        oracle.observe(at, observation);
    }
}

/// Nothing stands between.
#[derive(Debug, Clone, Copy, Default)]
pub struct NoHooks;

impl Hooks for NoHooks {
    type Ports = WorldPorts;

    fn ports(&self, _incarnation: &IncarnationId, world: WorldPorts) -> WorldPorts {
        world
    }
}

/// Hooks to which somebody listens.
#[derive(Debug, Clone)]
pub struct WithListener<C, L> {
    /// Who plays.
    pub hooks: C,
    /// Hears what is observed, before anybody else.
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

    fn instruments(
        &self,
        incarnation: &IncarnationId,
        plain: Box<dyn InstrumentReader>,
    ) -> Box<dyn InstrumentReader> {
        self.hooks.instruments(incarnation, plain)
    }

    fn observe(&self, at: Timestamp, observation: &Observation<'_>, oracle: &mut dyn Observer) {
        (self.listener)(at, observation);
        self.hooks.observe(at, observation, oracle);
    }
}
