//! Operations on a store, and the commits that they build.

use std::sync::Arc;
use std::time::Duration;

use proptest::prelude::*;
use rehearsal::model::commit::{
    ActiveRunsDelta, EndReason, PlanOutcome, ReportWrite, RunWrite, SegmentCommit,
};
use rehearsal::model::event::EventAttributes;
use rehearsal::model::{
    Commit, CommitStep, CommitToken, Event, EventId, EventKind, EventPayload, ImageDigest,
    ImpactSet, Mode, PermitRequest, PlannerMessage, Run, RunId, RunState, Segment, SegmentKey,
    SegmentOutcome, Timestamp,
};
use rehearsal::worker::ports::RunDocument;

/// Number of runs, half of them in each schedule.
pub const RUNS: usize = 4;

/// Largest number of segments of a run.
pub const SEGMENTS: u32 = 3;

/// Operation of a client.
#[derive(Debug, Clone)]
pub enum StoreAction {
    /// Reads a run, whose version the client's next commits name.
    Read(usize),
    Create(usize),
    /// A commit over the version that the client has read, or reads now.
    Change(usize, RunChange, bool),
    /// The client's last commit again.
    Repeat,
    Requeue(usize, u32),
    Begin(usize, u32, u64),
    Count(Mode, i64),
    Heartbeat {
        stopping: bool,
    },
    Adopt,
    Register(usize),
    MarkIntent(usize),
    Forget(usize),
    Permits(usize, PermitRequest),
    Publish,
    HandleExports,
    Delete(usize),
    Purge {
        units: u32,
    },
    Wait {
        units: u32,
    },
}

/// Change of a run by a commit.
#[derive(Debug, Clone)]
pub enum RunChange {
    Plan {
        images: u64,
    },
    Retry {
        units: u32,
    },
    Dispatch {
        segments: u32,
    },
    Segment {
        index: u32,
        delivery: u64,
        revision: u64,
    },
    End,
}

fn change() -> impl Strategy<Value = RunChange> {
    prop_oneof![
        3 => (0..9_u64).prop_map(|images| RunChange::Plan { images }),
        1 => (0..3_u32).prop_map(|units| RunChange::Retry { units }),
        3 => (1..=SEGMENTS).prop_map(|segments| RunChange::Dispatch { segments }),
        5 => (0..SEGMENTS, 0..4_u64, 1..6_u64).prop_map(|(index, delivery, revision)| {
            RunChange::Segment { index, delivery, revision }
        }),
        1 => Just(RunChange::End),
    ]
}

fn begin() -> impl Strategy<Value = StoreAction> {
    (0..RUNS, 0..SEGMENTS, 1..4_u64)
        .prop_map(|(run, index, delivery)| StoreAction::Begin(run, index, delivery))
}

fn permits() -> impl Strategy<Value = StoreAction> {
    (0..2_usize, 1..5_u32, 0..2_u32).prop_map(|(schedule, count, trail)| {
        let request = PermitRequest {
            rate_per_second: 0.7,
            count,
            lead: Duration::from_millis(50),
            trail: Duration::from_millis(300) * trail,
        };
        StoreAction::Permits(schedule, request)
    })
}

pub fn action() -> impl Strategy<Value = StoreAction> {
    use StoreAction as A;
    let run = || 0..RUNS;
    prop_oneof![
        3 => run().prop_map(A::Read),
        2 => run().prop_map(A::Create),
        20 => (run(), change(), any::<bool>()).prop_map(|(run, change, reads_first)| {
            A::Change(run, change, reads_first)
        }),
        2 => Just(A::Repeat),
        2 => (run(), 0..SEGMENTS).prop_map(|(run, index)| A::Requeue(run, index)),
        2 => begin(),
        1 => (0..2_usize, 1..3_i64).prop_map(|(mode, change)| A::Count(Mode::ALL[mode], change)),
        2 => any::<bool>().prop_map(|stopping| A::Heartbeat { stopping }),
        1 => Just(A::Adopt),
        1 => (0..2_usize).prop_map(A::Register),
        1 => run().prop_map(A::MarkIntent),
        1 => (0..3_usize).prop_map(A::Forget),
        1 => permits(),
        1 => Just(A::Publish),
        1 => Just(A::HandleExports),
        1 => (0..2_usize).prop_map(A::Delete),
        1 => (0..3_u32).prop_map(|units| A::Purge { units }),
        2 => (1..3_u32).prop_map(|units| A::Wait { units }),
    ]
}

impl RunChange {
    /// Returns this change if a run in `state` permits it, or the next step of the pipeline.
    pub fn fitting(&self, state: RunState) -> Self {
        match (state, self) {
            (RunState::Planning, Self::Dispatch { .. } | Self::Segment { .. }) => {
                Self::Plan { images: 6 }
            }
            (RunState::Queued, Self::Plan { .. } | Self::Retry { .. } | Self::Segment { .. }) => {
                Self::Dispatch { segments: 2 }
            }
            (RunState::Running, Self::Plan { .. } | Self::Retry { .. } | Self::Dispatch { .. }) => {
                Self::Segment {
                    index: 0,
                    delivery: 1,
                    revision: 1,
                }
            }
            _ => self.clone(),
        }
    }
}

