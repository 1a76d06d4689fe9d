//! Behaviour of the queues that no other queue has: dead letters for operators, epochs, polls.

use std::path::PathBuf;
use std::time::{Duration, Instant};

use rehearsal_sqlite::{Database, DatabaseOptions, DeadLetter, DeadLetterFilter, SqliteQueue};
use rehearsal_worker::model::{Mode, SegmentMessage};
use rehearsal_worker::ports::{LeaseAnswer, Queue};
use tempfile::TempDir;
use tokio_rusqlite::rusqlite::Connection;

const LEASE: Duration = Duration::from_secs(60);

/// File with a queue, and a connection of an operator.
struct QueueFile {
    queue: SqliteQueue<SegmentMessage>,
    operator: Connection,
    path: PathBuf,
    _directory: TempDir,
}

impl QueueFile {
    async fn create() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("queue.sqlite");
        let queue = SqliteQueue::new(open(&path).await);
        Self {
            queue,
            operator: Connection::open(&path).unwrap(),
            path,
            _directory: directory,
        }
    }

    async fn enqueue(&self, run: &str, index: u32) {
        let message = message(run, index);
        let key = message.key().to_string();
        self.queue.enqueue(&message, &key).await.unwrap();
    }

    async fn lease(&self) -> u64 {
        let leased = self.queue.lease(LEASE, Duration::ZERO).await.unwrap();
        leased.expect("a message is ready").delivery
    }

    async fn die(&self, run: &str, index: u32, reason: &str) {
        self.enqueue(run, index).await;
        let delivery = self.lease().await;
        let answer = self.queue.dead_letter(delivery, reason).await;
        assert_eq!(answer, Ok(LeaseAnswer::Done));
    }

    async fn dead(&self, filter: DeadLetterFilter) -> Vec<DeadLetter> {
        self.queue.dead_letters(&filter, 100).await.unwrap()
    }
}

async fn open(path: &std::path::Path) -> Database {
    let opened = Database::open(path, DatabaseOptions::default()).await;
    opened.unwrap_or_else(|error| panic!("{error}"))
}

fn message(run: &str, index: u32) -> SegmentMessage {
    SegmentMessage {
        run: run.into(),
        schedule: format!("schedule-of-{run}").as_str().into(),
        tenant: "acme".into(),
        index,
        mode: Mode::AnalysisOnly,
        digests: [].into(),
    }
}

#[tokio::test]
async fn dead_letters_keep_headers_body_reason_and_time() {
    let file = QueueFile::create().await;
    file.die("a", 0, "poison \"ü\"\n").await;
    let [letter] = &file.dead(DeadLetterFilter::default()).await[..] else {
        panic!("one dead letter");
    };
    assert_eq!(letter.run, "a".into());
    assert_eq!(letter.schedule, "schedule-of-a".into());
    assert_eq!(letter.key, message("a", 0).key().to_string());
    assert_eq!(letter.reason, "poison \"ü\"\n");
    assert_eq!((letter.attempts, letter.delivery), (1, 1));
    assert!(
        letter.body.starts_with("{\"schemaVersion\":"),
        "{}",
        letter.body
    );
    let now: i64 = (file.operator)
        .query_row("SELECT last_ns FROM clock", [], |row| row.get(0))
        .unwrap();
    assert_eq!(letter.at.nanos(), now.cast_unsigned());
}

#[tokio::test]
async fn dead_letters_are_listed_and_redriven_by_number_run_and_schedule() {
    let file = QueueFile::create().await;
    for (run, index) in [("a", 0), ("b", 0), ("a", 1), ("c", 0)] {
        file.die(run, index, "a test").await;
    }
    let all = file.dead(DeadLetterFilter::default()).await;
    assert_eq!(all.len(), 4);
    assert!(all.is_sorted_by_key(|letter| letter.at));
    let any = DeadLetterFilter::default();
    let limited = file.queue.dead_letters(&any, 1).await;
    assert_eq!(limited.unwrap(), all[..1]);
    let of_run = DeadLetterFilter {
        run: Some("a".into()),
        ..DeadLetterFilter::default()
    };
    let found = file.dead(of_run.clone()).await;
    assert_eq!(found, [all[0].clone(), all[2].clone()]);
    let of_both = DeadLetterFilter {
        schedule: Some("schedule-of-b".into()),
        ..of_run.clone()
    };
    assert_eq!(file.dead(of_both).await, []);
    let by_number = DeadLetterFilter {
        id: Some(all[3].id),
        ..DeadLetterFilter::default()
    };
    assert_eq!(file.dead(by_number).await, all[3..]);
    assert_eq!(file.queue.redrive_matching(&of_run, 10).await, Ok(2));
    let left = file.dead(DeadLetterFilter::default()).await;
    assert_eq!(left, [all[1].clone(), all[3].clone()]);
    // A message keeps its number.
    let delivery = file.lease().await;
    file.queue.dead_letter(delivery, "again").await.unwrap();
    let again = file.dead(of_run).await;
    assert_eq!((again[0].id, again[0].attempts), (all[0].id, 1));
}

