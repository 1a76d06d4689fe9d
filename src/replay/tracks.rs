//! Observations as spans and instants on tracks: Chrome trace events.
//!
//! Spans overlap (a process works several segments at once), so they are pairs of asynchronous
//! events, which a viewer stacks by itself.

use rehearsal_convert::{Index, Nearest};
use std::collections::BTreeMap;
use std::io;

use serde::Serialize;

use super::ReplayWindow;
use super::entry::{segment_name, short};
use crate::model::observation::{IncarnationEnd, Observation, QueueName, QueueStep};
use crate::model::{Commit, CommitToken, ImageDigest, IncarnationId, RunId, Timestamp};
use crate::sweep::SeedFailure;

/// The tracks that every trace has, besides those of processes.
const WORLD: &str = "world";
const RUNS: &str = "runs";

/// What a span stands for, as long as it is open.
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
    /// The incarnation whose end closes the span.
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

    /// The category, by which a viewer groups and filters.
    fn category(&self) -> &'static str {
        match self {
            Self::Incarnation(_) => "life",
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

/// A span that has not ended.
#[derive(Clone, Debug)]
struct OpenSpan {
    track: String,
    name: String,
    since: Timestamp,
}

/// Something on a track.
#[derive(Clone, Debug)]
struct TrackItem {
    track: String,
    name: String,
    category: &'static str,
    from: Timestamp,
    /// The end of a span; none: an instant.
    until: Option<Timestamp>,
    /// What became of it.
    end: String,
}

/// Spans and instants.
#[derive(Clone, Debug, Default)]
pub(super) struct TraceTracks {
    open: BTreeMap<SpanKey, OpenSpan>,
    marks: Vec<TrackItem>,
}

impl TraceTracks {
    /// Takes an observation. Spans that were open before the window count too.
    pub fn take(&mut self, at: Timestamp, observation: &Observation<'_>, window: &ReplayWindow) {
        let mut at = TrackCursor {
            tracks: self,
            at,
            window,
        };
        at.take_incarnation(observation);
        at.take_world(observation);
        at.take_work(observation);
    }

    /// Ends what is open where the window ends, and marks the failure.
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

    /// Writes the trace file.
    pub fn write(&self, out: impl io::Write) -> io::Result<()> {
        let mut numbers = BTreeMap::from([(WORLD, 1), (RUNS, 2)]);
        for mark in &self.marks {
            let next = numbers.len().index_u32() + 1;
            numbers.entry(&mark.track).or_insert(next);
        }
        let names = numbers
            .iter()
            .map(|(name, pid)| ChromeTraceEvent::name(name, *pid));
        let marks = self.marks.iter().enumerate();
        let events = marks.flat_map(|(id, mark)| mark.events(id, numbers[mark.track.as_str()]));
        let mut trace_events: Vec<ChromeTraceEvent> = names.chain(events).collect();
        trace_events.sort_by(|a, b| a.ts.total_cmp(&b.ts).then(a.pid.cmp(&b.pid)));
        let file = ChromeTrace {
            display_time_unit: "ms",
            trace_events,
        };
        serde_json::to_writer(out, &file).map_err(io::Error::from)
    }
}

/// The tracks at an instant.
struct TrackCursor<'a> {
    tracks: &'a mut TraceTracks,
    at: Timestamp,
    window: &'a ReplayWindow,
}

