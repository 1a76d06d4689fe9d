//! Generation of schedules and of changes to them.

use std::num::NonZeroU32;

use super::draw_log_uniform;
use crate::model::{Mode, NotifyPolicy, OverlapPolicy, Severity, Trigger};
use crate::scenario::{
    LimitsSpec, OnlyIfSpec, Scenario, ScheduleChanges, ScheduleSpec, ScopeWeights, SelectorSpec,
};
use crate::sim::draw_index;
use crate::sim::fleet::SelectorScopes;
use crate::sim::kernel::RandomStream;
use crate::worker::duration::Duration;
use rehearsal_convert::Index;

/// Time zones with whole, half and quarter hours, without and with daylight saving, of one hour and
/// of half an hour, on both sides of the date line.
const TIME_ZONES: [&str; 9] = [
    "UTC",
    "Europe/Vienna",
    "America/New_York",
    "America/St_Johns",
    "Asia/Kolkata",
    "Asia/Kathmandu",
    "Australia/Lord_Howe",
    "Pacific/Chatham",
    "Pacific/Pago_Pago",
];

/// Cron expressions of created schedules: fires close to one another, or one an hour.
const CRONS: [&str; 4] = ["*/5 * * * *", "*/10 * * * *", "7,37 * * * *", "0 * * * *"];

/// Maximum number of images in a run of a created schedule, so that it adds little load.
const CREATED_IMAGES_MAX: u64 = 100;

/// Name and value of a label that no image carries: a selector with it selects nothing.
const UNKNOWN: &str = "unknown";

/// One selector by labels in this many has the unknown label.
const UNKNOWN_ONE_IN: u64 = 4;

/// Range of drawn rate limits, in requests per second.
const RATES: (f64, f64) = (2.0, 50.0);

/// Draws schedules and changes to them from one stream.
pub(super) struct ScheduleGenerator<'a> {
    scenario: &'a Scenario,
    scopes: SelectorScopes<'a>,
    pub stream: RandomStream,
}

impl<'a> ScheduleGenerator<'a> {
    pub fn new(scenario: &'a Scenario, stream: RandomStream) -> Self {
        let scopes = SelectorScopes::new(&scenario.fleet, scenario.seed);
        Self {
            scenario,
            scopes,
            stream,
        }
    }

    fn one_of<T: Copy>(&mut self, values: &[T]) -> T {
        values[draw_index(&mut self.stream, values.len())]
    }

    pub fn time_zone(&mut self) -> String {
        self.one_of(&TIME_ZONES).to_owned()
    }

    /// Draws a notify filter; one in eight is silent.
    pub fn notify(&mut self) -> NotifyPolicy {
        NotifyPolicy {
            enabled: self.stream.below(8) > 0,
            on_new_findings: self.stream.below(4) > 0,
            minimum_severity: self.one_of(&Severity::ALL),
            include_kev: self.stream.below(2) == 0,
        }
    }

    fn selector(&mut self) -> SelectorSpec {
        let has_labels = !self.scenario.fleet.labels.is_empty();
        let weights = ScopeWeights {
            all: 1.0,
            namespaces: 1.0,
            repositories: 1.0,
            labels: if has_labels { 1.0 } else { 0.0 },
            digests: 1.0,
        };
        let mut selector = self.scopes.draw(&weights, &mut self.stream);
        if let SelectorSpec::Labels { labels } = &mut selector
            && self.stream.below(UNKNOWN_ONE_IN) == 0
        {
            labels.insert(UNKNOWN.to_owned(), UNKNOWN.to_owned());
        }
        selector
    }

    fn limits(&mut self) -> LimitsSpec {
        let (jobs, parallelism) = (1 + self.stream.below(200), 1 + self.stream.below(8));
        let rate = draw_log_uniform(&mut self.stream, RATES.0, RATES.1).round();
        let mut often = || self.stream.below(2) == 0;
        let count = |drawn: bool, count: u64| {
            let count = drawn.then(|| count.index_u32());
            count.and_then(NonZeroU32::new)
        };
        LimitsSpec {
            max_jobs: count(often(), jobs),
            rate_per_second: often().then_some(rate),
            parallelism: count(often(), parallelism),
        }
    }

    fn only_if(&mut self) -> OnlyIfSpec {
        let age = Duration::from_minutes(self.stream.below(30));
        OnlyIfSpec {
            last_report_older_than: Some(age).filter(|age| *age > Duration::ZERO),
        }
    }

    fn mode(&mut self) -> Mode {
        self.one_of(&Mode::ALL)
    }

    fn triggers(&mut self) -> Vec<Trigger> {
        let advisories = self.scenario.advisories.as_ref();
        let trigger = advisories.map(|advisories| advisories.trigger);
        let is_subscribed = self.stream.below(2) == 0;
        trigger.filter(|_| is_subscribed).into_iter().collect()
    }

    /// Adds changes of further keys, each to a quarter of the edits.
    pub fn add_changes(&mut self, changes: &mut ScheduleChanges) {
        let mut seldom = || self.stream.below(4) == 0;
        let [mode, selector, only_if, limits] = [seldom(), seldom(), seldom(), seldom()];
        let [notify, time_zone, triggers] = [seldom(), seldom(), seldom()];
        changes.mode = mode.then(|| self.mode());
        changes.selector = selector.then(|| self.selector());
        changes.only_if = only_if.then(|| self.only_if());
        if limits {
            changes.limits = Some(self.limits());
        }
        changes.notify = notify.then(|| self.notify());
        changes.time_zone = time_zone.then(|| self.time_zone());
        changes.triggers = triggers.then(|| self.triggers());
    }

    /// Draws a schedule that an operator creates.
    pub fn schedule(&mut self, id: String) -> ScheduleSpec {
        let tenants = self.scenario.fleet.tenant_names();
        let tenant = tenants.get(draw_index(&mut self.stream, tenants.len()));
        let images = 1 + self.stream.below(CREATED_IMAGES_MAX);
        let overlaps = [
            OverlapPolicy::Skip,
            OverlapPolicy::Allow,
            OverlapPolicy::QueueOne,
        ];
        ScheduleSpec {
            id,
            tenant: tenant.cloned(),
            name: None,
            enabled: true,
            when_cron: Some(self.one_of(&CRONS).to_owned()),
            time_zone: self.time_zone(),
            mode: self.mode(),
            selector: self.selector(),
            only_if: self.only_if(),
            limits: LimitsSpec {
                max_jobs: NonZeroU32::new(images.index_u32()),
                ..self.limits()
            },
            notify: self.notify(),
            triggers: self.triggers(),
            overlap: self.one_of(&overlaps),
        }
    }
}
