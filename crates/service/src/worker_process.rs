//! A configured worker process: adapters, endpoints and worker, put together.

use std::io;
use std::net::SocketAddr;
use std::path::Path;
use std::rc::Rc;
use std::time::Duration;

use futures_lite::future;
use rehearsal_metrics::Registry;
use rehearsal_sqlite::{
    Database, DatabaseOptions, OpenError, PurgeLimits, SqliteInventory, SqliteQueue, SqliteStore,
    SystemClock, SystemRandom,
};
use rehearsal_worker::model::observation::QueueName;
use rehearsal_worker::model::{IncarnationId, PlannerMessage, ProcessName, SegmentMessage};
use rehearsal_worker::ports::{PortSet, Store, Unavailable};
use rehearsal_worker::{CommandService, Role};
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::sleep;

use crate::client::{
    EventLog, EventWebhook, HttpClient, HttpScanner, InvalidToken, NotifyClient, ScannerClient,
    ScannerOptions, TargetUrl, TlsError, TrustedRoots, UrlError,
};
use crate::config::{Secrets, ServiceConfig};
use crate::health::Health;
use crate::http::{EndpointLimits, MetricsService, Respond, WorkerEndpoints, listen_at, serve};
use crate::inventory::{ImageInventory, InventoryError};
use crate::observed_queue::ObservedQueue;
use crate::observed_store::ObservedStore;
use crate::retention::purge_regularly;
use crate::store_monitor::StoreMonitor;
use crate::webhook::WebhookReceiver;
use crate::worker_service::{ServiceError, WorkerService};

/// Delay between two attempts to register.
const REGISTER_INTERVAL: Duration = Duration::from_secs(1);

/// Ports of a process.
pub type ServicePorts = PortSet<
    SystemClock,
    SystemRandom,
    ObservedStore<SqliteStore>,
    ObservedQueue<SqliteQueue<PlannerMessage>>,
    ObservedQueue<SqliteQueue<SegmentMessage>>,
    ScannerClient,
    ImageInventory,
    NotifyClient,
>;

