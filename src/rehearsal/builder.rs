//! A rehearsal with options, hooks and invariants of the library's user.

use super::{FinishedRun, Hooks, NoHooks, Progress, RehearsalError, RunOptions, rehearse};
use crate::check::Invariant;
use crate::scenario::Scenario;

/// A rehearsal that is about to run.
///
/// ```
/// use rehearsal::check::{CheckContext, Invariant, InvariantName, ObservedScanRequest};
/// use rehearsal::rehearsal::Rehearsal;
/// use rehearsal::scenario::Scenario;
///
/// const NAME: InvariantName = InvariantName::Custom("requests-have-permits");
///
/// struct RequestsHavePermits;
///
/// impl Invariant for RequestsHavePermits {
///     fn names(&self) -> &[InvariantName] {
///         &[NAME]
///     }
///
///     fn scan_sent(&mut self, context: &mut CheckContext<'_>, request: &ObservedScanRequest<'_>) {
///         if request.permit.is_some() {
///             context.held(NAME, 1, 1);
///         }
///     }
/// }
///
/// fn rehearse(scenario: &Scenario) -> bool {
///     let finished = Rehearsal::builder(scenario).invariant(RequestsHavePermits).run();
///     finished.is_ok_and(|finished| !finished.oracle.is_violated())
/// }
/// ```
pub struct Rehearsal<'s, H = NoHooks> {
    scenario: &'s Scenario,
    hooks: H,
    options: RunOptions,
    invariants: Vec<Box<dyn Invariant>>,
}

impl<'s> Rehearsal<'s> {
    /// A rehearsal of a scenario with default options and the contract's invariants.
    pub fn builder(scenario: &'s Scenario) -> Self {
        Self {
            scenario,
            hooks: NoHooks,
            options: RunOptions::default(),
            invariants: Vec::new(),
        }
    }
}

impl<'s, H: Hooks> Rehearsal<'s, H> {
    /// Sets the options.
    #[must_use]
    pub fn options(mut self, options: RunOptions) -> Self {
        self.options = options;
        self
    }

    /// Sets the hooks between workers, world and checks.
    #[must_use]
    pub fn hooks<T: Hooks>(self, hooks: T) -> Rehearsal<'s, T> {
        Rehearsal {
            scenario: self.scenario,
            hooks,
            options: self.options,
            invariants: self.invariants,
        }
    }

    /// Adds an invariant. Its results come after the contract's in the report.
    #[must_use]
    pub fn invariant(mut self, invariant: impl Invariant + 'static) -> Self {
        self.invariants.push(Box::new(invariant));
        self
    }

    /// Runs the rehearsal.
    ///
    /// # Errors
    /// The scenario can't be simulated.
    pub fn run(self) -> Result<FinishedRun, RehearsalError> {
        self.run_with_progress(|_| {})
    }

    /// Runs the rehearsal, and calls `progress` once per minute of virtual time.
    ///
    /// # Errors
    /// The scenario can't be simulated.
    pub fn run_with_progress(
        self,
        progress: impl FnMut(Progress),
    ) -> Result<FinishedRun, RehearsalError> {
        rehearse(
            self.hooks,
            self.scenario,
            &self.options,
            self.invariants,
            progress,
        )
    }
}
