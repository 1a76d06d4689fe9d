//! Model tests: random operations of several clients, on a store or queue and on the state machine
//! of the simulated one, which is the reference.
//!
//! Each answer and all that can be read afterwards must be the same. A real service has no exact
//! times: where an answer states none, the reference acts when the answer is received. All
//! durations are a whole number of units and all limits a half more, so that the difference decides
//! nothing.

mod queue;
mod reading;
mod store;
mod store_action;

use std::fmt::Debug;
use std::time::Duration;

use proptest::strategy::Strategy;
use proptest::test_runner::{Config, RngAlgorithm, TestCaseError, TestRng, TestRunner};

/// Number of processes that call the services.
const CLIENTS: usize = 4;

/// Requires that an answer equals the reference's.
fn expect_same<T: Debug + PartialEq>(object: &str, found: &T, reference: &T) -> Result<(), String> {
    if found == reference {
        return Ok(());
    }
    Err(format!(
        "{object} is {found:?}, expected {reference:?}, because the reference answers so"
    ))
}

/// Returns `count` units and a half.
fn half_after(unit: Duration, count: u32) -> Duration {
    unit * count + unit / 2
}

/// Tests sequences of operations from a fixed seed; the error is the shortest that fails.
fn test_sequences<S: Strategy>(
    cases: u32,
    sequences: S,
    test: impl Fn(S::Value) -> Result<(), String>,
) -> Result<(), String> {
    let config = Config {
        cases,
        failure_persistence: None,
        ..Config::default()
    };
    let rng = TestRng::deterministic_rng(RngAlgorithm::ChaCha);
    let mut runner = TestRunner::new_with_rng(config, rng);
    let test = |steps| test(steps).map_err(TestCaseError::fail);
    runner
        .run(&sequences, test)
        .map_err(|error| error.to_string())
}
