//! A process that is killed leaves each of its commits applied wholly or not at all.
//!
//! The test starts itself as the writing process, which names each commit before it is sent and
//! after its answer.

use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Arc;

use rehearsal_sqlite::{Database, DatabaseOptions, SqliteStore};
use rehearsal_worker::model::commit::{PlanOutcome, RunWrite};
use rehearsal_worker::model::event::EventAttributes;
use rehearsal_worker::model::{
    Commit, CommitAnswer, CommitStep, CommitToken, Event, EventId, EventKind, EventPayload,
    ImageDigest, ImpactSet, IncarnationId, PlannerMessage, Run, RunState, Schedule, Timestamp,
    Trigger,
};
use rehearsal_worker::ports::Store;

/// Variable that names the file to the writing process.
const FILE: &str = "REHEARSAL_CRASH_FILE";

/// Number of times that a process is killed.
const KILLS: u64 = 12;

fn schedule() -> Schedule {
    Schedule::new("nightly".into(), "acme".into())
}

async fn open(path: &Path) -> SqliteStore {
    let opened = Database::open(path, DatabaseOptions::default()).await;
    SqliteStore::new(opened.expect("a file"))
}

/// Returns the commit with this number: a planned run with its intent and an event.
fn commit(number: u64) -> Commit {
    let token = CommitToken {
        incarnation: IncarnationId::new("writer".into(), 1),
        sequence: number,
        delivery: 0,
    };
    let step = CommitStep::Plan {
        outcome: PlanOutcome::Enqueued,
        as_of: Timestamp::ZERO,
    };
    let mut run = Run::new(&schedule(), Trigger::Manual, number);
    run.state = RunState::Queued;
    run.stats.queued = 1;
    let image = ImageDigest::new([7; 32]);
    let mut commit = Commit::new(token, step);
    commit.intent = Some(PlannerMessage {
        run: run.id.clone(),
        schedule: run.schedule.clone(),
        tenant: run.tenant.clone(),
        impact: ImpactSet::default(),
    });
    commit.events.push(Arc::new(Event {
        event_id: EventId::of(EventKind::ReportReady, &run.id, &image),
        kind: EventKind::ReportReady,
        tenant: run.tenant.clone(),
        ts: Timestamp::ZERO,
        payload: EventPayload::ReportReady {
            image_digest: image,
            findings: 0,
        },
        attributes: EventAttributes {
            run: run.id.clone(),
            image,
        },
    }));
    commit.runs.push(RunWrite {
        run,
        expected: None,
    });
    commit
}

/// Number of commits whose parts are in the file: run, intent, event and image of the backlog.
async fn applied(store: &SqliteStore) -> [u64; 4] {
    let limit = 1_000_000;
    let runs = store.runs(None, None, limit).await.expect("readable");
    let intents = store.intents(limit).await.expect("readable");
    let events = store.outbox(limit).await.expect("readable");
    let backlog = store.backlog().await.expect("readable").value;
    let images = backlog.rows.iter().map(|row| row.images).sum();
    let count = |length: usize| length as u64;
    [
        count(runs.len()),
        count(intents.len()),
        count(events.len()),
        images,
    ]
}

fn block_on<T>(future: impl Future<Output = T>) -> T {
    futures_lite::future::block_on(future)
}

/// Commits until the process is killed. It does nothing unless the other test has started it.
#[test]
fn writing_process() {
    let Some(path) = std::env::var_os(FILE).map(PathBuf::from) else {
        return;
    };
    block_on(async {
        let store = open(&path).await;
        let [first, ..] = applied(&store).await;
        for number in first + 1.. {
            println!("\nsent {number}");
            let answer = store.commit(&Arc::new(commit(number))).await;
            assert!(matches!(answer, Ok(CommitAnswer::Applied(_))), "{answer:?}");
            println!("\nanswered {number}");
        }
    });
}

/// Starts the writing process and kills it after `lines` lines. Returns the numbers of the last
/// commit that was sent and the last that was answered.
fn write_and_kill(path: &Path, lines: u64) -> (u64, u64) {
    let program = std::env::current_exe().expect("the test's own program");
    let mut command = Command::new(program);
    command.args(["--exact", "writing_process", "--nocapture"]);
    command.env(FILE, path).stdout(Stdio::piped());
    let mut child = command.spawn().expect("a process");
    let output = BufReader::new(child.stdout.take().expect("a pipe"));
    let (mut sent, mut answered, mut seen) = (0, 0, 0);
    for line in output.lines() {
        let line = line.expect("text");
        match line.split_once(' ') {
            Some(("sent", number)) => sent = number.parse().expect("a number"),
            Some(("answered", number)) => answered = number.parse().expect("a number"),
            _ => continue,
        }
        seen += 1;
        if seen == lines {
            // What it has written in the meantime is read up to the end of the pipe.
            child.kill().expect("a running process");
        }
    }
    child.wait().expect("an exit status");
    (sent, answered)
}

#[test]
fn killed_process_leaves_whole_commits() {
    let directory = tempfile::tempdir().expect("a folder for temporary files");
    let path = directory.path().join("crash.sqlite");
    block_on(async {
        let defined = open(&path).await.define_schedule(schedule()).await;
        assert_eq!(defined, Ok(true));
        for kill in 0..KILLS {
            let (sent, answered) = write_and_kill(&path, 3 + kill % 5);
            let store = open(&path).await;
            let counts = applied(&store).await;
            assert_eq!(counts, [counts[0]; 4], "a part of a commit is missing");
            assert!(
                (answered..=sent).contains(&counts[0]),
                "{answered} {counts:?} {sent}"
            );
            // The repeat tells: the first answer, or it is applied now.
            for _ in 0..2 {
                let answer = store.commit(&Arc::new(commit(sent))).await;
                assert!(matches!(answer, Ok(CommitAnswer::Applied(_))), "{answer:?}");
                assert_eq!(applied(&store).await, [sent; 4]);
            }
        }
    });
}
