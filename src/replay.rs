//! Replay of a failure: runs a saved case again and records what each process, message, lease and
//! run did around the first violation.
//!
//! ```text
//!  bug file ──run──> does it still fail, with the same cause and trace?
//!                       │ yes, at an instant
//!                       ▼
//!           run again, observations around that instant recorded
//!                       ├──> entries in columns, for a terminal
//!                       └──> spans and instants on tracks, for Perfetto
//! ```

mod case;
mod chrome_trace;
mod entry;
mod observation_log;
mod search;
mod text;
mod tracks;
mod window;

pub use case::ReplayCase;
pub use entry::TraceEntry;
pub use search::{Replay, ReplayExcerpt, ReplayOutcome};
pub use text::text;
pub use window::ReplayWindow;
