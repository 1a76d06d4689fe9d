//! Observations as spans and instants on tracks, one per process.

use std::collections::BTreeMap;

use super::entry::{segment_name, short};
use super::window::ReplayWindow;
use crate::model::observation::{IncarnationEnd, Observation, QueueName, QueueStep};
use crate::model::{Commit, CommitToken, ImageDigest, IncarnationId, RunId, Timestamp};
use crate::sweep::SeedFailure;

/// Tracks of every trace besides those of the processes.
pub(super) const WORLD: &str = "world";
pub(super) const RUNS: &str = "runs";

/// Identity of an open span.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum SpanKey {
    Incarnation(IncarnationId),
    Pause(IncarnationId),
    Fault(&'static str, String),
    Run(RunId),
    Lease(QueueName, u64),
    Segment(IncarnationId, u64),
    Commit(CommitToken),
    Scan(IncarnationId, u64, ImageDigest),
}

impl SpanKey {
    /// Returns the incarnation whose end closes the span.
    fn incarnation(&self) -> Option<&IncarnationId> {
        match self {
            Self::Incarnation(incarnation)
            | Self::Pause(incarnation)
            | Self::Segment(incarnation, _)
            | Self::Scan(incarnation, ..) => Some(incarnation),
            Self::Commit(token) => Some(&token.incarnation),
            Self::Fault(..) | Self::Run(_) | Self::Lease(..) => None,
        }
    }

    /// Returns the category, by which a viewer groups and filters.
    fn category(&self) -> &'static str {
        match self {
            Self::Incarnation(_) => "incarnation",
            Self::Pause(_) => "pause",
            Self::Fault(..) => "fault",
            Self::Run(_) => "run",
            Self::Lease(..) => "lease",
            Self::Segment(..) => "segment",
            Self::Commit(_) => "commit",
            Self::Scan(..) => "scan",
        }
    }
}

/// Span that has not ended.
#[derive(Clone, Debug)]
struct OpenSpan {
    track: String,
    name: String,
    since: Timestamp,
}

/// Span or instant on a track.
#[derive(Clone, Debug)]
pub(super) struct TrackItem {
    pub track: String,
    pub name: String,
    pub category: &'static str,
    pub from: Timestamp,
    /// End of a span. `None`: an instant.
    pub until: Option<Timestamp>,
    /// Reason for the end of the span, or a note.
    pub end: String,
}

/// Spans and instants within a window.
#[derive(Clone, Debug, Default)]
pub(super) struct TraceTracks {
    open: BTreeMap<SpanKey, OpenSpan>,
    items: Vec<TrackItem>,
}

impl TraceTracks {
    /// Adds an observation. A span may have started before the window.
    pub fn add(&mut self, at: Timestamp, observation: &Observation<'_>, window: &ReplayWindow) {
        let mut at = TrackCursor {
            tracks: self,
            at,
            window,
        };
        at.add_incarnation(observation);
        at.add_world(observation);
        at.add_work(observation);
    }

    /// Ends all open spans at the end of the window, and adds the failure.
    pub fn close(&mut self, window: &ReplayWindow, failure: Option<&SeedFailure>) {
        let mut end = TrackCursor {
            tracks: self,
            at: window.until,
            window,
        };
        let open: Vec<SpanKey> = end.tracks.open.keys().cloned().collect();
        open.iter().for_each(|key| end.end(key, "still open"));
        end.at = window.centre;
        if let Some(failure) = failure {
            end.instant(WORLD, &failure.cause.name, "violation", &failure.message);
        }
    }

    /// Returns all spans and instants.
    pub fn items(&self) -> &[TrackItem] {
        &self.items
    }
}

/// Tracks with the time of the current observation.
struct TrackCursor<'a> {
    tracks: &'a mut TraceTracks,
    at: Timestamp,
    window: &'a ReplayWindow,
}