/// Image with this number.
pub fn image(number: u64) -> ImageDigest {
    let mut bytes = [7; 32];
    bytes[..8].copy_from_slice(&number.to_le_bytes());
    ImageDigest::new(bytes)
}

/// Images of a segment; the segments of all runs have the same.
pub fn images(index: u32) -> [ImageDigest; 2] {
    [0, 1].map(|part| image(u64::from(index) * 2 + part))
}

/// Returns the commit of a change over the version that a client has read; `None` if the state of
/// that version does not permit it.
pub fn commit(
    token: CommitToken,
    document: &RunDocument,
    change: &RunChange,
    revisions: &[Option<u64>],
    not_before: impl Fn(u32) -> Timestamp,
) -> Option<Commit> {
    let mut run = document.run.value.clone();
    let key = |index| SegmentKey {
        run: run.id.clone(),
        index,
    };
    let state = run.state;
    let mut commit = match change {
        RunChange::Plan { images } if state == RunState::Planning => {
            let step = CommitStep::Plan {
                outcome: PlanOutcome::Enqueued,
                as_of: Timestamp::ZERO,
            };
            let mut commit = Commit::new(token, step);
            commit.served = Some(run.tenant.clone());
            commit.intent = Some(intent(&run));
            run.state = RunState::Queued;
            run.stats.queued = *images;
            commit
        }
        RunChange::Retry { units } if state == RunState::Planning => {
            run.planning_attempts += 1;
            run.not_before = Some(not_before(*units));
            Commit::new(token, CommitStep::PlanRetry)
        }
        RunChange::Dispatch { segments } if state == RunState::Queued => {
            let mut commit = Commit::new(token, CommitStep::Dispatch);
            commit.release = vec![key(0)];
            let all = (0..*segments).map(|index| Segment::new(key(index), images(index).into()));
            commit.segments = all.collect();
            commit.intent_done = Some(run.id.clone());
            run.state = RunState::Running;
            run.stats.segments = u64::from(*segments);
            commit
        }
        RunChange::Segment {
            index,
            delivery,
            revision,
        } if state == RunState::Running => {
            let outcome = SegmentOutcome {
                unchanged: 2,
                ..SegmentOutcome::default()
            };
            run.stats.add_segment(&outcome);
            let of_image = |image: ImageDigest, expected: &Option<u64>| ReportWrite {
                image,
                expected: *expected,
                revision: *revision,
                findings: Arc::new([]),
            };
            let expected = revisions.chunks(2).nth(*index as usize)?;
            let step = SegmentCommit {
                key: key(*index),
                outcome,
                reports: images(*index)
                    .into_iter()
                    .zip(expected)
                    .map(|(image, expected)| of_image(image, expected))
                    .collect(),
                deltas: Vec::new(),
                failed: Vec::new(),
            };
            let token = CommitToken {
                delivery: *delivery,
                ..token
            };
            let mut commit = Commit::new(token, CommitStep::Segment(step));
            commit.events = images(*index).map(|image| event(&run, image)).into();
            if u64::from(*index) + 1 < run.stats.segments {
                commit.release = vec![key(index + 1)];
            }
            commit
        }
        RunChange::End if !state.is_terminal() => {
            run.state = RunState::Cancelled;
            Commit::new(token, CommitStep::End(EndReason::Command))
        }
        _ => return None,
    };
    if !matches!(change, RunChange::Plan { .. } | RunChange::Retry { .. }) {
        let mut state = document.schedule.state.value.clone();
        state.cursor = state.cursor.after(Duration::from_secs(1));
        commit.schedule = Some(document.schedule.write(state));
    }
    commit.runs.push(document.write(run));
    Some(commit)
}

/// Returns the commit that creates a run.
pub fn creation(token: CommitToken, run: Run) -> Commit {
    let mut commit = Commit::new(token, CommitStep::Manual);
    commit.runs.push(RunWrite {
        run,
        expected: None,
    });
    commit
}

/// Returns the commit by which repair enqueues a segment and an intent again.
pub fn requeue(token: CommitToken, run: &RunId, index: u32) -> Commit {
    let mut commit = Commit::new(token, CommitStep::Requeue);
    commit.release = vec![SegmentKey {
        run: run.clone(),
        index,
    }];
    commit.intents_requeued = vec![run.clone()];
    commit
}

/// Returns the commit that changes an active-run count.
pub fn count(token: CommitToken, mode: Mode, change: i64) -> Commit {
    let mut commit = Commit::new(token, CommitStep::Requeue);
    commit.active_runs_delta = Some(ActiveRunsDelta { mode, change });
    commit
}

fn intent(run: &Run) -> PlannerMessage {
    PlannerMessage {
        run: run.id.clone(),
        schedule: run.schedule.clone(),
        tenant: run.tenant.clone(),
        impact: ImpactSet::default(),
    }
}

fn event(run: &Run, image: ImageDigest) -> Arc<Event> {
    Arc::new(Event {
        event_id: EventId::of(EventKind::ReportReady, &run.id, &image),
        kind: EventKind::ReportReady,
        tenant: run.tenant.clone(),
        ts: Timestamp::ZERO,
        payload: EventPayload::ReportReady {
            image_digest: image,
            findings: 0,
        },
        attributes: EventAttributes {
            run: run.id.clone(),
            image,
        },
    })
}
