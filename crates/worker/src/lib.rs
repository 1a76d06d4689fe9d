//! The Scheduler Worker: the system under test.
//!
//! ```text
//!  cron, exports          planner            dispatcher            runner
//!  ┌─────────┐ Planning ┌─────────┐ Queued ┌────────────┐ Running ┌────────┐ Completed
//!  │ trigger ├─────────>│  plan   ├───────>│ cut into   ├────────>│  scan  ├──────────>
//!  └─────────┘          └────┬────┘        │ segments   │         │ commit │
//!                     intent │             └──────▲─────┘         └───┬────┘
//!                       ┌────▼────┐ planner queue │      outbox ┌────▼────┐
//!                       │  relay  ├───────────────┘             │  relay  ├──> Notify
//!                       └─────────┘                             └─────────┘
//! ```
//!
//! Written once, async, against the traits of [`ports`]. It knows no runtime, no clock, no
//! randomness and no simulator of its own. A process is a set of [`WorkerTask`]s over one [`Worker`];
//! whoever launches it runs each loop as a task of its own.

pub mod backlog;
pub mod backoff;
pub mod command;
pub mod context;
pub mod delta;
pub mod dispatcher;
pub mod document;
pub mod ending;
pub mod enqueue;
pub mod fairness;
pub mod heartbeat;
pub mod impact;
pub mod lease;
pub mod metrics;
pub mod model;
pub mod options;
pub mod patience;
pub mod permits;
pub mod planner;
pub mod poison;
pub mod ports;
pub mod relay;
pub mod runner;
pub mod scanner_client;
pub mod segment_commit;
pub mod selection;
pub mod signal;
pub mod sweeper;
pub mod trigger;
pub mod window;

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use futures_lite::future;
use serde::{Deserialize, Serialize};

use crate::metrics::SchedulerWorkerMetrics;
use crate::model::IncarnationId;
use command::CommandService;
use context::Context;
use options::{OptionError, WorkerOptions};
use ports::{Clock, Ports};
use scanner_client::ScannerReportClient;

/// Between two looks at whether a stopping process is done.
const IDLE_POLL_INTERVAL: Duration = Duration::from_millis(100);

/// Given to a stopping process after its grace, to hand back what it holds.
const RELEASE_TIMEOUT: Duration = Duration::from_secs(8);

/// Given to the last sign of life, which a store that is away does not hear.
const FINAL_HEARTBEAT_TIMEOUT: Duration = Duration::from_secs(1);

/// Disposition of a leased message after the work on it, in AMQP's terms.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Disposition {
    /// Acknowledged: no work is left.
    Ack,
    /// Released after a backoff, because a service is not available. The delivery does not count.
    ReleaseAfterBackoff,
    /// Released at once, because the process stops or may not go on. The delivery does not count.
    Release,
    /// Released after a backoff, because the work led to nothing. The delivery counts.
    Nack,
    /// Set aside as a dead letter, for this reason.
    DeadLetter(Arc<str>),
}

/// What a process does.
#[derive(
    Debug,
    Clone,
    Copy,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    Hash,
    Serialize,
    Deserialize,
    schemars::JsonSchema,
)]
#[serde(rename_all = "camelCase")]
pub enum Role {
    /// Fires schedules and takes exports.
    Trigger,
    /// Plans runs.
    Planner,
    /// Cuts runs into segments.
    Dispatcher,
    /// Works segments.
    Runner,
    /// Passes on intents and events.
    Relay,
    /// Repairs.
    Sweeper,
}

impl Role {
    /// Every role.
    pub const ALL: [Self; 6] = [
        Self::Trigger,
        Self::Planner,
        Self::Dispatcher,
        Self::Runner,
        Self::Relay,
        Self::Sweeper,
    ];
}

/// A loop of a process; each runs as a task of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[allow(missing_docs, reason = "each is named after the service that it runs")]
pub enum WorkerTask {
    CronTrigger,
    ExportTrigger,
    Planner,
    Dispatcher,
    Runner,
    IntentRelay,
    EventRelay,
    Sweeper,
    Heartbeat,
    Backlog { watches_queues: bool },
}

impl WorkerTask {
    /// A short name for traces.
    pub const fn name(self) -> &'static str {
        match self {
            Self::CronTrigger => "cron-trigger",
            Self::ExportTrigger => "export-trigger",
            Self::Planner => "planner",
            Self::Dispatcher => "dispatcher",
            Self::Runner => "runner",
            Self::IntentRelay => "intent-relay",
            Self::EventRelay => "event-relay",
            Self::Sweeper => "sweeper",
            Self::Heartbeat => "heartbeat",
            Self::Backlog { .. } => "backlog",
        }
    }
}

