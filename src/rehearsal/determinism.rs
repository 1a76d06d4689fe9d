//! The same scenario and seed, twice.

use super::{Finished, RunError, RunOptions, run};
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
/// trace of the stretch in which they parted.
///
/// # Errors
/// The scenario can't be simulated.
pub fn compare(
    scenario: &Scenario,
    options: &RunOptions,
) -> Result<(Finished, Option<Difference>), RunError> {
    let traced = |trace: TraceOptions| {
        run(
            scenario,
            &RunOptions {
                trace,
                ..options.clone()
            },
            |_| {},
        )
    };
    let blocks = || {
        traced(TraceOptions {
            record_blocks: true,
            ..TraceOptions::default()
        })
    };
    let (first, second) = (blocks()?, blocks()?);
    if first.trace_hash == second.trace_hash {
        return Ok((first, None));
    }
    let window = first_block(&first.blocks, &second.blocks);
    let lines = || {
        traced(TraceOptions {
            window: window.clone(),
            ..TraceOptions::default()
        })
    };
    let difference = match first_event(&lines()?.trace, &lines()?.trace) {
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
