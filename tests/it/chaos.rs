//! Chaos: three worker processes on one SQLite file are killed, paused, stopped and refused space
//! while they work, and the Scanner is slow and fails. Afterwards everything is done exactly once.
//!
//! `REHEARSAL_CHAOS_SECONDS` is the duration of the disturbances, and `REHEARSAL_CHAOS_SEED`
//! determines what each process suffers and when. The store and the logs stay in
//! `target/tmp/chaos`.

mod fleet;
mod incarnation;
mod inventory;
mod journal;
mod load;
mod receiver;
mod scanner;
mod verdict;

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, sleep};
use std::time::{Duration, Instant};

use tokio_rusqlite::rusqlite::Connection;

use super::program::scratch;
use fleet::{Disturbance, Fleet};
use inventory::{Installation, TENANTS};
use journal::{Journal, progress, unfinished_runs};
use load::{Accepted, Load};
use scanner::ScannerStub;
use verdict::{Observed, violations};

/// Time without progress after which the rest of the work counts as lost.
const PATIENCE: Duration = Duration::from_secs(30);

/// Maximum number of new findings of an image, so that reports stay small.
const FINDINGS_MAX: u32 = 40;

/// Number from a variable, or a default.
fn variable(name: &str, default: u64) -> u64 {
    let stated = std::env::var(name).ok();
    stated.map_or(default, |number| number.parse().expect("a number"))
}

#[test]
fn chaos_leaves_everything_done_exactly_once() {
    let seed = variable("REHEARSAL_CHAOS_SEED", 1);
    let duration = Duration::from_secs(variable("REHEARSAL_CHAOS_SECONDS", 20));
    let directory = scratch("chaos");
    println!("seed {seed}; store and logs are in {}", directory.display());
    let (scanner, scanner_address) = ScannerStub::start(seed, duration / FINDINGS_MAX);
    let (received, notify_address) = receiver::start(seed);
    let installation = Installation::create(&directory, scanner_address, notify_address);
    let mut fleet = Fleet::start(&installation, seed);
    let first_runs = commit_first_baselines(&installation);
    scanner.begin();
    let mut accepted = disturb(&installation, &mut fleet, duration, seed);
    accepted.asked.extend(first_runs);
    scanner.calm();
    let journal = finish(&installation, &mut fleet);
    let (incarnations, suffered) = fleet.stop();
    let observed = Observed {
        accepted,
        received: std::mem::take(&mut received.lock().unwrap()),
        incarnations,
    };
    print_summary(&journal, &observed, &suffered);
    let found = violations(&journal, &observed);
    assert!(found.is_empty(), "seed {seed}:\n{}", found.join("\n"));
    planted_faults_are_found(&installation, &observed);
}

/// Has every image scanned once, and returns the identifiers of the runs.
fn commit_first_baselines(installation: &Installation) -> Vec<String> {
    let start = |tenant: &str| {
        let schedule = format!("{tenant}-all");
        let arguments = ["runs", "start", &schedule, "--occurrence", "first"];
        installation.admin(&arguments).unwrap();
        format!("run:{tenant}:{schedule}:manual:first")
    };
    let runs = TENANTS.map(start);
    let began = Instant::now();
    while unfinished_runs(&installation.store) > 0 {
        assert!(
            began.elapsed() < PATIENCE * 2,
            "the first runs take too long"
        );
        sleep(Duration::from_millis(50));
    }
    runs.into()
}

/// Sets a flag when it is dropped, also by a panic.
struct SetOnDrop<'a>(&'a AtomicBool);

impl Drop for SetOnDrop<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

/// Disturbs the fleet under load, until it has suffered everything.
fn disturb(
    installation: &Installation,
    fleet: &mut Fleet<'_>,
    duration: Duration,
    seed: u64,
) -> Accepted {
    let load = Load {
        installation,
        webhooks: Arc::clone(&fleet.webhooks),
        seed,
    };
    let is_over = AtomicBool::new(false);
    thread::scope(|scope| {
        let accepted = scope.spawn(|| load.run(&is_over));
        let end_of_load = SetOnDrop(&is_over);
        let began = Instant::now();
        while began.elapsed() < duration || !fleet.has_suffered_all() {
            fleet.step();
            sleep(Duration::from_millis(20));
        }
        // A process that is still paused may lock the store.
        fleet.calm();
        drop(end_of_load);
        accepted.join().unwrap()
    })
}

