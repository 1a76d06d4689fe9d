//! One incarnation of a worker process: its tasks, its commands and its shutdown.
//!
//! A stop is graceful in three steps. [`Worker::request_stop`] ends intake: nothing new is leased.
//! [`Worker::drain`] gives running work `stopGrace` to finish, and then has the rest released to
//! other processes. Heartbeat and gauges go on until both are done, and the last heartbeat lets
//! another process adopt the active-run count without a wait for two leases.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use futures_lite::future;

use crate::context::WorkerContext;
use crate::metrics::InstrumentWrites;
use crate::model::IncarnationId;
use crate::options::{OptionError, WorkerOptions};
use crate::ports::{Clock, Ports};
use crate::scan::scanner_client::ScannerReportClient;
use crate::services::backlog::BacklogBackgroundService;
use crate::services::command::CommandService;
use crate::services::cron_trigger::CronTriggerService;
use crate::services::dispatcher::PlannerQueueDispatcherBackgroundService;
use crate::services::export_trigger::ExportTriggerService;
use crate::services::heartbeat::HeartbeatBackgroundService;
use crate::services::planner::PlannerBackgroundService;
use crate::services::relay::{EventRelay, IntentRelay};
use crate::services::runner::RunnerBackgroundService;
use crate::services::sweeper::SweeperBackgroundService;
use crate::task::{Role, WorkerTask};

/// Delay between two checks whether a stopping process still works.
const IDLE_POLL_INTERVAL: Duration = Duration::from_millis(100);

/// Timeout for a stopping process to release its leases after the grace.
const RELEASE_TIMEOUT: Duration = Duration::from_secs(8);

/// Timeout for the last heartbeat, which an unreachable store does not answer.
const FINAL_HEARTBEAT_TIMEOUT: Duration = Duration::from_secs(1);

/// One incarnation of a worker process.
pub struct Worker<P: Ports> {
    context: WorkerContext<P>,
    client: ScannerReportClient,
}

impl<P: Ports> Worker<P> {
    /// Creates a worker that runs no task yet.
    ///
    /// # Errors
    /// Every option outside its range.
    pub fn new(
        ports: P,
        options: WorkerOptions,
        incarnation: IncarnationId,
        metrics: Arc<dyn InstrumentWrites>,
    ) -> Result<Self, Vec<OptionError>> {
        options.validate()?;
        let context = WorkerContext::new(ports, options, incarnation, metrics);
        Ok(Self {
            context,
            client: ScannerReportClient::default(),
        })
    }

    /// Returns the tasks of a process with these roles. The launcher spawns [`Worker::run`] of
    /// each.
    pub fn tasks(&self, roles: &[Role]) -> Vec<WorkerTask> {
        WorkerTask::of_roles(roles, self.context.options.segments_at_once)
    }

    /// Runs a task until a stop is requested.
    pub async fn run(self: Arc<Self>, task: WorkerTask) {
        let context = &self.context;
        match task {
            WorkerTask::CronTrigger => CronTriggerService::new(context).run().await,
            WorkerTask::ExportTrigger => ExportTriggerService::new(context).run().await,
            WorkerTask::Planner => PlannerBackgroundService::new(context).run().await,
            WorkerTask::Dispatcher => {
                let service = PlannerQueueDispatcherBackgroundService::new(context);
                service.run().await;
            }
            WorkerTask::Runner => {
                let service = RunnerBackgroundService::new(context, &self.client);
                service.run().await;
            }
            WorkerTask::IntentRelay => IntentRelay::new(context).run().await,
            WorkerTask::EventRelay => EventRelay::new(context).run().await,
            WorkerTask::Sweeper => SweeperBackgroundService::new(context).run().await,
            WorkerTask::Heartbeat => HeartbeatBackgroundService::new(context).run().await,
            WorkerTask::Backlog { reads_queues } => {
                let service = BacklogBackgroundService::new(context, reads_queues);
                service.run().await;
            }
        }
    }

    /// Returns the operator commands, which this process carries out.
    pub fn commands(&self) -> CommandService<'_, P> {
        CommandService::new(&self.context)
    }

    /// Requests a graceful stop: the process leases nothing new. [`Worker::drain`] does the rest.
    pub fn request_stop(&self) {
        self.context.intake.cancel();
    }

    /// Waits until a process after [`Worker::request_stop`] has finished or released all its work.
    /// Takes at most `stopGrace` plus nine seconds. The last heartbeat is sent by then, unless the
    /// store is unreachable.
    pub async fn drain(&self) {
        let context = &self.context;
        let clock = context.ports.clock();
        future::or(self.idle(), clock.sleep(context.options.stop_grace)).await;
        context.work.cancel();
        future::or(self.idle(), clock.sleep(RELEASE_TIMEOUT)).await;
        context.monitoring.cancel();
        let sent = context.final_heartbeat_sent.notified();
        future::or(sent, clock.sleep(FINAL_HEARTBEAT_TIMEOUT)).await;
    }

    /// Waits until no task has work.
    async fn idle(&self) {
        while self.context.busy_tasks.load(Ordering::Relaxed) > 0 {
            self.context.ports.clock().sleep(IDLE_POLL_INTERVAL).await;
        }
    }
}