/// Reason why a process does not start, or ended without a stop.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The store can't be opened.
    #[error("store.file: {0}")]
    Store(#[from] OpenError),
    /// An address can't be bound.
    #[error("{key}: {address}: {error}; choose a free address of this machine")]
    Listen {
        /// Key of the address.
        key: &'static str,
        /// Address that was configured.
        address: SocketAddr,
        /// Error of the operating system.
        error: io::Error,
    },
    /// A URL can't be used.
    #[error("{key}: {error}")]
    Url {
        /// Key of the URL.
        key: &'static str,
        /// Reason why it is refused.
        error: UrlError,
    },
    /// There are no trusted certificates.
    #[error("{key}: {error}")]
    Tls {
        /// Key of the file of certificates.
        key: &'static str,
        /// Reason why it is refused.
        error: TlsError,
    },
    /// The token can't be sent.
    #[error("scanner.tokenFile: {0}")]
    Token(#[from] InvalidToken),
    /// The inventory can't be read.
    #[error(transparent)]
    Inventory(#[from] InventoryError),
    /// The worker can't be created, or a task panicked.
    #[error(transparent)]
    Service(#[from] ServiceError),
}

/// A process that listens, and has not yet begun its work.
pub struct WorkerProcess {
    config: ServiceConfig,
    registry: Registry,
    health: Health,
    database: Database,
    store: SqliteStore,
    scanner: ScannerClient,
    inventory: ImageInventory,
    notify: NotifyClient,
    endpoints: TcpListener,
    webhooks: Option<(TcpListener, WebhookReceiver<SqliteStore>)>,
}

impl WorkerProcess {
    /// Opens the store, listens and reads the inventory.
    ///
    /// # Errors
    /// See [`StartError`].
    pub async fn open(config: ServiceConfig, secrets: &Secrets) -> Result<Self, StartError> {
        let file = config.inventory.file.as_deref();
        let inventory = file.map(ImageInventory::read).transpose()?;
        Self::open_with(config, secrets, inventory).await
    }

    /// Opens the store and listens, with an inventory or the images in the store.
    ///
    /// # Errors
    /// See [`StartError`].
    pub async fn open_with(
        config: ServiceConfig,
        secrets: &Secrets,
        inventory: Option<ImageInventory>,
    ) -> Result<Self, StartError> {
        let scanner = scanner(&config, secrets)?;
        let notify = notify(&config, secrets)?;
        let endpoints = listen("http.listen", config.http.listen)?;
        let options = DatabaseOptions {
            is_durable: config.store.durable,
            max_bytes: config.store.max_bytes,
            ..DatabaseOptions::default()
        };
        let database = Database::open(&config.store.file, options).await?;
        let store = SqliteStore::new(database.clone());
        let images = SqliteInventory::new(database.clone());
        // Events change the store, which a process with an inventory of its own does not ask.
        let changed = inventory.is_none().then(|| images.clone());
        let inventory = inventory.unwrap_or(ImageInventory::Store(images));
        let webhooks = config.events.listen.map(|address| {
            let listener = listen("events.listen", address)?;
            let keys = secrets.event_keys.clone();
            let limit = config.events.max_requests_per_address;
            let receiver = WebhookReceiver::new(store.clone(), changed, keys, limit);
            Ok::<_, StartError>((listener, receiver))
        });
        Ok(Self {
            webhooks: webhooks.transpose()?,
            config,
            registry: Registry::new(),
            health: Health::default(),
            database,
            store,
            scanner,
            inventory,
            notify,
            endpoints,
        })
    }

    /// Returns the store.
    pub fn store(&self) -> &SqliteStore {
        &self.store
    }

    /// Returns the address of `/metrics`.
    ///
    /// # Errors
    /// The operating system does not know it.
    pub fn metrics_address(&self) -> io::Result<SocketAddr> {
        self.endpoints.local_addr()
    }

    /// Returns the address of the webhooks, if they are served.
    ///
    /// # Errors
    /// The operating system does not know it.
    pub fn webhook_address(&self) -> io::Result<Option<SocketAddr>> {
        let listener = self.webhooks.as_ref().map(|(listener, _)| listener);
        listener.map(TcpListener::local_addr).transpose()
    }

    /// Works on the local set of the caller until `stop` ends, and then until running work is
    /// finished or released. `started` runs beside the worker.
    ///
    /// # Errors
    /// The worker can't be created, or a task panicked.
    pub async fn run(
        self,
        stop: impl Future<Output = ()>,
        started: impl AsyncFnOnce(CommandService<'_, ServicePorts>),
    ) -> Result<(), StartError> {
        let (stop_servers, stopping) = watch::channel(false);
        let mut servers = JoinSet::new();
        let endpoints = WorkerEndpoints::new(
            MetricsService::new(self.registry.clone()),
            self.health.clone(),
        );
        spawn_server(&mut servers, self.endpoints, endpoints, &stopping);
        if let Some((listener, webhooks)) = self.webhooks {
            spawn_server(&mut servers, listener, webhooks, &stopping);
        }
        let store = ObservedStore::new(self.store.clone(), self.health.clone());
        let monitor = StoreMonitor::new(
            store.clone(),
            self.database.clone(),
            self.health.clone(),
            self.registry.clone(),
        );
        let mut watchers = JoinSet::new();
        watchers.spawn_local(monitor.run());
        if self.config.roles.contains(&Role::Sweeper) {
            let limits = purge_limits(&self.config);
            watchers.spawn_local(purge_regularly(self.store.clone(), limits));
        }
        let mut stop = std::pin::pin!(stop);
        let name = process_name(&self.config);
        let registered = async { Some(register(&store, &name).await) };
        let stopped = async {
            stop.as_mut().await;
            None
        };
        if let Some(incarnation) = future::or(registered, stopped).await {
            self.health.registered();
            tracing::info!(process = %incarnation.process, number = incarnation.number, "started");
            let planner_queue = SqliteQueue::new(self.database.clone());
            let runner_queue = SqliteQueue::new(self.database);
            let ports = PortSet {
                clock: SystemClock::start(),
                random: SystemRandom::default(),
                store,
                planner_queue: ObservedQueue::new(planner_queue, QueueName::Planner),
                runner_queue: ObservedQueue::new(runner_queue, QueueName::Runner),
                scanner: self.scanner,
                impact_index: self.inventory,
                notify: self.notify,
            };
            let options = self.config.worker;
            let service =
                WorkerService::new(ports, options, incarnation, &self.registry, self.health)?;
            let work = service.run(&self.config.roles, stop);
            let begun = async {
                started(service.commands()).await;
                future::pending().await
            };
            future::or(work, begun).await?;
        }
        watchers.abort_all();
        stop_servers.send_replace(true);
        while servers.join_next().await.is_some() {}
        tracing::info!("stopped");
        Ok(())
    }
}

fn spawn_server(
    servers: &mut JoinSet<()>,
    listener: TcpListener,
    service: impl Respond,
    stopping: &watch::Receiver<bool>,
) {
    let limits = EndpointLimits::default();
    servers.spawn_local(serve(listener, Rc::new(service), limits, stopping.clone()));
}

/// Registers the process, as often as it takes.
async fn register(store: &impl Store, name: &ProcessName) -> IncarnationId {
    loop {
        if let Ok(incarnation) = store.register(name).await {
            return incarnation;
        }
        sleep(REGISTER_INTERVAL).await;
    }
}

/// Returns the ages from which documents go. A process may repeat a commit for as long as a run may
/// last, so its tokens stay for twice that time.
fn purge_limits(config: &ServiceConfig) -> PurgeLimits {
    PurgeLimits {
        documents: config.store.retention.std(),
        tokens: config.worker.run_timeout * 2,
    }
}

/// Returns the configured name, or that of the machine.
fn process_name(config: &ServiceConfig) -> ProcessName {
    #[cfg(unix)]
    let machine = rustix::system::uname()
        .nodename()
        .to_str()
        .ok()
        .map(str::to_owned);
    #[cfg(not(unix))]
    let machine: Option<String> = std::env::var("COMPUTERNAME").ok();
    let name = config.name.clone().or(machine);
    ProcessName::new(
        name.filter(|name| !name.is_empty())
            .unwrap_or_else(|| "worker".to_owned()),
    )
}

fn listen(key: &'static str, address: SocketAddr) -> Result<TcpListener, StartError> {
    listen_at(address).map_err(|error| StartError::Listen {
        key,
        address,
        error,
    })
}

fn scanner(config: &ServiceConfig, secrets: &Secrets) -> Result<ScannerClient, StartError> {
    let section = &config.scanner;
    let Some(url) = &section.url else {
        return Ok(ScannerClient::None(Unavailable));
    };
    let keys = ["scanner.url", "scanner.caFile"];
    let client = client(
        keys,
        url,
        section.allow_loopback,
        section.ca_file.as_deref(),
    )?;
    let options = ScannerOptions {
        token: secrets.scanner_token.clone(),
        max_report_bytes: section.max_report_bytes as usize,
    };
    Ok(ScannerClient::Http(HttpScanner::new(client, &options)?))
}

fn notify(config: &ServiceConfig, secrets: &Secrets) -> Result<NotifyClient, StartError> {
    let section = &config.notify;
    let Some(url) = &section.url else {
        return Ok(NotifyClient::Log(EventLog));
    };
    let keys = ["notify.url", "notify.caFile"];
    let client = client(
        keys,
        url,
        section.allow_loopback,
        section.ca_file.as_deref(),
    )?;
    let webhook = EventWebhook::new(client, secrets.notify_keys.clone());
    Ok(NotifyClient::Webhook(webhook))
}

/// Creates a client; the keys are those of its URL and its file of certificates.
fn client(
    [url_key, ca_key]: [&'static str; 2],
    url: &str,
    allow_loopback: bool,
    ca_file: Option<&Path>,
) -> Result<HttpClient, StartError> {
    let target = TargetUrl::new(url, allow_loopback).map_err(|error| StartError::Url {
        key: url_key,
        error,
    })?;
    let roots = match ca_file {
        Some(path) => TrustedRoots::of_file(path),
        // Without TLS there is nothing to trust.
        None if !target.policy().allows_remote => Ok(TrustedRoots::none()),
        None => TrustedRoots::of_machine(),
    };
    let roots = roots.map_err(|error| StartError::Tls { key: ca_key, error })?;
    Ok(HttpClient::new(target, &roots))
}
