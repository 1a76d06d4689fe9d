//! Queues of the two kinds of messages, in one table.
//!
//! ```text
//!            enqueue          lease                    acknowledge, discard
//!   (new) ───────────> message ─────> message, leased ─────────────────────> (gone)
//!                        ^                 │    │ dead letter
//!                        └── release ──────┘    └──────────> dead_letter ──> message
//! ```
//!
//! A message has one instant from which it may be leased: its arrival, the end of its delay or the
//! end of its lease. Nothing happens at that instant; the next lease finds the message. So no task
//! has to watch the leases, and an empty queue is polled without a write.

mod dead_letter;
mod delivery;
mod message;
mod table;
mod wait;

use std::marker::PhantomData;
use std::sync::Arc;
use std::time::Duration;

use rehearsal_worker::model::document::VersionedJson;
use rehearsal_worker::ports::{Lease, LeaseAnswer, PortResult, Queue, QueueDepth};
use tokio::sync::Notify;
use tokio_rusqlite::rusqlite::{self, Connection};

pub use self::dead_letter::{DeadLetter, DeadLetterFilter};
pub use self::message::SqliteQueueMessage;
use self::table::{EnqueuedMessage, LeaseCondition, LeasedRow};
use self::wait::PollWait;
use crate::{Database, recent_keys};

/// Tables of the queues.
pub(crate) const SCHEMA: [&str; 3] = [delivery::SCHEMA, table::SCHEMA, dead_letter::SCHEMA];

/// Time for which a repeated idempotency key is dropped, unless the queue is opened with another.
const IDEMPOTENCY_WINDOW: Duration = Duration::from_secs(120);

/// Queue of messages of type `M`. Clones share the signal that a message was enqueued.
#[derive(Debug)]
pub struct SqliteQueue<M> {
    database: Database,
    idempotency_window: Duration,
    /// A message became ready through this queue or one of its clones.
    became_ready: Arc<Notify>,
    message: PhantomData<fn() -> M>,
}

impl<M> Clone for SqliteQueue<M> {
    fn clone(&self) -> Self {
        Self {
            database: self.database.clone(),
            idempotency_window: self.idempotency_window,
            became_ready: Arc::clone(&self.became_ready),
            message: PhantomData,
        }
    }
}

impl<M: SqliteQueueMessage> SqliteQueue<M> {
    /// Opens the queue in a file.
    pub fn new(database: Database) -> Self {
        Self {
            database: database.of_port("queue"),
            idempotency_window: IDEMPOTENCY_WINDOW,
            became_ready: Arc::default(),
            message: PhantomData,
        }
    }

    /// Sets the time for which a repeated idempotency key is dropped. All processes need the same.
    #[must_use]
    pub const fn with_idempotency_window(mut self, window: Duration) -> Self {
        self.idempotency_window = window;
        self
    }

    /// Returns the time for which a repeated idempotency key is dropped.
    pub const fn idempotency_window(&self) -> Duration {
        self.idempotency_window
    }

    /// Lists up to `limit` dead letters that match the filter, oldest first.
    pub async fn dead_letters(
        &self,
        filter: &DeadLetterFilter,
        limit: usize,
    ) -> PortResult<Vec<DeadLetter>> {
        let filter = filter.clone();
        self.database
            .read(move |file, _| dead_letter::list(file, M::QUEUE, &filter, limit))
            .await
    }

    /// Puts up to `limit` dead letters that match the filter back, oldest first, with an attempt
    /// count of zero. Returns their number.
    pub async fn redrive_matching(
        &self,
        filter: &DeadLetterFilter,
        limit: usize,
    ) -> PortResult<u64> {
        let filter = filter.clone();
        let count = self
            .database
            .write(move |file, now| dead_letter::redrive(file, M::QUEUE, &filter, limit, now))
            .await?;
        for _ in 0..count {
            self.became_ready.notify_one();
        }
        Ok(count)
    }

