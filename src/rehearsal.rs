//! One simulated run of a scenario: builds world, workers and checks, runs them, and returns the
//! recorded series and the findings.
//!
//! ```text
//!  start ─── duration: triggers, operations, faults ───> heal ─── drain, until at rest ───> end
//! ```

mod builder;
mod determinism;
mod hooks;
mod instruments;
mod work_times;
mod worker_process;

use std::cell::RefCell;
use std::rc::Rc;
use std::sync::Arc;
use std::time::{Duration, Instant};

pub use builder::Rehearsal;
pub use determinism::{check_determinism, check_determinism_with};
pub use hooks::{Hooks, NoHooks, WithListener};

use crate::check::{GaugeSeries, Invariant, Inventory, Oracle, OracleOptions, OracleReport};
use crate::metrics::series::TimeSeriesStore;
use crate::model::{CallCounts, Timestamp};
use crate::scenario::{FaultSpec, Scenario};
use crate::sim::fault_plan::{FaultProfile, PlannedScenario, SkippedExpectation, TimeSlice};
use crate::sim::fleet::Fleet;
use crate::sim::kernel::{Kernel, KernelOptions, Stop, TraceBlock, TraceLine, TraceOptions};
use crate::sim::world::{StationLoad, World, WorldOptions, WorldParts};
use crate::worker::Role;
use crate::worker::planning::impact_index::ImpactIndex;
use worker_process::{ObserverAdapter, WorkerProcessFactory};

/// Virtual time between two checks for quiescence of a draining world, and between two calls of
/// the progress function.
const PROGRESS_INTERVAL: Duration = Duration::from_secs(60);

/// Name of the random stream that draws the processes that are healed after the scenario.
const CORE_STREAM: &str = "rehearsal.core";

/// Default maximum number of kernel events per rehearsal.
pub const EVENT_BUDGET: u64 = 2_000_000_000;

/// Options of a rehearsal that do not come from the scenario file.
#[derive(Debug, Clone)]
pub struct RunOptions {
    /// Root seed of every random stream. `None` takes the scenario's seed.
    pub seed: Option<u64>,
    /// Profile of the faults that are drawn in addition to the faults of the scenario.
    pub profile: FaultProfile,
    /// Maximum number of kernel events. Exceeding it fails the rehearsal.
    pub event_budget: u64,
    /// Parts of the event trace that are kept besides its hash.
    pub trace: TraceOptions,
}

impl Default for RunOptions {
    fn default() -> Self {
        Self {
            seed: None,
            profile: FaultProfile::None,
            event_budget: EVENT_BUDGET,
            trace: TraceOptions::default(),
        }
    }
}

