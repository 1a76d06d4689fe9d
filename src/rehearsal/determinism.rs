//! Determinism check: the same scenario and seed, run twice.

use super::{FinishedRun, Hooks, NoHooks, Progress, RehearsalError, RunOptions, run_with};
use crate::scenario::Scenario;
use crate::sim::kernel::TraceOptions;
use crate::sim::kernel::divergence::{Divergence, first_block, first_event};

/// Runs a scenario twice and compares the traces. If they differ, two more runs record a readable
/// trace of the first block that differs. `progress` starts anew for each run.
///
/// # Errors
/// The scenario can't be simulated.
pub fn check_determinism(
    scenario: &Scenario,
    options: &RunOptions,
    progress: impl FnMut(Progress),
) -> Result<(FinishedRun, Option<Divergence>), RehearsalError> {
    check_determinism_with(|| NoHooks, scenario, options, progress)
}

/// Runs the determinism check with hooks, which are made anew for each run.
///
/// # Errors
/// The scenario can't be simulated.
pub fn check_determinism_with<C: Hooks>(
    hooks: impl Fn() -> C,
    scenario: &Scenario,
    options: &RunOptions,
    mut progress: impl FnMut(Progress),
) -> Result<(FinishedRun, Option<Divergence>), RehearsalError> {
    let mut traced = |trace: TraceOptions| {
        let options = RunOptions {
            trace,
            ..options.clone()
        };
        run_with(hooks(), scenario, &options, &mut progress)
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
    // If the traced pair no longer differs, the block's first event is the best known place.
    let divergence = first_event(&left.trace, &right.trace).unwrap_or(Divergence {
        event: window.map_or(0, |window| window.start),
        left: None,
        right: None,
    });
    Ok((first, Some(divergence)))
}