/// One incarnation of a worker process.
pub struct Worker<P: Ports> {
    context: Context<P>,
    client: ScannerReportClient,
}

impl<P: Ports> Worker<P> {
    /// A worker that does nothing yet.
    ///
    /// # Errors
    /// Each option outside its range.
    pub fn new(
        ports: P,
        options: WorkerOptions,
        incarnation: IncarnationId,
        metrics: Arc<SchedulerWorkerMetrics>,
    ) -> Result<Self, Vec<OptionError>> {
        options.validate()?;
        let context = Context::new(ports, options, incarnation, metrics);
        Ok(Self {
            context,
            client: ScannerReportClient::default(),
        })
    }

    /// The tasks of a process with these roles.
    pub fn tasks(&self, roles: &[Role]) -> Vec<WorkerTask> {
        let mut tasks = vec![
            WorkerTask::Heartbeat,
            WorkerTask::Backlog {
                watches_queues: roles.contains(&Role::Sweeper),
            },
        ];
        for role in roles {
            match role {
                Role::Trigger => tasks.extend([WorkerTask::CronTrigger, WorkerTask::ExportTrigger]),
                Role::Planner => tasks.push(WorkerTask::Planner),
                Role::Dispatcher => tasks.push(WorkerTask::Dispatcher),
                Role::Runner => {
                    let count = self.context.options.segments_at_once as usize;
                    tasks.extend(std::iter::repeat_n(WorkerTask::Runner, count));
                }
                Role::Relay => tasks.extend([WorkerTask::IntentRelay, WorkerTask::EventRelay]),
                Role::Sweeper => tasks.push(WorkerTask::Sweeper),
            }
        }
        tasks
    }

    /// Runs a loop until the process is asked to stop.
    pub async fn run(self: Arc<Self>, task: WorkerTask) {
        let context = &self.context;
        match task {
            WorkerTask::CronTrigger => trigger::CronTriggerService::new(context).run().await,
            WorkerTask::ExportTrigger => trigger::ExportTriggerService::new(context).run().await,
            WorkerTask::Planner => planner::PlannerBackgroundService::new(context).run().await,
            WorkerTask::Dispatcher => {
                dispatcher::PlannerQueueDispatcherBackgroundService::new(context)
                    .run()
                    .await;
            }
            WorkerTask::Runner => {
                runner::RunnerBackgroundService::new(context, &self.client)
                    .run()
                    .await;
            }
            WorkerTask::IntentRelay => relay::IntentRelay::new(context).run().await,
            WorkerTask::EventRelay => relay::EventRelay::new(context).run().await,
            WorkerTask::Sweeper => sweeper::SweeperBackgroundService::new(context).run().await,
            WorkerTask::Heartbeat => {
                heartbeat::HeartbeatBackgroundService::new(context)
                    .run()
                    .await;
            }
            WorkerTask::Backlog { watches_queues } => {
                backlog::BacklogBackgroundService::new(context, watches_queues)
                    .run()
                    .await;
            }
        }
    }

    /// Commands of people, carried out by this process.
    pub fn commands(&self) -> CommandService<'_, P> {
        CommandService::new(&self.context)
    }

    /// Asks the process to stop in good order: to take nothing new, and to finish or hand back what
    /// is in hand. [`Worker::drain`] sees to it.
    pub fn request_stop(&self) {
        self.context.intake.cancel();
    }

    /// Lets the process that was asked to stop finish what it has in hand within its grace, and
    /// hand back the rest within a margin. Returns when nothing is left, or that time has passed;
    /// its heartbeat has then said that its balance is free to take, if the store would hear it.
    pub async fn drain(&self) {
        let context = &self.context;
        let clock = context.ports.clock();
        future::or(self.idle(), clock.sleep(context.options.stop_grace)).await;
        context.work.cancel();
        future::or(self.idle(), clock.sleep(RELEASE_TIMEOUT)).await;
        context.monitoring.cancel();
        future::or(
            context.final_heartbeat_sent.notified(),
            clock.sleep(FINAL_HEARTBEAT_TIMEOUT),
        )
        .await;
    }

    /// Waits until no loop has work in hand.
    async fn idle(&self) {
        while self.context.busy_tasks.load(Ordering::Relaxed) > 0 {
            self.context.ports.clock().sleep(IDLE_POLL_INTERVAL).await;
        }
    }
}