#[tokio::test]
async fn deliveries_of_recreated_queues_are_higher_than_all_before() {
    let file = QueueFile::create().await;
    let mut highest = 0;
    for epoch in 0..3_u64 {
        for number in 1..=3 {
            file.enqueue(&format!("run-{epoch}"), number).await;
            let delivery = file.lease().await;
            assert_eq!(delivery, epoch << 40 | u64::from(number));
            assert!(delivery > highest);
            highest = delivery;
        }
        let recreate = "DELETE FROM message; DELETE FROM delivery_counter";
        file.operator.execute_batch(recreate).unwrap();
    }
}

#[tokio::test]
async fn deliveries_go_on_after_the_queue_was_empty_and_reopened() {
    let file = QueueFile::create().await;
    file.enqueue("a", 0).await;
    let delivery = file.lease().await;
    file.queue.acknowledge(delivery).await.unwrap();
    let reopened = SqliteQueue::<SegmentMessage>::new(open(&file.path).await);
    reopened.enqueue(&message("a", 1), "key").await.unwrap();
    let leased = reopened.lease(LEASE, Duration::ZERO).await.unwrap();
    assert_eq!(leased.unwrap().delivery, delivery + 1);
}

#[tokio::test]
async fn lease_without_a_ready_message_does_not_wait_for_a_writer() {
    let file = QueueFile::create().await;
    file.enqueue("a", 0).await;
    file.lease().await;
    file.operator.execute_batch("BEGIN IMMEDIATE").unwrap();
    let leased = file.queue.lease(LEASE, Duration::from_millis(20)).await;
    assert_eq!(leased, Ok(None));
    file.operator.execute_batch("ROLLBACK").unwrap();
}

#[tokio::test]
async fn waiting_lease_of_a_clone_gets_a_message_at_once() {
    let file = QueueFile::create().await;
    let waiter = file.queue.clone();
    let wait = async {
        let leased = waiter.lease(LEASE, LEASE).await.unwrap();
        (leased.expect("a message"), Instant::now())
    };
    let enqueue = async {
        // Between the polls after 565 and 815 ms.
        tokio::time::sleep(Duration::from_millis(600)).await;
        file.enqueue("a", 0).await;
        Instant::now()
    };
    let ((leased, received), sent) = futures_lite::future::zip(wait, enqueue).await;
    assert_eq!(leased.body, Ok(message("a", 0)));
    let took = received.saturating_duration_since(sent);
    assert!(took < Duration::from_millis(100), "{took:?}");
}

#[tokio::test]
async fn keys_are_forgotten_after_the_window_in_batches() {
    let file = QueueFile::create().await;
    let window = Duration::from_millis(50);
    let queue = file.queue.clone().with_idempotency_window(window);
    for index in 0..70 {
        let key = format!("key-{index}");
        queue.enqueue(&message("a", index), &key).await.unwrap();
    }
    tokio::time::sleep(window).await;
    // One call forgets 64 of them; the next, the others.
    for expected in [7, 1] {
        queue.enqueue(&message("a", 0), "key-69").await.unwrap();
        let count = "SELECT count(*) FROM recent_key";
        let count: u32 = (file.operator)
            .query_row(count, [], |row| row.get(0))
            .unwrap();
        assert!(count <= expected, "{count} keys, expected {expected}");
    }
    assert_eq!(queue.depth().await.unwrap().depth, 71);
}

#[tokio::test]
async fn body_that_is_no_text_is_unreadable_and_can_be_given_up() {
    let file = QueueFile::create().await;
    file.enqueue("a", 0).await;
    let damage = "UPDATE message SET body = CAST(x'80ff' AS TEXT)";
    file.operator.execute_batch(damage).unwrap();
    let leased = file.queue.lease(LEASE, Duration::ZERO).await.unwrap();
    let leased = leased.unwrap();
    assert!(leased.body.is_err());
    let answer = file.queue.dead_letter(leased.delivery, "unreadable").await;
    assert_eq!(answer, Ok(LeaseAnswer::Done));
    let dead = file.dead(DeadLetterFilter::default()).await;
    assert_eq!(dead[0].body, "\u{fffd}\u{fffd}");
}
