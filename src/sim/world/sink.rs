//! Observation sink: passes observations to the trace and to the observer.

use std::cell::{Cell, RefCell};
use std::rc::Rc;

use crate::model::commit::RunWrite;
use crate::model::observation::{Observation, Observer};
use crate::model::{ImageDigest, Timestamp};
use crate::sim::kernel::Handle;

/// Sink that stamps each observation with the virtual time and records it in the trace hash.
pub struct ObservationSink {
    handle: Handle,
    observer: Rc<RefCell<dyn Observer>>,
    /// Whether [`Observation::Settled`] is scheduled.
    is_settling: Cell<bool>,
}

impl ObservationSink {
    /// Builds a sink over `observer`, which must not call back into the world.
    pub fn new(handle: Handle, observer: Rc<RefCell<dyn Observer>>) -> Rc<Self> {
        Rc::new(Self {
            handle,
            observer,
            is_settling: Cell::new(false),
        })
    }

    /// Emits an observation.
    pub fn emit(self: &Rc<Self>, observation: &Observation<'_>) {
        if let Some((kind, subject, detail)) = fingerprint(observation) {
            self.handle.record(kind, subject, detail);
            self.handle.trace(|| format!("{observation:?}"));
        }
        let now = Timestamp::from_nanos(self.handle.now_ns());
        self.observer.borrow_mut().observe(now, observation);
        if moves_sums(observation) {
            self.settle();
        }
    }

    /// Emits [`Observation::Settled`] once the present event of the kernel is over.
    fn settle(self: &Rc<Self>) {
        if self.is_settling.replace(true) {
            return;
        }
        let sink = Rc::clone(self);
        self.handle.schedule_at(self.handle.now_ns(), move || {
            sink.is_settling.set(false);
            sink.emit(&Observation::Settled);
        });
    }
}

/// Returns whether an observation changes sums over all processes.
fn moves_sums(observation: &Observation<'_>) -> bool {
    matches!(
        observation,
        Observation::CommitApplied { .. }
            | Observation::CommitLearned { .. }
            | Observation::AdoptionLearned { .. }
            | Observation::IncarnationEnded { .. }
    )
}

