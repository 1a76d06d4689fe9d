//! Short sweep in a test binary of its own, for `cargo xtask mutate-worker`. A mutant of the worker
//! that passes it shows a gap of the checks, or is equivalent.

use rehearsal_convert::Index;
use std::ops::{ControlFlow, Range};
use std::path::Path;
use std::thread::available_parallelism;
use std::time::Duration;

use rehearsal::check::scenario_loader;
use rehearsal::rehearsal::NoHooks;
use rehearsal::scenario::Scenario;
use rehearsal::sim::fault_plan::FaultProfile;
use rehearsal::sweep::{Sweep, SweepOptions, SweepResult, SweepSubject, TrialOptions};

/// Scenarios: `quickstart`, and one with every kind of selector.
const SCENARIOS: [&str; 2] = ["quickstart", "every-selector"];

/// Number of seeds per scenario. Nearly every defect of the bug bench is found within it.
const SEEDS: u64 = 200;

/// Number of seeds tried first; most mutants fail within them.
const AT_ONCE: u64 = 10;

const EVENT_BUDGET: u64 = 20_000_000;

/// Maximum real time of a seed, without optimisation.
const HANG: Duration = Duration::from_secs(5);

#[test]
#[ignore = "what cargo xtask mutate-worker runs; .ci/run has more seeds in less time"]
fn short_sweep_of_unchanged_worker_passes() {
    let mut results: Vec<_> = SCENARIOS.iter().map(|name| load(name)).collect();
    for first in (0..SEEDS).step_by(AT_ONCE.to_index()) {
        for (scenario, result) in &mut results {
            sweep(scenario, first..first + AT_ONCE, result);
        }
    }
    for (scenario, result) in &results {
        let never: Vec<_> = result.never_met().collect();
        assert!(never.is_empty(), "{}: never {never:?}", scenario.name);
    }
}

fn load(name: &str) -> (Scenario, SweepResult) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("scenarios/{name}.toml"));
    let loader = scenario_loader(&[]);
    let scenario = loader.load(&path).unwrap();
    let result = SweepResult::new(SweepSubject {
        version: String::new(),
        scenario: scenario.name.clone(),
        path: String::new(),
        text: String::new(),
        profile: FaultProfile::Swarm.as_str().into(),
        set: Vec::new(),
        rerun_every: 0,
        event_budget: EVENT_BUDGET,
    });
    (scenario, result)
}

fn sweep(scenario: &Scenario, seeds: Range<u64>, result: &mut SweepResult) {
    let options = SweepOptions {
        seeds,
        jobs: available_parallelism().map_or(1, usize::from),
        trial: TrialOptions {
            profile: FaultProfile::Swarm,
            event_budget: EVENT_BUDGET,
        },
        time: None,
        plateau: None,
        hang: HANG,
    };
    let sweep = Sweep::new(scenario.clone(), || NoHooks, options, |_| {});
    sweep.run(result, |_, _| ControlFlow::Continue(())).unwrap();
    let told: Vec<_> = result.failures.iter().map(|f| &f.soonest.message).collect();
    assert!(told.is_empty(), "{}: {told:#?}", scenario.name);
}
