//! More work and longer faults, so that few things show as much as many.

use toml::{Table, Value};

use super::shorten::shifted_earlier;
use super::toml_edit::{put, tables_mut};

/// How a few images are as much work as many, one schedule as much as several, and how a few processes
/// have it as hard.
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

/// The same in each way harder.
pub fn intensified(table: &Table) -> [Table; INTENSIFICATIONS.len()] {
    INTENSIFICATIONS.map(|changes| {
        let mut candidate = table.clone();
        changes.iter().for_each(|change| change(&mut candidate));
        candidate
    })
}

/// Each takes nearly as long as the Scanner may.
fn slow_scans(table: &mut Table) {
    put(table, "scanner", "latency", "20s".into());
}

/// They are scanned once a minute.
fn fire_every_minute(table: &mut Table) {
    for schedule in tables_mut(table, "schedule") {
        schedule.insert("whenCron".into(), "* * * * *".into());
    }
}

/// They meet those that are not done yet.
fn allow_overlap(table: &mut Table) {
    for schedule in tables_mut(table, "schedule") {
        schedule.insert("overlap".into(), "allow".into());
    }
}

/// Advisories ask for some of them as often.
fn trigger_by_advisories(table: &mut Table) {
    for schedule in tables_mut(table, "schedule") {
        schedule.insert("triggers".into(), vec!["conselier"].into());
    }
    put(table, "advisories", "interval", "1m".into());
}

/// Faults that have a duration last for a minute.
fn lengthen_faults(table: &mut Table) {
    for fault in tables_mut(table, "fault") {
        if let Some(duration) = fault.get_mut("duration") {
            *duration = "1m".into();
        }
    }
}

/// The first thing happens after a minute.
fn start_early(table: &mut Table) {
    if let Some(soon) = shifted_earlier(table, 1) {
        *table = soon;
    }
}

/// Where there is a rate, it is one a second, and each image is a segment.
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
