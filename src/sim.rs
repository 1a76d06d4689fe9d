//! The simulator: a deterministic kernel, and the simulated world that stands on it.

mod arrival_times;
pub mod distribution;
pub mod fault_plan;
pub mod fleet;
pub mod kernel;
pub mod sampler;
pub mod world;
