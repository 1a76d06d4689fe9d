//! Model tests: random operations of several clients, on a store or queue and on the state machine
//! of the simulated one, which is the reference. Services are the simulated ones and those in an
//! SQLite file.
//!
//! Each answer and all that can be read afterwards must be the same. A real service has no exact
//! times: where an answer states none, the reference acts when the answer is received. All
//! durations are a whole number of units and all limits a half more, so that the difference decides
//! nothing.

mod file;
mod queue;
mod reading;
mod store;
mod store_action;

use std::fmt::Debug;
use std::rc::Rc;
use std::time::Duration;

use proptest::collection::vec;
use proptest::strategy::Strategy;
use proptest::test_runner::{Config, RngAlgorithm, TestCaseError, TestRng, TestRunner};

use rehearsal::worker::ports::PortError;
use rehearsal_port_contract::Bench;

use crate::planted::PlantedFault;
use crate::simulated::{SimulatedBench, Simulation};

/// Number of processes that call the services.
const CLIENTS: usize = 4;

/// Failure of a step: an error of a port, or a difference.
#[derive(Debug)]
struct StepFailure(String);

impl From<PortError> for StepFailure {
    fn from(error: PortError) -> Self {
        Self(error.to_string())
    }
}

type Stepped<T = ()> = Result<T, StepFailure>;

/// Bench on which sequences of operations are performed.
trait ModelBench: Bench {
    /// Performs `steps` on fresh services with a planted fault; none if they never end.
    fn perform<F: Future<Output = Stepped> + 'static>(
        planted: Option<PlantedFault>,
        steps: impl FnOnce(Rc<Self>) -> F,
    ) -> Option<Stepped>;
}

impl ModelBench for SimulatedBench {
    fn perform<F: Future<Output = Stepped> + 'static>(
        planted: Option<PlantedFault>,
        steps: impl FnOnce(Rc<Self>) -> F,
    ) -> Option<Stepped> {
        let mut simulation = Simulation::start(1, planted);
        let bench = simulation.bench();
        simulation.run(steps(bench))
    }
}

/// Service under test and its reference.
trait ServiceModel: Sized + 'static {
    /// Bench with the service.
    type Bench: ModelBench;

    /// Operation of a client.
    type Action: Debug + 'static;

    /// Sets up the reference as the bench does the service.
    async fn start(bench: Rc<Self::Bench>) -> Stepped<Self>;

    /// Performs an operation on both, and compares what can be read afterwards.
    async fn step(&mut self, client: usize, action: Self::Action) -> Stepped;
}

/// Requires that an answer equals the reference's.
fn expect_same<T: Debug + PartialEq>(object: &str, found: &T, reference: &T) -> Stepped {
    if found == reference {
        return Ok(());
    }
    Err(StepFailure(format!(
        "{object} is {found:?}, expected {reference:?}, because the reference answers so"
    )))
}

/// Returns `count` units and a half.
fn half_after(unit: Duration, count: u32) -> Duration {
    unit * count + unit / 2
}

/// Performs sequences of up to `steps` operations, drawn from a fixed seed, on a service with a
/// planted fault. The error shows a failing sequence after shrinking.
fn agree<M: ServiceModel>(
    cases: u32,
    steps: usize,
    action: impl Strategy<Value = M::Action>,
    planted: Option<PlantedFault>,
) -> Result<(), String> {
    let config = Config {
        cases,
        failure_persistence: None,
        ..Config::default()
    };
    let rng = TestRng::deterministic_rng(RngAlgorithm::ChaCha);
    let mut runner = TestRunner::new_with_rng(config, rng);
    let sequences = vec((0..CLIENTS, action), 1..=steps);
    let test = |sequence: Vec<(usize, M::Action)>| {
        let compared = M::Bench::perform(planted, async move |bench| {
            let mut model = M::start(bench).await?;
            for (client, action) in sequence {
                model.step(client, action).await?;
            }
            Ok(())
        });
        let endless = || Err(StepFailure("it does not end".to_owned()));
        let compared: Stepped = compared.unwrap_or_else(endless);
        compared.map_err(|StepFailure(text)| TestCaseError::fail(text))
    };
    let tested = runner.run(&sequences, test);
    tested.map_err(|error| error.to_string())
}
