//! One rehearsal: a scenario in; the world, the workers and the checks put together and run; the
//! finished rehearsal out.
//!
//! ```text
//!  start ─── duration: triggers, operations, faults ───> heal ─── drain, until at rest ───> end
//! ```

mod determinism;
mod hooks;
mod instruments;
mod worker_process;

use std::cell::RefCell;
use std::rc::Rc;
use std::sync::Arc;
use std::time::{Duration, Instant};

pub use determinism::{check_determinism, check_determinism_with};
pub use hooks::{Hooks, NoHooks, WithListener};

use crate::check::{Inventory, Oracle, OracleOptions, OracleReport};
use crate::metrics::series::TimeSeriesStore;
use crate::model::Timestamp;
use crate::scenario::Scenario;
use crate::sim::fault_plan::{FaultProfile, PlannedScenario, TimeSlice};
use crate::sim::fleet::Fleet;
use crate::sim::kernel::{Kernel, KernelOptions, Stop, TraceBlock, TraceLine, TraceOptions};
use crate::sim::world::{World, WorldOptions, WorldParts};
use crate::worker::planning::impact_index::ImpactIndex;
use worker_process::{ObserverAdapter, WorkerProcessFactory};

/// Virtual time between two looks at whether a draining world is at rest, and two calls of the
/// progress function.
const STEP: Duration = Duration::from_secs(60);

/// The stream that draws which processes heal at the end.
const CORE_STREAM: &str = "rehearsal.core";

/// Events of one rehearsal at most, unless the options say otherwise.
pub const EVENT_BUDGET: u64 = 2_000_000_000;

/// How a scenario is rehearsed.
#[derive(Debug, Clone)]
pub struct RunOptions {
    /// The root of every random stream; none: the scenario's.
    pub seed: Option<u64>,
    /// Faults that are drawn besides the scenario's own.
    pub profile: FaultProfile,
    /// Events at most; more is a failure.
    pub event_budget: u64,
    /// What of the trace is kept besides its hash.
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

/// Why a rehearsal could not be begun.
#[derive(Debug, thiserror::Error)]
pub enum RehearsalError {
    /// A distribution of the scenario can't be.
    #[error("the scenario can't be simulated: {0}")]
    Scenario(#[from] crate::sim::distribution::DistributionError),
}

/// A rehearsal that is over.
pub struct FinishedRun {
    /// The scenario as it was rehearsed.
    pub scenario: Scenario,
    /// The part of the whole scenario that this was; none: all of it.
    pub window: Option<TimeSlice>,
    /// The root of its random streams.
    pub seed: u64,
    /// The profile of additional faults.
    pub profile: FaultProfile,
    /// What the oracle found.
    pub oracle: OracleReport,
    /// The recorded series.
    pub recording: TimeSeriesStore,
    /// The last page of the first process, in Prometheus's text format.
    pub exposition: String,
    /// Whether everything came to rest within the drain.
    pub quiescent: bool,
    /// Why the kernel stopped early, if it did.
    pub halted: Option<Stop>,
    /// The hash over every event.
    pub trace_hash: u64,
    /// Events of the kernel.
    pub events: u64,
    /// When virtual time ended.
    pub ended_at: Timestamp,
    /// Real time that the simulation took.
    pub wall: Duration,
    /// The trace in blocks, if asked for.
    pub blocks: Vec<TraceBlock>,
    /// The readable trace, if asked for.
    pub trace: Vec<TraceLine>,
}

/// Where a rehearsal stands: told now and then.
#[derive(Debug, Clone, Copy)]
pub struct Progress {
    /// Virtual time since the start.
    pub virtual_time: Duration,
    /// The scenario's duration; the drain goes on after it.
    pub duration: Duration,
    /// Events so far.
    pub events: u64,
}

/// Rehearses a scenario.
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

/// Rehearses a scenario with something between workers, world and checks.
///
/// # Errors
/// The scenario can't be simulated.
pub fn run_with<C: Hooks>(
    hooks: C,
    scenario: &Scenario,
    options: &RunOptions,
    mut progress: impl FnMut(Progress),
) -> Result<FinishedRun, RehearsalError> {
    let began = Instant::now();
    let seed = options.seed.unwrap_or(scenario.seed);
    let planned = PlannedScenario::draw(scenario, options.profile, seed);
    let mut simulation = Simulation::build(hooks, &planned, options)?;
    let halted = simulation.run(&planned.scenario, &mut progress);
    let kernel = &mut simulation.kernel;
    let ended_at = Timestamp::from_nanos(kernel.now_ns());
    let quiescent = simulation.oracle.borrow().is_quiescent();
    let oracle = simulation
        .oracle
        .replace(Oracle::new(OracleOptions::default()));
    let report = oracle.finish(ended_at, quiescent);
    Ok(FinishedRun {
        window: planned.plan.slice,
        seed,
        profile: options.profile,
        oracle: report,
        recording: simulation.processes.take_recording(),
        exposition: simulation.processes.exposition().unwrap_or_default(),
        quiescent,
        halted,
        trace_hash: kernel.trace_hash(),
        events: kernel.events(),
        ended_at,
        wall: began.elapsed(),
        blocks: kernel.blocks(),
        trace: kernel.take_trace(),
        scenario: planned.scenario,
    })
}

/// Everything that takes part.
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
        let oracle = Oracle::new(oracle_options(scenario, inventory));
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

    /// Plays the scenario, heals the world, and lets what is open come to an end. Tells why the
    /// kernel stopped early, if it did.
    fn run(&mut self, scenario: &Scenario, progress: &mut impl FnMut(Progress)) -> Option<Stop> {
        let end = scenario.start.after(scenario.duration.std());
        let last = end.after(scenario.drain.std());
        let mut healed = false;
        let mut quiet_looks = 0;
        loop {
            let now = Timestamp::from_nanos(self.kernel.now_ns());
            progress(Progress {
                virtual_time: now.since(scenario.start),
                duration: scenario.duration.std(),
                events: self.kernel.events(),
            });
            quiet_looks = if self.oracle.borrow().is_quiescent() {
                quiet_looks + 1
            } else {
                0
            };
            // The second look lets the prober see the rest.
            if healed && (now >= last || quiet_looks >= 2) {
                return None;
            }
            if !healed && now >= end {
                (healed, quiet_looks) = (true, 0);
                self.world.stop_triggers();
                let mut draws = self.kernel.handle().stream(CORE_STREAM);
                let core = self.world.draw_core(&mut draws);
                self.world.heal(core);
                self.oracle
                    .borrow_mut()
                    .expect_drain(now, scenario.drain.std());
            }
            let limit = if healed { last } else { end };
            let next = now.after(STEP).min(limit);
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
        self.processes.forget_probed();
    }
}

fn oracle_options(scenario: &Scenario, inventory: Inventory) -> OracleOptions {
    let options = &scenario.workers.options;
    OracleOptions {
        inventory: Arc::new(inventory),
        backlog_refresh: options.backlog_refresh,
        lease: options.lease,
        receive_wait_time: options.receive_wait_time,
        stop_grace: options.stop_grace,
        planner_batch: options.planner_batch,
        planner_attempts: options.planner_attempts,
        max_delivery_attempts: options.max_delivery_attempts,
        scanner_attempts: options.scanner_attempts,
        run_timeout: options.run_timeout,
        ..OracleOptions::default()
    }
}
