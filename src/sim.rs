//! The simulator: a deterministic kernel, and the simulated world that stands on it.

mod arrival_times;
pub mod fault_plan;
pub mod fleet;
pub mod sampler;
pub mod world;

pub use rehearsal_kernel::{self as kernel, distribution};