/// Error that prevents a rehearsal from starting.
#[derive(Debug, thiserror::Error)]
pub enum RehearsalError {
    /// A distribution of the scenario has impossible parameters.
    #[error("the scenario can't be simulated: {0}")]
    Scenario(#[from] crate::sim::distribution::DistributionError),
    /// The system creates no more threads.
    #[error("can't create a thread: {0}; choose a smaller --jobs")]
    Thread(#[from] std::io::Error),
}

/// Result of a rehearsal: the findings of the checks, the recorded series and the trace.
pub struct FinishedRun {
    /// The scenario that was run, with all drawn values but the faults.
    pub scenario: Scenario,
    /// Faults that were injected, stated and drawn ones.
    pub faults: Vec<FaultSpec>,
    /// The slice of the scenario that was run. `None`: the whole scenario.
    pub window: Option<TimeSlice>,
    /// Expectations that the slice can't decide.
    pub skipped: Vec<SkippedExpectation>,
    /// Root seed of the random streams.
    pub seed: u64,
    /// Profile from which additional faults were drawn.
    pub profile: FaultProfile,
    /// Findings of the invariants and the totals of the run.
    pub oracle: OracleReport,
    /// Series that were recorded by scraping every process.
    pub recording: TimeSeriesStore,
    /// Last exposition of the first process, in the Prometheus text format.
    pub exposition: String,
    /// Whether the world was quiescent before the drain ended.
    pub quiescent: bool,
    /// Reason for which the kernel stopped early, if it did.
    pub halted: Option<Stop>,
    /// Hash over every kernel event.
    pub trace_hash: u64,
    /// Number of kernel events.
    pub events: u64,
    /// Calls of all processes, by kind.
    pub calls: CallCounts,
    /// Load of each service with a stated capacity.
    pub stations: Vec<StationLoad>,
    /// Virtual time at the end of the run.
    pub ended_at: Timestamp,
    /// Wall-clock time that the simulation took.
    pub wall: Duration,
    /// Trace hash per block of events, if recording it was requested.
    pub blocks: Vec<TraceBlock>,
    /// Readable trace lines, if recording them was requested.
    pub trace: Vec<TraceLine>,
}

/// Progress of a running rehearsal, reported once per virtual minute.
#[derive(Debug, Clone, Copy)]
pub struct Progress {
    /// Virtual time since the start of the scenario.
    pub virtual_time: Duration,
    /// Duration of the scenario. The drain follows it.
    pub duration: Duration,
    /// Number of kernel events so far.
    pub events: u64,
}

/// Runs a scenario in the simulator.
///
/// # Errors
/// The scenario can't be simulated.
pub fn run(
    scenario: &Scenario,
    options: &RunOptions,
    progress: impl FnMut(Progress),
) -> Result<FinishedRun, RehearsalError> {
    run_with(NoHooks, scenario, options, progress)
}

/// Runs a scenario with hooks between workers, world and checks.
///
/// # Errors
/// The scenario can't be simulated.
pub fn run_with<C: Hooks>(
    hooks: C,
    scenario: &Scenario,
    options: &RunOptions,
    progress: impl FnMut(Progress),
) -> Result<FinishedRun, RehearsalError> {
    rehearse(hooks, scenario, options, Vec::new(), progress)
}

/// Runs a scenario with hooks, and with invariants of the library's user.
fn rehearse<C: Hooks>(
    hooks: C,
    scenario: &Scenario,
    options: &RunOptions,
    invariants: Vec<Box<dyn Invariant>>,
    mut progress: impl FnMut(Progress),
) -> Result<FinishedRun, RehearsalError> {
    let began = Instant::now();
    let seed = options.seed.unwrap_or(scenario.seed);
    let planned = PlannedScenario::draw(scenario, options.profile, seed);
    let mut simulation = Simulation::build(hooks, &planned, options, invariants)?;
    let halted = simulation.run(&planned.scenario, &mut progress);
    let kernel = &mut simulation.kernel;
    let ended_at = Timestamp::from_nanos(kernel.now_ns());
    let quiescent = simulation.oracle.borrow().is_quiescent();
    if quiescent {
        simulation.world.report_resources();
    }
    let calls = simulation.world.call_counts();
    let stations = simulation.world.station_loads();
    let oracle = simulation
        .oracle
        .replace(Oracle::new(OracleOptions::default()));
    let report = oracle.finish(ended_at, quiescent);
    Ok(FinishedRun {
        window: planned.plan.slice,
        skipped: planned.plan.skipped,
        faults: planned
            .plan
            .faults
            .into_iter()
            .map(FaultSpec::from)
            .collect(),
        seed,
        profile: options.profile,
        oracle: report,
        recording: simulation.processes.take_recording(),
        exposition: simulation.processes.exposition().unwrap_or_default(),
        quiescent,
        halted,
        trace_hash: kernel.trace_hash(),
        events: kernel.events(),
        calls,
        stations,
        ended_at,
        wall: began.elapsed(),
        blocks: kernel.blocks(),
        trace: kernel.take_trace(),
        scenario: planned.scenario,
    })
}

/// Kernel, world, worker processes and checks of one rehearsal.
struct Simulation<C: Hooks> {
    kernel: Kernel,
    world: Rc<World>,
    processes: Rc<WorkerProcessFactory<C>>,
    oracle: Rc<RefCell<Oracle>>,
}

impl<C: Hooks> Simulation<C> {
    fn build(
        hooks: C,
        planned: &PlannedScenario,
        options: &RunOptions,
        invariants: Vec<Box<dyn Invariant>>,
    ) -> Result<Self, RehearsalError> {
        let scenario = &planned.scenario;
        let kernel = Kernel::new(KernelOptions {
            seed: scenario.seed,
            start_ns: scenario.start.nanos(),
            event_budget: options.event_budget,
            trace: options.trace.clone(),
            ..KernelOptions::default()
        });
        let fleet = Rc::new(Fleet::draw(&scenario.fleet, scenario.seed)?);
        let index = ImpactIndex::new(fleet.catalogue().clone());
        let inventory = Inventory::new(fleet.catalogue().clone());
        let mut oracle = Oracle::new(oracle_options(scenario, inventory)?);
        for invariant in invariants {
            oracle.add(invariant);
        }
        let oracle = Rc::new(RefCell::new(oracle));
        let hooks = Rc::new(hooks);
        let worker_options = scenario.workers.options.clone();
        let processes = Rc::new(WorkerProcessFactory::new(
            hooks.clone(),
            worker_options,
            oracle.clone(),
            kernel.handle(),
        ));
        let world = World::new(
            scenario,
            WorldParts {
                handle: kernel.handle(),
                fleet,
                impact: Box::new(move |request| index.resolve(request)),
                factory: processes.clone(),
                observer: Rc::new(RefCell::new(ObserverAdapter::new(hooks, oracle.clone()))),
                options: WorldOptions::default(),
            },
        )?;
        world.start(planned)?;
        Ok(Self {
            kernel,
            world,
            processes,
            oracle,
        })
    }

    /// Runs the scenario, heals the world, and drains open work. Returns the reason if the kernel
    /// stopped early.
    fn run(&mut self, scenario: &Scenario, progress: &mut impl FnMut(Progress)) -> Option<Stop> {
        let end = scenario.start.after(scenario.duration.std());
        let mut healed = false;
        let mut quiescent_checks = 0;
        loop {
            let now = Timestamp::from_nanos(self.kernel.now_ns());
            progress(Progress {
                virtual_time: now.since(scenario.start),
                duration: scenario.duration.std(),
                events: self.kernel.events(),
            });
            quiescent_checks = if self.oracle.borrow().is_at_rest() {
                quiescent_checks + 1
            } else {
                0
            };
            if !healed && now >= end {
                (healed, quiescent_checks) = (true, 0);
                self.world.stop_triggers();
                let mut draws = self.kernel.handle().stream(CORE_STREAM);
                let core = self.world.draw_core(&mut draws);
                self.world.heal(core);
                self.oracle
                    .borrow_mut()
                    .expect_drain(now, scenario.drain.std());
            }
            let limit = self.oracle.borrow_mut().drain_ends_at(now).unwrap_or(end);
            // The second check leaves the prober time to see the world at rest.
            if healed && (now >= limit || quiescent_checks >= 2) {
                return None;
            }
            let next = now.after(PROGRESS_INTERVAL).min(limit);
            match self.kernel.run_until(next.nanos()) {
                Stop::Deadline => {}
                stop => return Some(stop),
            }
        }
    }
}

/// World and processes hold `Rc`s to each other; dropping the processes breaks the cycle.
impl<C: Hooks> Drop for Simulation<C> {
    fn drop(&mut self) {
        self.world.forget_incarnations();
        self.processes.forget_targets();
    }
}

fn oracle_options(
    scenario: &Scenario,
    inventory: Inventory,
) -> Result<OracleOptions, RehearsalError> {
    Ok(OracleOptions {
        inventory: Arc::new(inventory),
        worker: scenario.workers.options.clone(),
        gauges: exposed_gauges(scenario),
        relay_notice: relay_notice(scenario),
        work_times: work_times::work_times(scenario)?,
        ..OracleOptions::default()
    })
}

/// Maximum time before a relay notices a commit: none if each process that leaves work for relays
/// has them.
fn relay_notice(scenario: &Scenario) -> Duration {
    let processes = scenario.workers.processes.list();
    let relays = |(_, roles): &(_, Vec<Role>)| roles.contains(&Role::Relay);
    match processes.iter().all(relays) {
        true => Duration::ZERO,
        false => scenario.workers.options.relay_poll,
    }
}

/// Observed gauges that some process exposes: the sweeper's process reads the queues, and every
/// process the store.
fn exposed_gauges(scenario: &Scenario) -> Vec<GaugeSeries> {
    let processes = scenario.workers.processes.list();
    let has = |role: Role| processes.iter().any(|(_, roles)| roles.contains(&role));
    let is_exposed = |series: &GaugeSeries| match series {
        GaugeSeries::QueueDepth(_) | GaugeSeries::OldestReady(_) => has(Role::Sweeper),
        GaugeSeries::OutboxDepth | GaugeSeries::SinceProgress(_) => true,
    };
    GaugeSeries::ALL.into_iter().filter(is_exposed).collect()
}