    /// Leases the next ready message, or returns the time until one may be ready; none if the queue
    /// is empty.
    async fn poll(&self, lease: Duration) -> PortResult<Result<Lease<M>, Option<Duration>>> {
        let until_ready = self
            .database
            .read(|file, now| table::until_ready(file, M::QUEUE, now))
            .await?;
        if until_ready != Some(Duration::ZERO) {
            return Ok(Err(until_ready));
        }
        let claimed = self
            .database
            .write(move |file, now| table::claim(file, M::QUEUE, lease, now))
            .await?;
        // Another client may have leased the message in between.
        Ok(claimed.map(received).ok_or(Some(Duration::ZERO)))
    }

    /// Makes a call about a lease; `call` returns whether it found the lease.
    async fn answer(
        &self,
        delivery: u64,
        call: impl FnOnce(&Connection, LeaseCondition) -> rusqlite::Result<bool> + Send + 'static,
    ) -> PortResult<LeaseAnswer> {
        let answer = self.database.write(move |file, now| {
            let held = LeaseCondition {
                queue: M::QUEUE,
                delivery,
                now,
            };
            call(file, held)
        });
        match answer.await? {
            true => Ok(LeaseAnswer::Done),
            false => Ok(LeaseAnswer::Expired),
        }
    }
}

/// Returns a claimed message as its receiver reads it.
fn received<M: VersionedJson>(claimed: LeasedRow) -> Lease<M> {
    Lease {
        body: M::from_json(&claimed.body),
        run: claimed.run,
        schedule: claimed.schedule,
        delivery: claimed.delivery,
        attempt: claimed.attempt,
    }
}

impl<M: SqliteQueueMessage> Queue<M> for SqliteQueue<M> {
    async fn enqueue(&self, message: &M, idempotency_key: &str) -> PortResult<()> {
        let arrival = EnqueuedMessage {
            queue: M::QUEUE,
            key: idempotency_key.to_owned(),
            run: message.run().clone(),
            schedule: message.schedule().clone(),
            body: message.to_json(),
        };
        let window = self.idempotency_window;
        let enqueue = self.database.write(move |file, now| {
            let is_new = recent_keys::admit(file, M::QUEUE.as_str(), &arrival.key, window, now)?;
            if is_new {
                table::insert(file, &arrival, now)?;
            }
            Ok(is_new)
        });
        if enqueue.await? {
            self.became_ready.notify_one();
        }
        Ok(())
    }

    async fn lease(&self, lease: Duration, wait_time: Duration) -> PortResult<Option<Lease<M>>> {
        let mut wait = PollWait::new(&self.became_ready, wait_time);
        loop {
            let signal = wait.listen();
            match self.poll(lease).await? {
                Ok(lease) => return Ok(Some(lease)),
                Err(_) if wait.is_over() => return Ok(None),
                Err(until_ready) => wait.pause(signal, until_ready).await,
            }
        }
    }

    async fn renew(&self, delivery: u64, lease: Duration) -> PortResult<LeaseAnswer> {
        let renew = move |file: &_, held| table::renew(file, held, lease);
        self.answer(delivery, renew).await
    }

    async fn acknowledge(&self, delivery: u64) -> PortResult<LeaseAnswer> {
        self.answer(delivery, table::remove).await
    }

    async fn release(
        &self,
        delivery: u64,
        delay: Duration,
        counted: bool,
    ) -> PortResult<LeaseAnswer> {
        let release = move |file: &_, held| table::release(file, held, delay, counted);
        let answer = self.answer(delivery, release).await?;
        if answer == LeaseAnswer::Done && delay.is_zero() {
            self.became_ready.notify_one();
        }
        Ok(answer)
    }

    async fn dead_letter(&self, delivery: u64, reason: &str) -> PortResult<LeaseAnswer> {
        let reason = reason.to_owned();
        let move_over = move |file: &_, held| {
            dead_letter::insert(file, held, &reason)?;
            table::remove(file, held)
        };
        self.answer(delivery, move_over).await
    }

    async fn discard(&self, delivery: u64, _reason: &str) -> PortResult<LeaseAnswer> {
        self.answer(delivery, table::remove).await
    }

    async fn redrive(&self, limit: usize) -> PortResult<u64> {
        self.redrive_matching(&DeadLetterFilter::default(), limit)
            .await
    }

    async fn depth(&self) -> PortResult<QueueDepth> {
        self.database
            .read(|file, now| table::depth(file, M::QUEUE, now))
            .await
    }
}
