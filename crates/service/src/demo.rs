//! A worker process with all that it needs: for a first look, without any server.
//!
//! Store and queues are in a file, the inventory is made up, and a Scanner on loopback reports
//! made-up findings. The worker, its metrics and its endpoints are the real ones.

mod inventory;
mod scanner;
mod schedules;

use std::rc::Rc;
use std::time::Duration;

use rehearsal_worker::options::WorkerOptions;
use rehearsal_worker::ports::PortResult;
use tokio::sync::watch;
use tokio::task::spawn_local;

use self::scanner::DemoScanner;
use crate::config::{Secrets, ServiceConfig};
use crate::http::{EndpointLimits, listen_at, serve};
use crate::worker_process::{StartError, WorkerProcess};

/// Returns options with which a first look takes a minute: short polls and leases.
pub fn demo_options() -> WorkerOptions {
    let millis = Duration::from_millis;
    WorkerOptions {
        trigger_poll: millis(1_000),
        planner_poll: millis(500),
        segment_size: 16,
        segments_at_once: 4,
        lease: millis(15_000),
        receive_wait_time: millis(2_000),
        backoff_initial: millis(500),
        relay_poll: millis(1_000),
        backlog_refresh: millis(5_000),
        sweep_interval: millis(10_000),
        stop_grace: millis(5_000),
        ..WorkerOptions::default()
    }
}

/// Runs the process until `stop` ends. `announce` gets it when it listens.
///
/// # Errors
/// See [`StartError`].
pub async fn run_demo(
    mut config: ServiceConfig,
    secrets: &Secrets,
    stop: impl Future<Output = ()>,
    announce: impl FnOnce(&WorkerProcess),
) -> Result<(), StartError> {
    let address = ([127, 0, 0, 1], 0).into();
    let unbound = |error| StartError::Listen {
        key: "scanner.url",
        address,
        error,
    };
    let listener = listen_at(address).map_err(unbound)?;
    let address = listener.local_addr().map_err(unbound)?;
    config.scanner.url = Some(format!("http://{address}{}", scanner::PATH));
    config.scanner.allow_loopback = true;
    let (_running, stopping) = watch::channel(false);
    let limits = EndpointLimits::default();
    spawn_local(serve(listener, Rc::new(DemoScanner), limits, stopping));
    let inventory = Some(inventory::inventory());
    let process = WorkerProcess::open_with(config, secrets, inventory).await?;
    announce(&process);
    let store = process.store().clone();
    process
        .run(stop, async |commands| {
            let defined = async || -> PortResult<()> {
                if store.schedule_documents().await?.is_empty() {
                    for schedule in schedules::schedules() {
                        store.define_schedule(schedule).await?;
                    }
                }
                Ok(())
            };
            if defined().await.is_err() {
                tracing::error!("the schedules of the demonstration can't be stored");
                return;
            }
            // The first fire is up to a minute away.
            commands
                .start(&schedules::NIGHTLY.into(), "first-look")
                .await;
        })
        .await
}
