//! A failure again: what each process, message, lease and run did around its first violation.
//!
//! ```text
//!  bug file ──rehearsed──> does it fail still, of the same cause, with the same trace?
//!                             │ yes: when?
//!                             ▼
//!           rehearsed again, every observation around that instant kept
//!                             ├──> sentences in columns, for a terminal
//!                             └──> spans and instants on tracks, for Perfetto
//! ```

mod case;
mod entry;
mod observation_log;
mod search;
mod text;
mod tracks;

pub use case::ReplayCase;
pub use entry::TraceEntry;
pub use search::{Replay, ReplayExcerpt, ReplayOutcome, ReplayWindow};
pub use text::text;
