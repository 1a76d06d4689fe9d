//! Log lines of a queue's messages.

use std::io;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use rehearsal_service::log::{LogFormat, subscriber};
use rehearsal_service::{ObservedQueue, run_local};
use rehearsal_sqlite::{Database, DatabaseOptions, SqliteQueue};
use rehearsal_worker::model::observation::QueueName;
use rehearsal_worker::model::{ImpactSet, PlannerMessage};
use rehearsal_worker::ports::Queue;
use tempfile::TempDir;
use tracing::level_filters::LevelFilter;

/// Memory that lines are written to.
#[derive(Clone, Default)]
struct Lines(Arc<Mutex<Vec<u8>>>);

impl io::Write for Lines {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[test]
fn leases_and_dead_letters_are_logged_with_run_and_delivery() {
    let lines = Lines::default();
    let writer = lines.clone();
    let subscriber = subscriber(LogFormat::Json, LevelFilter::DEBUG, move || writer.clone());
    tracing::subscriber::set_global_default(subscriber).unwrap();
    let directory = TempDir::new().unwrap();
    run_local(async {
        let file = directory.path().join("scheduler.db");
        let database = Database::open(&file, DatabaseOptions::default())
            .await
            .unwrap();
        let queue = ObservedQueue::new(SqliteQueue::new(database), QueueName::Planner);
        let message = PlannerMessage {
            run: "run:acme:nightly:cron:x".into(),
            schedule: "nightly".into(),
            tenant: "acme".into(),
            impact: ImpactSet::default(),
        };
        queue.enqueue(&message, "key").await.unwrap();
        let lease = queue.lease(Duration::from_secs(60), Duration::ZERO).await;
        let delivery = lease.unwrap().unwrap().delivery;
        queue.dead_letter(delivery, "poison").await.unwrap();
        queue
            .renew(delivery, Duration::from_secs(60))
            .await
            .unwrap();
    })
    .unwrap();
    let text = String::from_utf8(lines.0.lock().unwrap().clone()).unwrap();
    let lines = text
        .lines()
        .map(|line| serde_json::from_str::<serde_json::Value>(line).unwrap());
    let lines: Vec<_> = lines.collect();
    let messages: Vec<_> = lines
        .iter()
        .map(|line| line["message"].as_str().unwrap())
        .collect();
    assert_eq!(
        messages,
        ["message leased", "message given up", "lease lost"],
        "{text}"
    );
    assert_eq!(lines[0]["run"], "run:acme:nightly:cron:x");
    assert_eq!(
        (&lines[1]["reason"], &lines[1]["level"]),
        (&"poison".into(), &"WARN".into())
    );
    assert!(
        lines
            .iter()
            .all(|line| line["delivery"] == lines[0]["delivery"]),
        "{text}"
    );
}