impl TrackCursor<'_> {
    fn begin(&mut self, key: SpanKey, track: impl ToString, name: impl ToString) {
        // A key that is begun again was ended by something that nobody saw.
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
        self.tracks.marks.push(TrackItem {
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
            self.tracks.marks.push(TrackItem {
                track: track.to_string(),
                name: name.to_owned(),
                category,
                from: self.at,
                until: None,
                end: note.to_owned(),
            });
        }
    }

    fn take_incarnation(&mut self, observation: &Observation<'_>) {
        use Observation as O;
        match observation {
            O::IncarnationStarted { incarnation } => {
                let key = SpanKey::Incarnation((*incarnation).clone());
                self.begin(
                    key,
                    &incarnation.process,
                    format!("life {}", incarnation.number),
                );
            }
            O::IncarnationEnded { incarnation, end } => {
                let how = match end {
                    IncarnationEnd::Stopped => "stopped",
                    IncarnationEnd::Crashed => "killed",
                };
                self.instant(&incarnation.process, how, "life", "");
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
                self.end(&SpanKey::Pause((*incarnation).clone()), "goes on");
            }
            _ => {}
        }
    }

    fn take_world(&mut self, observation: &Observation<'_>) {
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
            O::FaultTriggered { kind } => self.instant(WORLD, kind.as_str(), "fault", "it strikes"),
            O::CommitApplied { commit, .. } => self.move_runs(commit),
            _ => {}
        }
    }

    fn move_runs(&mut self, commit: &Commit) {
        for write in &commit.runs {
            let (id, state) = (&write.run.id, write.run.state);
            let key = SpanKey::Run(id.clone());
            let name = format!("{id} {state}");
            let is_news = self
                .tracks
                .open
                .get(&key)
                .is_none_or(|open| open.name != name);
            if state.is_terminal() {
                self.end(&key, &state.to_string());
                self.instant(RUNS, &name, "run", "");
            } else if is_news {
                self.end(&key, &state.to_string());
                self.begin(key, RUNS, name);
            }
        }
    }

    fn take_work(&mut self, observation: &Observation<'_>) {
        use Observation as O;
        match observation {
            O::CommitSent { commit } => {
                let (incarnation, name) = (&commit.token.incarnation, commit.step.name());
                let key = SpanKey::Commit(commit.token.clone());
                self.begin(key, &incarnation.process, format!("commit {name}"));
            }
            O::CommitAnswerLost { token } => {
                self.end(&SpanKey::Commit((*token).clone()), "the answer is lost");
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
                self.take_message(*queue, *step, (*message, *delivery), *incarnation, &subject);
            }
            _ => {}
        }
    }

    fn take_message(
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
            QueueStep::Released { .. } => "handed back",
            QueueStep::Expired => "expired",
            QueueStep::DeadLettered | QueueStep::Dropped => "set aside",
            QueueStep::RefusedLate => "refused, too late",
            _ => return,
        };
        // Whoever lost a lease may work on, until the queue tells it.
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

impl TrackItem {
    fn events(&self, id: usize, pid: u32) -> Vec<ChromeTraceEvent> {
        let event = |phase, at| ChromeTraceEvent {
            name: self.name.clone(),
            cat: self.category,
            ph: phase,
            ts: micros(at),
            pid,
            tid: pid,
            id: None,
            s: None,
            args: TraceEventArgs::default(),
        };
        let args = TraceEventArgs {
            end: (!self.end.is_empty()).then(|| self.end.clone()),
            name: None,
        };
        match self.until {
            None => {
                // What the world does concerns everybody: a line over all tracks.
                let scope = if pid == 1 { "g" } else { "p" };
                let instant = event("i", self.from);
                vec![ChromeTraceEvent {
                    s: Some(scope),
                    args,
                    ..instant
                }]
            }
            Some(until) => [
                ("b", self.from, args),
                ("e", until, TraceEventArgs::default()),
            ]
            .map(|(phase, at, args)| ChromeTraceEvent {
                id: Some(id.to_string()),
                args,
                ..event(phase, at)
            })
            .into(),
        }
    }
}

/// A trace file.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct ChromeTrace {
    display_time_unit: &'static str,
    trace_events: Vec<ChromeTraceEvent>,
}

/// A Chrome trace event. Its keys are the format's.
#[derive(Serialize)]
struct ChromeTraceEvent {
    name: String,
    cat: &'static str,
    ph: &'static str,
    ts: f64,
    pid: u32,
    tid: u32,
    #[serde(skip_serializing_if = "Option::is_none")]
    id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    s: Option<&'static str>,
    args: TraceEventArgs,
}

/// What a viewer shows of an event that is selected.
#[derive(Default, Serialize)]
struct TraceEventArgs {
    #[serde(skip_serializing_if = "Option::is_none")]
    end: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    name: Option<String>,
}

impl ChromeTraceEvent {
    /// Gives a track its name.
    fn name(track: &str, pid: u32) -> Self {
        Self {
            name: "process_name".into(),
            cat: "__metadata",
            ph: "M",
            ts: 0.0,
            pid,
            tid: pid,
            id: None,
            s: None,
            args: TraceEventArgs {
                name: Some(track.to_owned()),
                end: None,
            },
        }
    }
}

fn micros(at: Timestamp) -> f64 {
    at.nanos().nearest_f64() / 1e3
}
