//! Plain data of the scheduler: identifiers, schedules, runs, impact sets, segments, deltas,
//! events, the store's commits, and the observations that checks receive.
//!
//! Nothing here does I/O, reads a clock or draws a random number. JSON is camelCase with RFC 3339
//! times and `schemaVersion` first; see [`document`].

pub mod calendar;
pub mod catalogue;
pub mod commit;
pub mod delivery;
pub mod delta;
pub mod document;
pub mod event;
pub mod fault;
pub mod ids;
pub mod impact;
pub mod message;
pub mod observation;
pub mod permit;
pub mod port_call;
pub mod run;
pub mod schedule;
pub mod segment;
pub mod shared_list;
pub mod time;

pub use calendar::{Calendar, CalendarError};
pub use catalogue::Catalogue;
pub use commit::{Applied, Commit, CommitAnswer, CommitRefusal, CommitStep, CommitToken};
pub use delivery::DeliveryEpoch;
pub use delta::{
    Baseline, DeltaCounts, DeltaSummary, Finding, FindingChange, FindingState, ScanReport, Severity,
};
pub use event::{Event, EventId, EventKind, EventPayload};
pub use ids::{ImageDigest, IncarnationId, ProcessName, RunId, ScheduleId, TenantId};
pub use impact::{Image, ImpactSet, Selector};
pub use message::{DecodeError, PlannerMessage, SegmentMessage};
pub use permit::{PermitGrant, PermitRequest};
pub use port_call::{CallCount, CallCounts, PortCall};
pub use run::{Run, RunFailure, RunState, RunStats, Trigger};
pub use schedule::{
    Limits, Mode, NotifyPolicy, OnlyIf, OverlapPolicy, RunWindow, Schedule, ScheduleState,
};
pub use segment::{Segment, SegmentKey, SegmentOutcome};
pub use shared_list::SharedList;
pub use time::Timestamp;
