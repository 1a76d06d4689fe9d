//! Schedules that fire often.

use std::num::NonZeroU32;

use rehearsal_worker::model::{Limits, Mode, Schedule, Selector, Trigger};

use super::inventory::TENANTS;

/// Schedule of which a run starts at once.
pub const NIGHTLY: &str = "acme-nightly";

/// Returns the schedules.
pub fn schedules() -> Vec<Schedule> {
    let [first, second] = TENANTS;
    let every_minute = |id: &str, tenant: &str| Schedule {
        when_cron: Some("* * * * *".to_owned()),
        ..Schedule::new(id.into(), tenant.into())
    };
    vec![
        Schedule {
            triggers: vec![Trigger::Conselier, Trigger::Excitor],
            ..every_minute(NIGHTLY, first)
        },
        Schedule {
            mode: Mode::ContentRefresh,
            selector: Selector::ByNamespace(vec!["shop".into()]),
            limits: Limits {
                rate_per_second: Some(20.0),
                parallelism: NonZeroU32::new(2),
                ..Limits::default()
            },
            ..every_minute("acme-refresh", first)
        },
        every_minute("umbrella-nightly", second),
    ]
}
