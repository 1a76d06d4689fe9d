//! Cost of whole rehearsals with all invariants on.

use std::path::Path;

use rehearsal::check::scenario_loader;
use rehearsal::rehearsal::{EVENT_BUDGET, FinishedRun, NoHooks, RunOptions, run};
use rehearsal::scenario::Loader;
use rehearsal::sim::fault_plan::FaultProfile;
use rehearsal::sweep::{Trial, TrialOptions};

use crate::{measurement_begins, measurement_ends};

/// Hourly schedules over a small fleet, dominated by scanning.
const BUSY: &str = r#"
name = "busy"
duration = "4h"
seed = 11

[fleet]
tenants = ["acme", "globex"]
images = 1000
components = 1000
componentsPerImage = { kind = "lognormal", median = 12.0, p99 = 60.0 }

[schedules]
count = 8
cadence = "hourly"
limits = { parallelism = 32 }
notify = { enabled = false }

[workers]
options = { segmentsAtOnce = 40 }
"#;

/// Three processes without work, dominated by polling.
const IDLE: &str = r#"
name = "idle"
duration = "1d"
seed = 11

[fleet]
tenants = ["acme"]
images = 10

[[schedule]]
id = "yearly"
whenCron = "0 0 1 7 *"
"#;

/// Rehearses a scenario. The setup of the world is not measured.
fn rehearse(text: &str) -> FinishedRun {
    let loaded = Loader::default().parse("bench.toml", text, None);
    let scenario = loaded.expect("the bench's scenario is valid");
    let mut is_set_up = false;
    let finished = run(&scenario, &RunOptions::default(), |_| {
        if !is_set_up {
            measurement_begins();
            is_set_up = true;
        }
    });
    measurement_ends();
    finished.expect("the bench's scenario can be simulated")
}

/// Scans images for some hours. Returns the number of images.
pub fn image_scan() -> u64 {
    rehearse(BUSY).oracle.tally.images
}

/// Runs three idle processes for a day.
pub fn idle_day() -> u64 {
    drop(rehearse(IDLE));
    1
}

/// Runs a seed of `quickstart` as a sweep does, from drawing its faults to its report.
pub fn swarm_seed() -> u64 {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let scenario = scenario_loader(&[])
        .load(&root.join("scenarios/quickstart.toml"))
        .unwrap_or_else(|error| panic!("{error}"));
    let options = TrialOptions {
        profile: FaultProfile::Swarm,
        event_budget: EVENT_BUDGET,
    };
    measurement_begins();
    let trial = Trial::of(|| NoHooks, &scenario, 1, &options, false);
    measurement_ends();
    let trial = trial.expect("a bundled scenario can be simulated");
    assert!(trial.failure.is_none(), "{:?}", trial.failure);
    1
}
