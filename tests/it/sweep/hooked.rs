//! Sweeps through the library, with hooks that panic, hang or count the runs.

use std::ops::ControlFlow;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;
use std::time::Duration;

use rehearsal::model::Timestamp;
use rehearsal::model::observation::{Observation, Observer};
use rehearsal::rehearsal::{Hooks, NoHooks};
use rehearsal::scenario::{Loader, Scenario};
use rehearsal::sim::fault_plan::FaultProfile;
use rehearsal::sim::world::WorldPorts;
use rehearsal::sweep::{Sweep, SweepEnd, SweepOptions, SweepResult, SweepSubject, TrialOptions};

use super::SMALL;

/// Hooks that call a function at each commit that the store applies.
struct Troubled {
    trouble: fn(),
}

impl Hooks for Troubled {
    type Ports = WorldPorts;

    fn ports(&self, _: &rehearsal::model::IncarnationId, world: WorldPorts) -> WorldPorts {
        world
    }

    fn observe(&self, at: Timestamp, observation: &Observation<'_>, oracle: &mut dyn Observer) {
        if matches!(observation, Observation::CommitApplied { .. }) {
            (self.trouble)();
        }
        oracle.observe(at, observation);
    }
}

fn small() -> Scenario {
    let scenario = Loader::default().parse("small.toml", &SMALL, None);
    scenario.unwrap_or_else(|problems| panic!("{problems}"))
}

fn options() -> SweepOptions {
    SweepOptions {
        seeds: 0..3,
        jobs: 2,
        trial: TrialOptions {
            profile: FaultProfile::None,
            event_budget: 10_000_000,
        },
        time: None,
        plateau: None,
        hang: Duration::from_secs(60),
    }
}

fn empty() -> SweepResult {
    SweepResult::new(SweepSubject {
        version: "test".into(),
        scenario: "small".into(),
        path: "small.toml".into(),
        text: SMALL.clone(),
        profile: "none".into(),
        set: Vec::new(),
        rerun_every: 2,
        event_budget: 10_000_000,
    })
}

fn causes(trouble: fn(), options: SweepOptions) -> Vec<(String, u64)> {
    let sweep = Sweep::new(small(), move || Troubled { trouble }, options, |_| {});
    let mut result = empty();
    assert_eq!(
        sweep
            .run(&mut result, |_, _| ControlFlow::Continue(()))
            .unwrap(),
        SweepEnd::Seeds
    );
    assert_eq!(result.seeds.to_string(), "0..3");
    let failures = result.failures.iter();
    failures
        .map(|failure| (failure.cause.to_string(), failure.count))
        .collect()
}

#[test]
fn sweep_with_panicking_seed_reports_failure() {
    let found = causes(|| panic!("commit {} is one too many", 17), options());
    assert_eq!(found, [("panic: commit # is one too many".into(), 3)]);
}

#[test]
fn sweep_with_hanging_seed_continues_others() {
    static COMMITS: AtomicU64 = AtomicU64::new(0);
    let hang = || {
        if COMMITS.fetch_add(1, Ordering::Relaxed) == 0 {
            thread::sleep(Duration::from_secs(600));
        }
    };
    let options = SweepOptions {
        hang: Duration::from_secs(4),
        ..options()
    };
    let found = causes(hang, options);
    let expected = "hang: the seed did not finish within # s of wall-clock time";
    assert_eq!(found, [(expected.into(), 1)]);
}

#[test]
fn sweep_with_rerun_interval_repeats_multiples() {
    static RUNS: AtomicU64 = AtomicU64::new(0);
    let hooks = || {
        RUNS.fetch_add(1, Ordering::Relaxed);
        NoHooks
    };
    let sweep = Sweep::new(small(), hooks, options(), |_| {});
    let mut result = empty();
    sweep
        .run(&mut result, |_, _| ControlFlow::Continue(()))
        .unwrap();
    assert_eq!(RUNS.load(Ordering::Relaxed), 5, "0 and 2 twice, 1 once");
    assert_eq!(result.verdicts.pass, 3);
}
