//! The Scheduler Worker as a service: everything around the pipelines that needs real time.
//!
//! ```text
//!   one thread, one runtime
//!   ┌──────────────────────────────────────────────────────────────────────┐
//!   │ WorkerService ── tasks of the worker ──> ports ──> store, Scanner, … │
//!   │ WorkerEndpoints ── /metrics, /healthz, /readyz                       │
//!   │ WebhookReceiver ── /events/… ──> store                               │
//!   └──────────────────────────────────────────────────────────────────────┘
//! ```
//!
//! All tasks of a process run on one thread. So no other task runs between the answer of a service
//! and the metrics that it changes, and the worker's futures need not be `Send`. A runtime with
//! several threads was rejected for that: a process scans many images at a time, but it waits for
//! nearly all of that time, and a second process uses a second core.

#![forbid(unsafe_code)]

mod admin_connection;
pub mod client;
pub mod config;
pub mod demo;
mod health;
pub mod http;
mod inventory;
pub mod log;
mod observed_queue;
mod observed_store;
mod retention;
mod store_monitor;
pub mod webhook;
mod worker_process;
mod worker_service;

pub use admin_connection::{AdminConnection, AdminError};
pub use health::{Health, STORE_TIMEOUT};
pub use inventory::{ImageInventory, InventoryError};
pub use observed_queue::ObservedQueue;
pub use observed_store::ObservedStore;
pub use store_monitor::StoreMonitor;
pub use worker_process::{ServicePorts, StartError, WorkerProcess};
pub use worker_service::{ServiceError, WorkerService, run_local};
