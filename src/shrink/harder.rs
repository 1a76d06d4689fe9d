//! More work and longer faults, so that few things show as much as many.

use toml::{Table, Value};

use super::times::sooner;
use super::tree::{put, tables_mut};

/// How a few images are as much work as many, one schedule as much as several, and how a few processes
/// have it as hard.
const HARDER: [&[fn(&mut Table)]; 8] = [
    &[take_long],
    &[come_often],
    &[come_slowly],
    &[come_often, overlap],
    &[come_often, overlap, take_long],
    &[come_often, overlap, take_long, be_advised],
    &[last_long],
    &[come_often, last_long, begin_soon],
];

/// The same in each way harder.
pub fn made_harder(table: &Table) -> [Table; HARDER.len()] {
    HARDER.map(|changes| {
        let mut candidate = table.clone();
        changes.iter().for_each(|change| change(&mut candidate));
        candidate
    })
}

/// Each takes nearly as long as the Scanner may.
fn take_long(table: &mut Table) {
    put(table, "scanner", "latency", "20s".into());
}

/// They are scanned once a minute.
fn come_often(table: &mut Table) {
    for schedule in tables_mut(table, "schedule") {
        schedule.insert("whenCron".into(), "* * * * *".into());
    }
}

/// They meet those that are not done yet.
fn overlap(table: &mut Table) {
    for schedule in tables_mut(table, "schedule") {
        schedule.insert("overlap".into(), "allow".into());
    }
}

/// Advisories ask for some of them as often.
fn be_advised(table: &mut Table) {
    for schedule in tables_mut(table, "schedule") {
        schedule.insert("triggers".into(), vec!["conselier"].into());
    }
    put(table, "advisories", "interval", "1m".into());
}

/// Faults that have a duration last for a minute.
fn last_long(table: &mut Table) {
    for fault in tables_mut(table, "fault") {
        if let Some(duration) = fault.get_mut("duration") {
            *duration = "1m".into();
        }
    }
}

/// The first thing happens after a minute.
fn begin_soon(table: &mut Table) {
    if let Some(soon) = sooner(table, 1) {
        *table = soon;
    }
}

/// Where there is a rate, it is one a second, and each image is a segment.
fn come_slowly(table: &mut Table) {
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
