//! Estimate, before a run, of what a scenario costs: runs, scans, events, time and memory.
//!
//! ```text
//! runs   = cron fires + operations + exports × subscribed schedules
//! scans  = Σ over runs: min(maxJobs, images × share of the selector)
//! events = scans and segments + runs + polls of every process over the duration
//! time   = Σ counts × measured unit costs
//! ```
//!
//! The counts are expected values without faults. They serve to warn of an expensive scenario and
//! to refuse an absurd one, so a factor of 3 is exact enough.

mod advisories;
mod arrivals;
mod mean;
mod part;
mod polls;
mod schedules;
mod text;

use super::document::{Diagnostic, Node};
use super::{FleetSpec, Scenario};
use mean::mean_count;
use part::{CostPart, CostSource};
pub(crate) use schedules::{edited, images_of, selected_share};

/// Maximum events of a rehearsal: the default budget, with which the run would fail.
const EVENTS_MAX: f64 = 2e9;
/// Maximum time of a rehearsal, in seconds: a day.
const SECONDS_MAX: f64 = 86_400.0;
/// Maximum memory of a rehearsal: 64 GiB.
const BYTES_MAX: f64 = 64.0 * GIB;

/// Time above which a command warns, in seconds.
const SECONDS_WARNED: f64 = 60.0;
/// Memory above which a command warns.
const BYTES_WARNED: f64 = 2.0 * GIB;

/// Bytes of a GiB.
const GIB: f64 = 1_073_741_824.0;

/// Memory of a program that simulates almost nothing.
/// `/usr/bin/time -f %M rehearsal run scenarios/dst-change.toml`
const BYTES_AT_LEAST: f64 = 16e6;
/// Memory of an image besides its components. For both:
/// `/usr/bin/time -f %M rehearsal run scenarios/million-images.toml`
const BYTES_PER_IMAGE: f64 = 450.0;
/// Memory of a component of an image.
const BYTES_PER_COMPONENT: f64 = 4.0;
/// Time to draw a component of an image, in seconds.
/// `rehearsal run scenarios/million-images.toml --set fleet.componentsPerImage=40`
const SECONDS_PER_COMPONENT: f64 = 100e-9;

/// Expected cost of one rehearsal of a scenario.
#[derive(Clone, Debug)]
pub struct CostEstimate {
    /// Runs of all schedules.
    pub runs: f64,
    /// Scans of images.
    pub scans: f64,
    /// Kernel events.
    pub events: f64,
    /// Wall-clock time on one core, in seconds.
    pub seconds: f64,
    /// Peak memory, in bytes.
    pub bytes: f64,
    /// Part that takes the largest share of a limit.
    dominant: CostPart,
}

impl CostEstimate {
    /// Estimates a scenario. The time of the estimate does not depend on the scenario's duration.
    pub fn of(scenario: &Scenario) -> Self {
        let mut all = vec![polls::cost(scenario), fleet(&scenario.fleet)];
        all.extend(schedules::costs(scenario));
        all.extend(advisories::cost(scenario));
        let sum = |figure: fn(&CostPart) -> f64| all.iter().map(figure).sum::<f64>();
        Self {
            runs: sum(|part| part.runs),
            scans: sum(|part| part.scans),
            events: sum(|part| part.events),
            seconds: sum(|part| part.seconds),
            bytes: BYTES_AT_LEAST + sum(|part| part.bytes),
            dominant: all
                .into_iter()
                .max_by(|a, b| share_of_limits(a).total_cmp(&share_of_limits(b)))
                .unwrap_or_default(),
        }
    }

    /// Whether no rehearsal of the scenario should be tried.
    fn is_absurd(&self) -> bool {
        self.events > EVENTS_MAX || self.seconds > SECONDS_MAX || self.bytes > BYTES_MAX
    }

    /// Warning of an expensive scenario: its cost, the dominant part and a remedy.
    pub fn warning(&self, scenario: &Scenario) -> Option<String> {
        (self.seconds > SECONDS_WARNED || self.bytes > BYTES_WARNED).then(|| {
            format!(
                "warning: one run of {} takes {self}, mostly for {}; to make it cheaper, {}",
                scenario.name,
                self.dominant.description(scenario),
                self.dominant.remedy(),
            )
        })
    }
}

/// Largest share that a part takes of a limit.
fn share_of_limits(part: &CostPart) -> f64 {
    let shares = [
        part.events / EVENTS_MAX,
        part.seconds / SECONDS_MAX,
        part.bytes / BYTES_MAX,
    ];
    shares.into_iter().fold(0.0, f64::max)
}

/// Cost of drawing and keeping the images.
fn fleet(fleet: &FleetSpec) -> CostPart {
    let images = part::count(fleet.images);
    let components = mean_count(&fleet.components_per_image).max(1.0);
    let components = images * components.min(part::count(fleet.components));
    CostPart {
        seconds: components * SECONDS_PER_COMPONENT,
        bytes: images * BYTES_PER_IMAGE + components * BYTES_PER_COMPONENT,
        ..CostPart::of(CostSource::Fleet)
    }
}

/// Reports what would keep a rehearsal of a complete scenario from ending, or from fitting into
/// memory.
pub(super) fn check(scenario: &Scenario, root: &Node) -> Vec<Diagnostic> {
    let too_many = arrivals::check(scenario, root);
    match too_many.is_empty() {
        true => refuse_absurd(scenario, root).into_iter().collect(),
        false => too_many,
    }
}

fn refuse_absurd(scenario: &Scenario, root: &Node) -> Option<Diagnostic> {
    let estimate = CostEstimate::of(scenario);
    estimate.is_absurd().then(|| {
        let part = &estimate.dominant;
        let limits = CostEstimate {
            events: EVENTS_MAX,
            seconds: SECONDS_MAX,
            bytes: BYTES_MAX,
            ..estimate.clone()
        };
        Diagnostic::new("the scenario is too expensive for one rehearsal")
            .at(
                root.span_of(&part.path(scenario)),
                part.description(scenario),
            )
            .help(format!(
                "it takes {estimate}, and the limit is {}: {}",
                text::limits(&limits),
                part.remedy()
            ))
    })
}