/// Waits until all work is done, as long as anything moves, and returns what the store has then.
fn finish(installation: &Installation, fleet: &mut Fleet<'_>) -> Journal {
    let mut moved = (progress(&installation.store), Instant::now());
    loop {
        let journal = Journal::read(&installation.store);
        let is_done = journal.runs.iter().all(journal::StoredRun::is_terminal)
            && journal.left.values().all(|rows| *rows == 0)
            && fleet.agrees_on_active_runs(&journal);
        let now = progress(&installation.store);
        if now != moved.0 {
            moved = (now, Instant::now());
        }
        // What is left is the verdict's to say.
        if is_done || moved.1.elapsed() > PATIENCE {
            return journal;
        }
        sleep(Duration::from_millis(100));
    }
}

fn print_summary(journal: &Journal, observed: &Observed, suffered: &[Disturbance]) {
    let segments = journal.runs.iter().flat_map(|run| &run.segments).count();
    let times = |kind: Disturbance| suffered.iter().filter(|other| **other == kind).count();
    let kinds = Disturbance::ALL.map(|kind| format!("{kind:?} {}", times(kind)));
    println!(
        "{} runs, {segments} segments, {} commits, {} new findings, {} events in {} \
         deliveries, {} incarnations; {}",
        journal.runs.len(),
        journal.tokens.len(),
        journal.revisions,
        observed.received.events.len(),
        observed.received.deliveries,
        observed.incarnations.len(),
        kinds.join(", ")
    );
}

/// Change of the store, and a part of the violation that it must cause.
const PLANTED: [(&str, &str); 9] = [
    (
        "UPDATE segments SET committed_by = NULL WHERE rowid = 1",
        "is uncommitted, expected a commit",
    ),
    (
        "UPDATE segments SET digests = (SELECT digests FROM segments WHERE rowid = 2)
         WHERE rowid = 1",
        "is committed 2 times, expected once",
    ),
    (
        "UPDATE segments SET committed_by = (SELECT committed_by FROM segments WHERE rowid = 2)
         WHERE rowid = 1",
        "is that of another segment, too",
    ),
    ("DELETE FROM tokens", "is unknown, expected an entry"),
    (
        "UPDATE runs SET document = json_set(document, '$.stats.completed', 1)",
        "because that is the number in its segments",
    ),
    (
        "UPDATE runs SET document = json_set(document, '$.state', 'running') WHERE rowid = 1",
        "is running, expected a final state",
    ),
    (
        "UPDATE baselines SET revision = revision + 1 WHERE rowid = 1",
        "by which the baselines have grown",
    ),
    (
        "UPDATE runs SET id = id || '-again' WHERE id NOT LIKE '%:cron:%'",
        "is absent, expected a run",
    ),
    (
        "UPDATE segments SET committed_by = json_set(
             committed_by, '$.life.number', json_extract(committed_by, '$.life.number') + 1000000);
         UPDATE tokens SET incarnation = incarnation + 1000000",
        "scheduler_runner_segments_total of chaos-",
    ),
];

/// Plants a fault into a copy of the store at a time, which the verdict must find.
fn planted_faults_are_found(installation: &Installation, observed: &Observed) {
    let copy = installation.directory.join("planted.db");
    for (fault, expected) in PLANTED {
        plant(&installation.store, &copy, fault);
        let found = violations(&Journal::read(&copy), observed);
        assert!(
            found.iter().any(|violation| violation.contains(expected)),
            "`{fault}` causes no violation with `{expected}`: {found:#?}"
        );
    }
}

fn plant(store: &Path, copy: &Path, fault: &str) {
    let _ = std::fs::remove_file(copy);
    let source = Connection::open(store).unwrap();
    source
        .execute("VACUUM INTO ?1", [copy.to_str().unwrap()])
        .unwrap();
    let planted = Connection::open(copy).unwrap();
    planted
        .execute_batch(&format!("PRAGMA foreign_keys = OFF; {fault}"))
        .unwrap();
}
