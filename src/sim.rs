//! The simulator: a deterministic kernel, and the simulated world that stands on it.

pub mod distribution;
pub mod fault_plan;
pub mod fleet;
pub mod kernel;
mod occasions;
pub mod sampler;
pub mod world;
