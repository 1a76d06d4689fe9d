//! The same scenario and seed, twice.

use super::{Cast, Finished, Plain, Progress, RunError, RunOptions, run_with};
use crate::scenario::Scenario;
use crate::sim::kernel::divergence::{first_block, first_event};
use crate::sim::kernel::{TraceLine, TraceOptions};

/// The first event in which two rehearsals of one scenario and seed differ.
#[derive(Debug, Clone)]
pub struct Difference {
    /// The number of the event.
    pub event: u64,
    /// What the first rehearsal did; none if it had ended.
    pub first: Option<TraceLine>,
    /// What the second rehearsal did; none if it had ended.
    pub second: Option<TraceLine>,
}

/// Rehearses twice, and compares the traces. If they differ, rehearses twice more with a readable
/// trace of the stretch in which they parted. `progress` is told of each rehearsal from its start.
///
/// # Errors
/// The scenario can't be simulated.
pub fn compare(
    scenario: &Scenario,
    options: &RunOptions,
    progress: impl FnMut(Progress),
) -> Result<(Finished, Option<Difference>), RunError> {
    compare_with(|| Plain, scenario, options, progress)
}

/// Compares rehearsals with something between workers, world and checks, made anew for each.
///
/// # Errors
/// The scenario can't be simulated.
pub fn compare_with<C: Cast>(
    cast: impl Fn() -> C,
    scenario: &Scenario,
    options: &RunOptions,
    mut progress: impl FnMut(Progress),
) -> Result<(Finished, Option<Difference>), RunError> {
    let mut traced = |trace: TraceOptions| {
        let options = RunOptions {
            trace,
            ..options.clone()
        };
        run_with(cast(), scenario, &options, &mut progress)
    };
    let blocks = TraceOptions {
        record_blocks: true,
        ..TraceOptions::default()
    };
    let (first, second) = (traced(blocks.clone())?, traced(blocks)?);
    if first.trace_hash == second.trace_hash {
        return Ok((first, None));
    }
    let window = first_block(&first.blocks, &second.blocks);
    let lines = TraceOptions {
        window: window.clone(),
        ..TraceOptions::default()
    };
    let (left, right) = (traced(lines.clone())?, traced(lines)?);
    let difference = match first_event(&left.trace, &right.trace) {
        Some(parted) => Difference {
            event: parted.event,
            first: parted.left,
            second: parted.right,
        },
        None => Difference {
            event: window.map_or(0, |window| window.start),
            first: None,
            second: None,
        },
    };
    Ok((first, Some(difference)))
}
