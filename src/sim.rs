//! The simulator: a deterministic kernel, and the simulated world on top of it.
//!
//! ```text
//!   scenario ──fault_plan──> planned scenario ──world──> services, faults, worker processes
//!        └──fleet──> images, schedules ──────────┘           └── kernel: events, time, randomness
//! ```

mod arrival_times;
pub mod fault_plan;
pub mod fleet;
pub mod sampler;
pub mod station;
pub mod world;

pub use rehearsal_kernel::{self as kernel, distribution};

use self::kernel::RandomStream;
use rehearsal_convert::Index;

/// Draws an index below `len`; 0 if `len` is 0.
fn draw_index(stream: &mut RandomStream, len: usize) -> usize {
    stream.below(len as u64).to_index()
}