/// Returns the words that enter the trace hash: the number of the variant, which never changes, and
/// two words that distinguish most observations of it. Returns none for answers, of which the trace
/// has the kernel events that bring them, and for counts.
fn fingerprint(observation: &Observation<'_>) -> Option<(u16, u64, u64)> {
    use Observation as O;
    let words = match observation {
        O::AnswerLearned { .. } | O::CallsCounted { .. } | O::ResourcesCounted { .. } => {
            return None;
        }
        O::IncarnationStarted { incarnation } => (
            1,
            text(incarnation.process.as_str()),
            u64::from(incarnation.number),
        ),
        O::IncarnationEnded { incarnation, end } => {
            (2, text(incarnation.process.as_str()), *end as u64)
        }
        O::Paused { incarnation } => (3, text(incarnation.process.as_str()), 0),
        O::Resumed { incarnation } => (4, text(incarnation.process.as_str()), 0),
        O::CutOff { process, port } => (5, text(process.as_str()), *port as u64),
        O::Reconnected { process, port } => (6, text(process.as_str()), *port as u64),
        O::FaultBegan { kind, subject } => (7, *kind as u64, text(subject)),
        O::FaultEnded { kind, subject } => (8, *kind as u64, text(subject)),
        O::FaultTriggered { kind } => (9, *kind as u64, 0),
        O::ScheduleChanged { schedule, change } => (10, text(schedule.id.as_str()), *change as u64),
        O::CancelRequested { run } => (11, text(run.as_str()), 0),
        O::Purged { run } => (12, text(run.as_str()), 0),
        O::Exported { sequence, id, .. } => (13, *sequence, text(id)),
        O::CommitSent { commit } => (14, commit.token.sequence, commit.token.delivery),
        O::CommitApplied { commit, .. } => (
            15,
            commit.token.sequence ^ content(&commit.runs),
            commit.token.delivery,
        ),
        O::CommitDeclined { commit, .. } => (16, commit.token.sequence, commit.token.delivery),
        O::CommitAnswerLost { token } => (17, token.sequence, token.delivery),
        O::CommitLearned { commit, .. } => (18, commit.token.sequence, commit.token.delivery),
        O::PlanningRead { waiting, .. } => (19, waiting.len() as u64, 0),
        O::PlanningBegun { run, .. } => (20, text(run.id.as_str()), 0),
        O::SegmentBegun { key, delivery, .. } => (21, u64::from(key.index), *delivery),
        O::SegmentBegunLearned { key, delivery, .. } => (22, u64::from(key.index), *delivery),
        O::BacklogRead { images, .. } => (23, *images, 0),
        O::AdoptionLearned { surrendered, .. } => (
            24,
            surrendered[0].cast_unsigned(),
            surrendered[1].cast_unsigned(),
        ),
        O::Message {
            delivery, message, ..
        } => (25, *delivery, *message),
        O::LeaseHeld { delivery, .. } => (26, *delivery, 0),
        O::ScanSent {
            image, delivery, ..
        } => (27, head(image), *delivery),
        O::ScanAnswered {
            image, delivery, ..
        } => (28, head(image), *delivery),
        O::ImageChanged {
            image, revision, ..
        } => (29, head(image), *revision),
        O::NotifyCalled { role, .. } => (30, text(role), 0),
        O::EventPublished { event } => {
            let id = event.event_id.0;
            (31, low(id), low(id >> 64))
        }
        O::EventForgotten { id } => (32, low(id.0), low(id.0 >> 64)),
        O::Scraped { process, up, .. } => (33, text(process.as_str()), u64::from(*up)),
        O::Settled => (34, 0, 0),
        O::MessageCorrupted { queue, message } => (35, *queue as u64, *message),
        O::CancelDone { run } => (36, text(run.as_str()), 0),
        O::ManualRunDone { occurrence, .. } => (37, text(occurrence), 0),
        O::RedriveDone { queue, .. } => (44, *queue as u64, 0),
        O::ManualRunRequested {
            schedule,
            occurrence,
            ..
        } => (45, text(occurrence), text(schedule.as_str())),
        O::CancelDeferred { run, .. } => (41, text(run.as_str()), 0),
        O::CommandDeferred { command, .. } => (42, text(command), 0),
        O::StopRequested { incarnation } => (
            38,
            text(incarnation.process.as_str()),
            u64::from(incarnation.number),
        ),
        O::PermitsSlow { incarnation } => (
            40,
            text(incarnation.process.as_str()),
            u64::from(incarnation.number),
        ),
        O::CallSlow {
            incarnation, port, ..
        } => (43, text(incarnation.process.as_str()), *port as u64),
        O::GivenUp {
            incarnation, queue, ..
        } => (39, text(incarnation.process.as_str()), *queue as u64),
    };
    Some(words)
}

/// Returns the hash of all fields of runs, in their order; 0 for no runs.
fn content(runs: &[RunWrite]) -> u64 {
    let hash = |write: &RunWrite| {
        // Serialisation is the same on every platform; `Hash` is not.
        let json = serde_json::to_vec(&write.run).unwrap_or_default();
        xxhash_rust::xxh3::xxh3_64(&json)
    };
    runs.iter()
        .map(hash)
        .fold(0, |all, run| all.rotate_left(1) ^ run)
}

/// Returns the hash of a text.
fn text(text: &str) -> u64 {
    xxhash_rust::xxh3::xxh3_64(text.as_bytes())
}

/// Returns the low half of an identifier.
fn low(id: u128) -> u64 {
    u64::try_from(id & u128::from(u64::MAX)).unwrap_or_default()
}

/// Returns the first 64 bits of a digest.
fn head(image: &ImageDigest) -> u64 {
    let head = image.as_bytes().first_chunk().copied();
    u64::from_le_bytes(head.unwrap_or_default())
}
