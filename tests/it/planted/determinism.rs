//! A rehearsal that depends on its environment violates `N::Determinism`.

use std::cell::Cell;
use std::ops::ControlFlow;
use std::rc::Rc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use rehearsal::model::ScanReport;
use rehearsal::rehearsal::{RunOptions, check_determinism, check_determinism_with};
use rehearsal::sim::fault_plan::FaultProfile;
use rehearsal::sweep::{Sweep, SweepOptions, SweepResult, SweepSubject, TrialOptions};
use rehearsal::worker::ports::{Clock, Ports, ScanRequest, Scanner, ScannerError};

use super::scenario;
use crate::plant::{Defect, Incarnation, Planted};

/// Scanner client whose hundredth request waits a millisecond in every second rehearsal.
struct Moody {
    is_slow: bool,
    requests: Cell<u32>,
}

impl Moody {
    /// Client for the rehearsal with this number.
    fn of(rehearsal: u64) -> Planted {
        Planted(Rc::new(Self {
            is_slow: rehearsal.is_multiple_of(2),
            requests: Cell::new(0),
        }))
    }
}

#[async_trait(?Send)]
impl Defect for Moody {
    async fn report(
        &self,
        incarnation: &Incarnation,
        request: &ScanRequest<'_>,
    ) -> Result<ScanReport, ScannerError> {
        self.requests.set(self.requests.get() + 1);
        if self.is_slow && self.requests.get() == 100 {
            incarnation
                .world
                .clock()
                .sleep(Duration::from_millis(1))
                .await;
        }
        incarnation.world.scanner().report(request).await
    }
}

#[test]
fn determinism_with_outside_input_names_first_difference() {
    let rehearsals = Cell::new(0);
    let hooks = || {
        rehearsals.set(rehearsals.get() + 1);
        Moody::of(rehearsals.get())
    };
    let told = check_determinism_with(hooks, &scenario(""), &RunOptions::default(), |_| {});
    let (_, difference) = told.expect("the small scenario can be simulated");
    let difference = difference.expect("the rehearsals differ");
    let (first, second) = (difference.left.unwrap(), difference.right.unwrap());
    assert_eq!(rehearsals.get(), 4, "twice, and twice more with a trace");
    assert!(first.what.contains("ScanSent"), "{first:?}");
    assert!(!second.what.contains("ScanSent"), "{second:?}");
}

#[test]
fn sweep_with_nondeterministic_seed_reports_it() {
    static REHEARSALS: AtomicU64 = AtomicU64::new(0);
    let mut result = SweepResult::new(SweepSubject {
        version: "test".into(),
        scenario: "small".into(),
        path: "small.toml".into(),
        text: String::new(),
        profile: "none".into(),
        set: Vec::new(),
        rerun_every: 1,
        event_budget: 10_000_000,
    });
    let options = SweepOptions {
        seeds: 0..1,
        jobs: 1,
        trial: TrialOptions {
            profile: FaultProfile::None,
            event_budget: 10_000_000,
        },
        time: None,
        plateau: None,
        hang: Duration::from_secs(60),
    };
    let hooks = || Moody::of(REHEARSALS.fetch_add(1, Ordering::Relaxed));
    let sweep = Sweep::new(scenario(""), hooks, options, |_| {});
    sweep
        .run(&mut result, |_, _| ControlFlow::Continue(()))
        .unwrap();
    let causes = result.failures.iter().map(|failure| &*failure.cause.name);
    assert_eq!(causes.collect::<Vec<_>>(), ["determinism"]);
    assert_eq!(result.exit_code(), 13);
}

#[test]
fn determinism_without_outside_input_holds() {
    let mut looks = 0;
    let told = check_determinism(&scenario(""), &RunOptions::default(), |_| looks += 1);
    let (_, difference) = told.expect("the small scenario can be simulated");
    assert!(difference.is_none(), "{difference:?}");
    assert!(
        looks > 200,
        "two rehearsals of two hours, looked at each minute"
    );
}