impl TrackCursor<'_> {
    fn begin(&mut self, key: SpanKey, track: impl ToString, name: impl ToString) {
        // A span whose end was not observed ends where it begins again.
        self.end(&key, "began again");
        let open = OpenSpan {
            track: track.to_string(),
            name: name.to_string(),
            since: self.at,
        };
        self.tracks.open.insert(key, open);
    }

    fn end(&mut self, key: &SpanKey, end: &str) {
        let Some(open) = self.tracks.open.remove(key) else {
            return;
        };
        if self.at < self.window.from || open.since > self.window.until {
            return;
        }
        self.tracks.items.push(TrackItem {
            track: open.track,
            name: open.name,
            category: key.category(),
            from: open.since.max(self.window.from),
            until: Some(self.at.min(self.window.until)),
            end: end.to_owned(),
        });
    }

    fn instant(&mut self, track: impl ToString, name: &str, category: &'static str, note: &str) {
        if self.window.contains(self.at) {
            self.tracks.items.push(TrackItem {
                track: track.to_string(),
                name: name.to_owned(),
                category,
                from: self.at,
                until: None,
                end: note.to_owned(),
            });
        }
    }

    fn add_incarnation(&mut self, observation: &Observation<'_>) {
        use Observation as O;
        match observation {
            O::IncarnationStarted { incarnation } => {
                let key = SpanKey::Incarnation((*incarnation).clone());
                self.begin(
                    key,
                    &incarnation.process,
                    format!("incarnation {}", incarnation.number),
                );
            }
            O::IncarnationEnded { incarnation, end } => {
                let how = match end {
                    IncarnationEnd::Stopped => "stopped",
                    IncarnationEnd::Crashed => "killed",
                };
                self.instant(&incarnation.process, how, "incarnation", "");
                let keys = self.tracks.open.keys();
                let ended: Vec<SpanKey> = keys
                    .filter(|key| key.incarnation() == Some(incarnation))
                    .cloned()
                    .collect();
                ended.iter().for_each(|key| self.end(key, how));
            }
            O::Paused { incarnation } => {
                self.begin(
                    SpanKey::Pause((*incarnation).clone()),
                    &incarnation.process,
                    "paused",
                );
            }
            O::Resumed { incarnation } => {
                self.end(&SpanKey::Pause((*incarnation).clone()), "resumed");
            }
            _ => {}
        }
    }

    fn add_world(&mut self, observation: &Observation<'_>) {
        use Observation as O;
        match observation {
            O::FaultBegan { kind, subject } => {
                self.instant(WORLD, kind.as_str(), "fault", subject);
                let key = SpanKey::Fault(kind.as_str(), (*subject).to_owned());
                self.begin(key, WORLD, format!("{} {subject}", kind.as_str()));
            }
            O::FaultEnded { kind, subject } => {
                self.end(
                    &SpanKey::Fault(kind.as_str(), (*subject).to_owned()),
                    "ended",
                );
            }
            O::FaultTriggered { kind } => self.instant(
                WORLD,
                kind.as_str(),
                "fault",
                "affects a call, message or process",
            ),
            O::CommitApplied { commit, .. } => self.move_runs(commit),
            _ => {}
        }
    }

    fn move_runs(&mut self, commit: &Commit) {
        for write in &commit.runs {
            let (id, state) = (&write.run.id, write.run.state);
            let key = SpanKey::Run(id.clone());
            let name = format!("{id} {state}");
            let is_new = self
                .tracks
                .open
                .get(&key)
                .is_none_or(|open| open.name != name);
            if state.is_terminal() {
                self.end(&key, &state.to_string());
                self.instant(RUNS, &name, "run", "");
            } else if is_new {
                self.end(&key, &state.to_string());
                self.begin(key, RUNS, name);
            }
        }
    }

    fn add_work(&mut self, observation: &Observation<'_>) {
        use Observation as O;
        match observation {
            O::CommitSent { commit } => {
                let (incarnation, name) = (&commit.token.incarnation, commit.step.name());
                let key = SpanKey::Commit(commit.token.clone());
                self.begin(key, &incarnation.process, format!("commit {name}"));
            }
            O::CommitAnswerLost { token } => {
                self.end(&SpanKey::Commit((*token).clone()), "answer lost");
            }
            O::CommitLearned { commit, answer } => {
                self.end(
                    &SpanKey::Commit(commit.token.clone()),
                    &format!("{answer:?}"),
                );
            }
            O::SegmentBegunLearned {
                incarnation,
                key,
                delivery,
                ..
            } => {
                let name = segment_name(key);
                self.begin(
                    SpanKey::Segment((*incarnation).clone(), *delivery),
                    &incarnation.process,
                    name,
                );
            }
            O::ScanSent {
                incarnation,
                image,
                delivery,
                ..
            } => {
                let key = SpanKey::Scan((*incarnation).clone(), *delivery, **image);
                self.begin(key, &incarnation.process, format!("scan {}", short(image)));
            }
            O::ScanAnswered {
                incarnation,
                image,
                delivery,
                answer,
                ..
            } => {
                let key = SpanKey::Scan((*incarnation).clone(), *delivery, **image);
                self.end(&key, &format!("{answer:?}"));
            }
            O::Message {
                queue,
                step,
                run,
                segment,
                delivery,
                message,
                incarnation,
                ..
            } => {
                let subject = segment.map_or(run.to_string(), ToString::to_string);
                self.add_message(*queue, *step, (*message, *delivery), *incarnation, &subject);
            }
            _ => {}
        }
    }

    fn add_message(
        &mut self,
        queue: QueueName,
        step: QueueStep,
        (message, delivery): (u64, u64),
        incarnation: Option<&IncarnationId>,
        subject: &str,
    ) {
        let lease = SpanKey::Lease(queue, message);
        let how = match step {
            QueueStep::Leased { .. } => {
                let holder = incarnation.map_or(WORLD, |incarnation| incarnation.process.as_str());
                let name = format!("lease of {subject}, delivery {delivery}");
                return self.begin(lease, holder, name);
            }
            QueueStep::Acknowledged => "acknowledged",
            QueueStep::Released { .. } => "released",
            QueueStep::Expired => "expired",
            QueueStep::DeadLettered | QueueStep::Dropped => "dead-lettered or dropped",
            QueueStep::RefusedLate => "refused as late",
            _ => return,
        };
        // A worker whose lease expired continues until the queue refuses it.
        if step != QueueStep::RefusedLate {
            self.end(&lease, how);
        }
        if let (Some(incarnation), QueueName::Runner) = (incarnation, queue)
            && step != QueueStep::Expired
        {
            self.end(&SpanKey::Segment(incarnation.clone(), delivery), how);
        }
    }
}
