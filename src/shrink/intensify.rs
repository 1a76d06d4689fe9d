//! Edits that raise the load, so that fewer images, schedules and processes still fail.

use toml::{Table, Value};

use super::shorten::shifted_earlier;
use super::toml_edit::{put, tables_mut};

/// Combinations of edits that raise the load per image, schedule and process.
const INTENSIFICATIONS: [&[fn(&mut Table)]; 8] = [
    &[slow_scans],
    &[fire_every_minute],
    &[limit_rate],
    &[fire_every_minute, allow_overlap],
    &[fire_every_minute, allow_overlap, slow_scans],
    &[
        fire_every_minute,
        allow_overlap,
        slow_scans,
        trigger_by_advisories,
    ],
    &[lengthen_faults],
    &[fire_every_minute, lengthen_faults, start_early],
];

/// Returns the scenario with each combination of edits.
pub fn intensified(table: &Table) -> [Table; INTENSIFICATIONS.len()] {
    INTENSIFICATIONS.map(|changes| {
        let mut candidate = table.clone();
        changes.iter().for_each(|change| change(&mut candidate));
        candidate
    })
}

/// Raises the scan latency to nearly the Scanner timeout.
fn slow_scans(table: &mut Table) {
    put(table, "scanner", "latency", "20s".into());
}

/// Fires every schedule once a minute.
fn fire_every_minute(table: &mut Table) {
    for schedule in tables_mut(table, "schedule") {
        schedule.insert("whenCron".into(), "* * * * *".into());
    }
}

/// Lets runs of a schedule overlap.
fn allow_overlap(table: &mut Table) {
    for schedule in tables_mut(table, "schedule") {
        schedule.insert("overlap".into(), "allow".into());
    }
}

/// Subscribes every schedule to advisories, with one advisory per minute.
fn trigger_by_advisories(table: &mut Table) {
    for schedule in tables_mut(table, "schedule") {
        schedule.insert("triggers".into(), vec!["conselier"].into());
    }
    put(table, "advisories", "interval", "1m".into());
}

/// Sets the duration of faults to one minute.
fn lengthen_faults(table: &mut Table) {
    for fault in tables_mut(table, "fault") {
        if let Some(duration) = fault.get_mut("duration") {
            *duration = "1m".into();
        }
    }
}

/// Moves the first fault or operation to one minute after the start.
fn start_early(table: &mut Table) {
    if let Some(soon) = shifted_earlier(table, 1) {
        *table = soon;
    }
}

/// Lowers rate limits to one request per second, and makes each image a segment.
fn limit_rate(table: &mut Table) {
    for schedule in tables_mut(table, "schedule") {
        if let Some(Value::Table(limits)) = schedule.get_mut("limits") {
            limits.insert("ratePerSecond".into(), Value::Float(1.0));
        }
    }
    let workers = table.entry("workers");
    let workers = workers.or_insert_with(|| Value::Table(Table::new()));
    if let Value::Table(workers) = workers {
        put(workers, "options", "segmentSize", 1.into());
    }
}
