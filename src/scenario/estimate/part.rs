//! Part of a cost: what one key of a scenario causes.

use crate::scenario::Scenario;
use crate::scenario::document::KeyPath;
use rehearsal_convert::Nearest;

use super::text::about;

/// Origin of a part of the cost.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum CostSource {
    /// Polls and scrapes of the processes.
    #[default]
    Polls,
    /// Images.
    Fleet,
    /// The stated schedule with this index.
    Schedule(usize),
    /// Population of schedules.
    Population,
    /// The operation with this index.
    Operation(usize),
    /// The fault with this index.
    Fault(usize),
    /// Runs that advisories start.
    Advisories,
}

/// Cost of one origin. The fields are those of [`CostEstimate`](super::CostEstimate).
#[derive(Clone, Debug, Default)]
pub struct CostPart {
    pub source: CostSource,
    pub runs: f64,
    pub scans: f64,
    pub events: f64,
    pub seconds: f64,
    pub bytes: f64,
}

impl CostPart {
    /// A part without cost.
    pub fn of(source: CostSource) -> Self {
        Self {
            source,
            ..Self::default()
        }
    }

    /// Key of the scenario that causes the cost.
    pub fn path(&self, scenario: &Scenario) -> KeyPath {
        let root = KeyPath::root();
        match self.source {
            CostSource::Polls => root.key("duration"),
            CostSource::Fleet => root.key("fleet").key("images"),
            CostSource::Schedule(index) => root.key("schedule").index(index).key("whenCron"),
            CostSource::Population => root.key("schedules").key("count"),
            CostSource::Operation(index) => root.key("operation").index(index),
            CostSource::Fault(index) => root.key("fault").index(index),
            CostSource::Advisories => {
                let advisories = scenario.advisories.as_ref();
                let is_replayed = advisories.is_some_and(|them| them.trace.is_some());
                let key = if is_replayed { "trace" } else { "interval" };
                root.key("advisories").key(key)
            }
        }
    }

    /// Description of what causes the cost, with its figures.
    pub fn description(&self, scenario: &Scenario) -> String {
        let work = || {
            format!(
                "{} and {}",
                about(self.runs, "run"),
                about(self.scans, "scan")
            )
        };
        match self.source {
            CostSource::Polls => {
                let (duration, events) = (scenario.duration, about(self.events, "event"));
                format!("the polls of all processes in {duration}: {events}")
            }
            CostSource::Fleet => format!("the {}", about(count(scenario.fleet.images), "image")),
            CostSource::Schedule(index) => {
                let id = scenario.schedules.get(index).map(|schedule| &schedule.id);
                let id = id.map_or("", String::as_str);
                format!("schedule `{id}`: {}", work())
            }
            CostSource::Population => format!("the population of schedules: {}", work()),
            CostSource::Operation(index) => format!("operation {}: {}", index + 1, work()),
            CostSource::Fault(index) => {
                format!("fault {}: {}", index + 1, about(self.events, "event"))
            }
            CostSource::Advisories => format!("the runs after advisories: {}", work()),
        }
    }

    /// Change of the scenario that makes it cheaper.
    pub const fn remedy(&self) -> &'static str {
        match self.source {
            CostSource::Polls => "shorten `duration`, or choose fewer processes or rarer polls",
            CostSource::Fleet => "choose fewer `fleet.images` or `fleet.componentsPerImage`",
            CostSource::Schedule(_) => {
                "choose a rarer `whenCron`, a smaller selector or `limits.maxJobs`, or shorten \
                 `duration`"
            }
            CostSource::Population => {
                "choose a smaller `schedules.count`, a rarer `cadence` or `limits.maxJobs`, or \
                 shorten `duration`"
            }
            CostSource::Operation(_) | CostSource::Fault(_) => {
                "choose a longer interval, or shorten `duration`"
            }
            CostSource::Advisories => {
                "choose a longer `advisories.interval` or a shorter trace, or shorten `duration`"
            }
        }
    }
}

/// A count as a number that costs are computed with.
pub fn count(number: u64) -> f64 {
    number.nearest_f64()
}
