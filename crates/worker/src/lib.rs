//! Planner, dispatcher and runner pipelines of the `StellaOps` Scheduler Worker.
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
//! The pipelines are written once, async, against the traits of [`ports`]. They use no runtime, no
//! clock and no randomness of their own. The same code therefore runs in a deterministic simulator
//! and against real services. Mocks of the services were rejected: they show that the code calls
//! what its author expected, not what happens when an answer is lost.
//!
//! A process is one [`Worker`] and a set of [`WorkerTask`]s. Its launcher spawns a task for each:
//!
//! ```ignore
//! let worker = Arc::new(Worker::new(ports, WorkerOptions::default(), incarnation, metrics)?);
//! for task in worker.tasks(&Role::ALL) {
//!     runtime.spawn(worker.clone().run(task));
//! }
//! ```
//!
//! Plain data is in [`model`], instruments are in [`metrics`]. Both are of use without a worker:
//!
//! ```
//! use rehearsal_worker::model::{Calendar, Timestamp};
//!
//! // Vienna skips 02:00 to 03:00 on this day; the fire moves to the first valid instant.
//! let nightly = Calendar::new("30 2 * * *", "Europe/Vienna")?;
//! let midnight: Timestamp = "2024-03-31T00:00:00Z".parse()?;
//! let fire = nightly.next_after(midnight).expect("it fires daily");
//! assert_eq!(fire.to_string(), "2024-03-31T01:00:00Z");
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

#![forbid(unsafe_code)]

mod context;
pub mod duration;
mod flow;
pub mod metrics;
pub mod model;
pub mod options;
pub mod planning;
pub mod ports;
mod run_lifecycle;
mod scan;
mod services;
mod task;
#[cfg(test)]
mod testing;
mod worker;

pub use services::command::CommandService;
pub use task::{Role, WorkerTask};
pub use worker::Worker;
