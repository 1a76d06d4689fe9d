//! Cost of the processes themselves: polls, heartbeats and scrapes, even without any work.
//!
//! Measured with a scenario of a day without a run, one option at a time:
//! `rehearsal run idle.toml --format json --set workers.options.triggerPoll=2m`

use std::time::Duration;

use crate::scenario::Scenario;
use crate::worker::Role;

use super::part::{CostPart, CostSource};

/// Events of a scrape.
const SCRAPE: f64 = 1.0;
/// Events of a poll for schedules, and of one for exports.
const TRIGGER_POLL: f64 = 4.0;
/// Events of a poll for runs to plan.
const PLANNER_POLL: f64 = 2.0;
/// Events of a wait for a message.
const RECEIVE: f64 = 2.0;
/// Events of a poll for intents, and of one for events.
const RELAY_POLL: f64 = 4.0;
/// Events of a repair.
const REPAIR: f64 = 2.0;
/// Events of a heartbeat, with those of the checks that it renews.
const HEARTBEAT: f64 = 5.0;
/// Events of a read of the backlog.
const BACKLOG: f64 = 4.0;

/// Time of an event, in seconds: 0.46 to 0.55 µs in the runs that do little else, which are
/// `dst-change`, `healthy-month` and `rustsec`.
pub const SECONDS_PER_EVENT: f64 = 0.5e-6;

/// Memory of an hour of recorded series of a process.
/// `/usr/bin/time -f %M rehearsal run scenarios/rustsec.toml`
const BYTES_PER_HOUR: f64 = 2_000.0;

/// Cost of the polls of all processes over the duration.
pub fn cost(scenario: &Scenario) -> CostPart {
    let processes = scenario.workers.processes.list();
    let rates = processes.iter().map(|(_, roles)| rate(scenario, roles));
    let duration = scenario.duration.as_secs_f64();
    let events = rates.sum::<f64>() * duration;
    CostPart {
        events,
        seconds: events * SECONDS_PER_EVENT,
        bytes: super::part::count(processes.len() as u64) * duration / 3_600.0 * BYTES_PER_HOUR,
        ..CostPart::of(CostSource::Polls)
    }
}

/// Events of an idle process per second.
fn rate(scenario: &Scenario, roles: &[Role]) -> f64 {
    let options = &scenario.workers.options;
    let per = |events: f64, interval: Duration| events / interval.as_secs_f64().max(1e-9);
    let of_role = |role: &Role| match role {
        Role::Trigger => per(TRIGGER_POLL, options.trigger_poll),
        Role::Planner => per(PLANNER_POLL, options.planner_poll),
        Role::Dispatcher | Role::Runner => per(RECEIVE, options.receive_wait_time),
        Role::Relay => per(RELAY_POLL, options.relay_poll),
        Role::Sweeper => per(REPAIR, options.sweep_interval),
    };
    roles.iter().map(of_role).sum::<f64>()
        + per(SCRAPE, scenario.workers.scrape_interval.std())
        + per(HEARTBEAT, options.renewal_interval())
        + per(BACKLOG, options.backlog_refresh * 2 / 3)
}
