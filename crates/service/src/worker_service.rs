//! One worker process in real time: its runtime, its tasks, and its stop.

use std::future::Future;
use std::io;
use std::sync::Arc;

use futures_lite::future;
use rehearsal_metrics::{RegisterError, Registry};
use rehearsal_worker::metrics::{BacklogOptions, SchedulerWorkerMetrics, WorkerMetricsOptions};
use rehearsal_worker::model::IncarnationId;
use rehearsal_worker::options::{OptionError, WorkerOptions};
use rehearsal_worker::ports::Ports;
use rehearsal_worker::{CommandService, Role, Worker};
use tokio::task::{JoinSet, LocalSet};

use crate::health::Health;

/// Reason why a service can't start, or ended without a stop.
#[derive(Debug, thiserror::Error)]
pub enum ServiceError {
    /// Options outside their ranges.
    #[error("{}", .0.iter().map(ToString::to_string).collect::<Vec<_>>().join("; "))]
    Options(Vec<OptionError>),
    /// The registry has other instruments with these names.
    #[error("the metrics can't be registered: {0}")]
    Metrics(#[from] RegisterError),
    /// A task panicked, so the state of the process is unknown.
    #[error("a task of the worker panicked; start the process again")]
    Panicked,
}

/// Runs a future and the local tasks that it spawns on a runtime of the current thread.
///
/// # Errors
/// The runtime can't be created.
pub fn run_local<T>(future: impl Future<Output = T>) -> io::Result<T> {
    let mut builder = tokio::runtime::Builder::new_current_thread();
    let runtime = builder.enable_io().enable_time().build()?;
    let output = LocalSet::new().block_on(&runtime, future);
    // A page that is still being rendered has no client any more.
    runtime.shutdown_background();
    Ok(output)
}

/// One worker process.
pub struct WorkerService<P: Ports> {
    worker: Arc<Worker<P>>,
    health: Health,
}

impl<P: Ports> WorkerService<P> {
    /// Creates a worker whose instruments are in `registry`. `health` learns of its stop.
    ///
    /// # Errors
    /// Options are outside their ranges, or the registry has the instruments of another worker.
    pub fn new(
        ports: P,
        options: WorkerOptions,
        incarnation: IncarnationId,
        registry: &Registry,
        health: Health,
    ) -> Result<Self, ServiceError> {
        let metrics = WorkerMetricsOptions {
            backlog: BacklogOptions {
                fresh_for: options.backlog_refresh,
                ..BacklogOptions::default()
            },
            ..WorkerMetricsOptions::default()
        };
        let metrics = Arc::new(SchedulerWorkerMetrics::with_options(registry, metrics)?);
        let worker = Worker::new(ports, options, incarnation, metrics);
        let worker = Arc::new(worker.map_err(ServiceError::Options)?);
        Ok(Self { worker, health })
    }

    /// Returns the operator commands, which this process carries out.
    pub fn commands(&self) -> CommandService<'_, P> {
        self.worker.commands()
    }

    /// Runs the tasks of these roles on the local set of the caller until `stop` ends, and then
    /// until running work is finished or released.
    ///
    /// # Errors
    /// A task panicked.
    pub async fn run(
        &self,
        roles: &[Role],
        stop: impl Future<Output = ()>,
    ) -> Result<(), ServiceError> {
        let mut tasks = JoinSet::new();
        for task in self.worker.tasks(roles) {
            tasks.spawn_local(self.worker.clone().run(task));
        }
        let stopped = async {
            stop.await;
            self.health.stopping();
            tracing::info!("stopping: no new work is taken");
            self.worker.request_stop();
            self.worker.drain().await;
            Ok(())
        };
        future::or(first_panic(&mut tasks), stopped).await
    }
}

/// Waits for the first task that panics.
async fn first_panic(tasks: &mut JoinSet<()>) -> Result<(), ServiceError> {
    while let Some(ended) = tasks.join_next().await {
        if ended.is_err() {
            return Err(ServiceError::Panicked);
        }
    }
    // A stopping process may have ended all of its tasks.
    future::pending().await
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use rehearsal_sqlite::{SystemClock, SystemRandom};
    use rehearsal_worker::ports::{Clock, UnavailablePorts};
    use tokio::time::{Instant, sleep};

    use super::*;

    fn paused<T>(future: impl Future<Output = T>) -> T {
        let mut builder = tokio::runtime::Builder::new_current_thread();
        let runtime = builder.enable_time().start_paused(true).build().unwrap();
        LocalSet::new().block_on(&runtime, future)
    }

    fn service<P: Ports>(ports: P, health: &Health) -> WorkerService<P> {
        let incarnation = IncarnationId::new("worker-1".into(), 1);
        let registry = Registry::new();
        let options = WorkerOptions::default();
        WorkerService::new(ports, options, incarnation, &registry, health.clone()).unwrap()
    }

    #[test]
    fn service_runs_until_its_stop_and_drains() {
        let seconds = paused(async {
            let health = Health::default();
            let ports =
                UnavailablePorts::unavailable(SystemClock::start(), SystemRandom::default());
            let service = service(ports, &health);
            let began = Instant::now();
            let stop = sleep(Duration::from_secs(100));
            service.run(&Role::ALL, stop).await.unwrap();
            assert!(
                health
                    .reasons()
                    .contains(&"the process is stopping".to_owned())
            );
            began.elapsed().as_secs()
        });
        // The last heartbeat is not answered.
        assert!((100..=110).contains(&seconds), "{seconds} s");
    }

    #[test]
    fn options_outside_their_ranges_and_a_second_worker_are_refused() {
        paused(async {
            let ports =
                UnavailablePorts::unavailable(SystemClock::start(), SystemRandom::default());
            let registry = Registry::new();
            let new = |options| {
                let incarnation = IncarnationId::new("worker-1".into(), 1);
                let health = Health::default();
                WorkerService::new(ports.clone(), options, incarnation, &registry, health)
            };
            new(WorkerOptions::default()).unwrap();
            let second = new(WorkerOptions::default()).err().unwrap();
            assert!(matches!(second, ServiceError::Metrics(_)), "{second}");
            let registry_error = new(WorkerOptions {
                segment_size: 0,
                ..WorkerOptions::default()
            });
            assert!(registry_error.is_err());
        });
    }

    /// Clock that panics after a minute.
    #[derive(Clone)]
    struct PanickingClock(SystemClock);

    impl Clock for PanickingClock {
        fn elapsed(&self) -> Duration {
            self.0.elapsed()
        }

        async fn sleep(&self, duration: Duration) {
            assert!(self.0.elapsed() < Duration::from_secs(60), "a defect");
            self.0.sleep(duration).await;
        }
    }

    #[test]
    fn panic_of_a_task_ends_the_service() {
        paused(async {
            let clock = PanickingClock(SystemClock::start());
            let ports = UnavailablePorts::unavailable(clock, SystemRandom::default());
            let service = service(ports, &Health::default());
            let ended = service.run(&Role::ALL, future::pending()).await;
            assert!(matches!(ended, Err(ServiceError::Panicked)));
        });
    }
}
