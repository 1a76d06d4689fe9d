//! Observations as readable entries: process, object and event.

use std::fmt::Display;

use crate::model::commit::CommitRefusal;
use crate::model::observation::{IncarnationEnd, Observation, QueueStep, ScanAnswer};
use crate::model::{
    Commit, CommitAnswer, CommitStep, ImageDigest, IncarnationId, Run, SegmentKey, Timestamp,
};

/// Number of digits of an image digest that are shown.
const DIGITS: usize = 10;

/// Entry of the readable trace. Process, subject and event form a sentence.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TraceEntry {
    /// Virtual time.
    pub at: Timestamp,
    /// Actor: an incarnation of a process, or a part of the world.
    pub process: String,
    /// Object: a run, segment, image, message, lease or port.
    pub subject: String,
    /// Description of the event.
    pub event: String,
}

impl TraceEntry {
    /// Creates the entry of an observation; none for observations that are not shown.
    pub fn new(at: Timestamp, observation: &Observation<'_>) -> Option<Self> {
        let (process, subject, event) = process_text(observation)
            .or_else(|| world_text(observation))
            .or_else(|| commit_text(observation))
            .or_else(|| work_text(observation))?;
        Some(Self {
            at,
            process,
            subject,
            event,
        })
    }
}

/// Process, subject and event of an entry.
type EntryText = (String, String, String);

#[expect(
    clippy::unnecessary_wraps,
    reason = "the arms that call it are options"
)]
fn entry_text(
    process: impl Display,
    subject: impl Display,
    event: impl Into<String>,
) -> Option<EntryText> {
    Some((process.to_string(), subject.to_string(), event.into()))
}

/// Describes starts, ends, pauses and scrapes of processes.
fn process_text(observation: &Observation<'_>) -> Option<EntryText> {
    use Observation as O;
    match observation {
        O::IncarnationStarted { incarnation } => entry_text(incarnation, "process", "starts"),
        O::IncarnationEnded { incarnation, end } => {
            let event = match end {
                IncarnationEnd::Stopped => "has stopped gracefully",
                IncarnationEnd::Crashed => "is killed",
            };
            entry_text(incarnation, "process", event)
        }
        O::StopRequested { incarnation } => {
            entry_text(incarnation, "process", "receives a stop request")
        }
        O::Paused { incarnation } => entry_text(incarnation, "process", "is paused"),
        O::Resumed { incarnation } => entry_text(incarnation, "process", "is resumed"),
        O::CutOff { process, port } => entry_text(process, port_name(*port), "is disconnected"),
        O::Reconnected { process, port } => entry_text(process, port_name(*port), "is reconnected"),
        O::Scraped {
            process,
            incarnation,
            up,
        } => {
            let name = incarnation.map_or(process.to_string(), ToString::to_string);
            let event = match up {
                true => "are scraped",
                false => "scrape fails: up is 0",
            };
            entry_text(name, "metrics", event)
        }
        _ => None,
    }
}

/// Describes faults, actions of owners and changes of the world.
fn world_text(observation: &Observation<'_>) -> Option<EntryText> {
    use Observation as O;
    match observation {
        O::FaultBegan { kind, subject } => {
            entry_text("world", kind.as_str(), format!("begins: {subject}"))
        }
        O::FaultEnded { kind, subject } => {
            entry_text("world", kind.as_str(), format!("ends: {subject}"))
        }
        O::FaultTriggered { kind } => {
            entry_text("world", kind.as_str(), "affects a call, message or process")
        }
        O::ScheduleChanged { schedule, change } => {
            let event = format!("schedule {change:?}").to_lowercase();
            entry_text("owner", &schedule.id, event)
        }
        O::CancelRequested { run } => entry_text("owner", run, "requests its cancellation"),
        O::ManualRunRequested {
            schedule,
            occurrence,
            retried,
        } => {
            let event = match retried {
                Some(run) => format!("requests manual run {occurrence}, a retry of {run}"),
                None => format!("requests manual run {occurrence}"),
            };
            entry_text("owner", schedule, event)
        }
        O::CancelDone { run } => {
            entry_text("owner", run, "receives the answer: cancelled or ended")
        }
        O::CancelDeferred { run, .. } => {
            entry_text("owner", run, "receives the answer: retry later")
        }
        O::CommandDeferred { command, .. } => {
            entry_text("owner", command, "receives the answer: retry later")
        }
        O::ManualRunDone {
            schedule,
            occurrence,
            ..
        } => {
            let event = format!("receives the answer: manual run {occurrence} created");
            entry_text("owner", schedule, event)
        }
        O::RedriveDone { queue, .. } => {
            let event = "receives the answer: dead letters put back";
            entry_text("owner", format!("{} queue", queue.as_str()), event)
        }
        O::Purged { run } => entry_text("store", run, "purges the run"),
        O::Exported {
            sequence,
            tenant,
            trigger,
            ..
        } => {
            let scope = tenant.map_or("all tenants", |tenant| tenant.as_str());
            let event = format!("arrives from {} for {scope}", trigger.as_str());
            entry_text("world", format!("export {sequence}"), event)
        }
        O::ImageChanged {
            image,
            revision,
            changes,
        } => {
            let new = changes.iter().filter(|change| change.before.is_none());
            let event = format!(
                "changes to revision {revision}, with {} new findings",
                new.count()
            );
            entry_text("world", short(image), event)
        }
        O::EventPublished { event } => {
            entry_text("notify", format!("event {}", event.event_id), "accepts it")
        }
        O::EventForgotten { id } => {
            entry_text("store", format!("event {id}"), "removes it from the outbox")
        }
        _ => None,
    }
}

/// Describes steps of commits.
fn commit_text(observation: &Observation<'_>) -> Option<EntryText> {
    use Observation as O;
    match observation {
        O::CommitSent { commit } => {
            let event = format!("sends {}", commit_name(commit));
            entry_text(&commit.token.incarnation, commit_subject(commit), event)
        }
        O::CommitApplied { commit, .. } => {
            let incarnation = &commit.token.incarnation;
            let event = format!(
                "applies {} of {incarnation}{}",
                commit_name(commit),
                moved(commit)
            );
            entry_text("store", commit_subject(commit), event)
        }
        O::CommitDeclined { commit, answer } => {
            let (incarnation, why) = (&commit.token.incarnation, answer_text(answer));
            let event = format!("answers {} of {incarnation}: {why}", commit_name(commit));
            entry_text("store", commit_subject(commit), event)
        }
        O::CommitAnswerLost { token } => {
            let event = format!("loses the answer to {}", token.incarnation);
            entry_text("network", format!("commit {}", token.sequence), event)
        }
        O::CommitLearned { commit, answer } => {
            let event = format!(
                "receives the answer to {}: {}",
                commit_name(commit),
                answer_text(answer)
            );
            entry_text(&commit.token.incarnation, commit_subject(commit), event)
        }
        O::AdoptionLearned {
            incarnation,
            surrendered,
        } => {
            let event = match surrendered {
                [0, 0] => "no other process has adopted any of it".into(),
                [analysis, refresh] => format!(
                    "others have adopted {analysis:+} analysisOnly, {refresh:+} contentRefresh"
                ),
            };
            entry_text(incarnation, "active-run count", event)
        }
        _ => None,
    }
}

/// Describes the work of processes.
fn work_text(observation: &Observation<'_>) -> Option<EntryText> {
    use Observation as O;
    match observation {
        O::PlanningRead {
            incarnation,
            waiting,
        } => entry_text(
            incarnation,
            "planner",
            format!("finds {} runs to plan", waiting.len()),
        ),
        O::PlanningBegun { incarnation, run } => {
            entry_text(incarnation, &run.id, "starts planning it")
        }
        O::SegmentBegun {
            incarnation,
            key,
            delivery,
            run,
        } => {
            let event = format!(
                "assigns delivery {delivery} to {incarnation}; {}",
                state(*run)
            );
            entry_text("store", key, event)
        }
        O::SegmentBegunLearned {
            incarnation,
            key,
            delivery,
            run,
        } => {
            let event = format!("starts work on delivery {delivery}: {}", state(*run));
            entry_text(incarnation, key, event)
        }
        O::BacklogRead {
            incarnation, rows, ..
        } => {
            let rows: Vec<String> = rows
                .iter()
                .map(|row| format!("{} {}", row.schedule, row.images))
                .collect();
            entry_text(
                incarnation,
                "backlog",
                format!("reads: {}", rows.join(", ")),
            )
        }
        O::Message { .. } => message_text(observation),
        O::MessageCorrupted { queue, message } => {
            let subject = format!("{} message {message}", queue.as_str());
            entry_text("queue", subject, "is corrupted")
        }
        O::LeaseHeld {
            incarnation,
            delivery,
            sent_at,
            lease,
            ..
        } => {
            let until = clock(sent_at.after(*lease));
            let event = format!("holds the lease until {until}");
            entry_text(incarnation, format!("delivery {delivery}"), event)
        }
        O::PermitsSlow { incarnation } => {
            entry_text(incarnation, "permits", "arrive after the permit tolerance")
        }
        O::CallSlow {
            incarnation,
            port,
            until,
        } => {
            let event = format!("is slow: the answer comes at {}, or never", clock(*until));
            entry_text(incarnation, port_name(*port), event)
        }
        O::GivenUp {
            incarnation, queue, ..
        } => entry_text(
            incarnation,
            queue.as_str(),
            "receives the answer: message given up",
        ),
        O::ScanSent { .. } | O::ScanAnswered { .. } => scan_text(observation),
        O::NotifyCalled {
            incarnation, role, ..
        } => entry_text(incarnation, "notify", format!("is called by the {role}")),
        _ => None,
    }
}

fn message_text(observation: &Observation<'_>) -> Option<EntryText> {
    let Observation::Message {
        queue,
        step,
        run,
        segment,
        delivery,
        message,
        incarnation,
        ..
    } = observation
    else {
        return None;
    };
    let subject = segment.map_or(run.to_string(), ToString::to_string);
    let event = format!(
        "{} message {message} {}",
        queue.as_str(),
        step_text(*step, *delivery)
    );
    entry_text(
        incarnation.map_or("queue".into(), IncarnationId::to_string),
        subject,
        event,
    )
}

fn step_text(step: QueueStep, delivery: u64) -> String {
    match step {
        QueueStep::Enqueued => "is enqueued".into(),
        QueueStep::Deduplicated => "is deduplicated: nothing is enqueued".into(),
        QueueStep::Leased { until, attempt } => {
            let until = clock(until);
            format!("is leased until {until}: delivery {delivery}, attempt {attempt}")
        }
        QueueStep::Renewed { until } => {
            format!("lease renewed until {}: delivery {delivery}", clock(until))
        }
        QueueStep::Acknowledged => format!("is acknowledged: delivery {delivery}"),
        QueueStep::Released { counted: true, .. } => {
            format!("is released, the attempt counts: delivery {delivery}")
        }
        QueueStep::Released { counted: false, .. } => {
            format!("is released, the attempt does not count: delivery {delivery}")
        }
        QueueStep::Expired => format!("is ready: the lease of delivery {delivery} expired"),
        QueueStep::DeadLettered => "becomes a dead letter".into(),
        QueueStep::Dropped => "is dropped".into(),
        QueueStep::Redriven => "is redriven".into(),
        QueueStep::Lost => "is lost in a failover".into(),
        QueueStep::RefusedLate => {
            format!("refuses a late acknowledgement or release of delivery {delivery}")
        }
    }
}

fn scan_text(observation: &Observation<'_>) -> Option<EntryText> {
    match observation {
        Observation::ScanSent {
            incarnation,
            image,
            delivery,
            attempt,
            ..
        } => {
            let event = format!("sends a scan request for delivery {delivery}, attempt {attempt}");
            entry_text(incarnation, short(image), event)
        }
        Observation::ScanAnswered {
            incarnation,
            image,
            delivery,
            answer,
            ..
        } => {
            let answer = match answer {
                ScanAnswer::Report(revision) => format!("a report of revision {revision}"),
                ScanAnswer::Refused => "permanently refused".into(),
                ScanAnswer::Throttled(until) => format!("429, not before {}", clock(*until)),
                ScanAnswer::Failed => "5xx".into(),
                ScanAnswer::TimedOut => "no answer in time".into(),
                ScanAnswer::Unreachable => "no answer: the connection broke".into(),
                ScanAnswer::Abandoned => "no answer: given up".into(),
            };
            let event = format!("receives the scan result of delivery {delivery}: {answer}");
            entry_text(incarnation, short(image), event)
        }
        _ => None,
    }
}

fn commit_name(commit: &Commit) -> String {
    format!("commit {} ({})", commit.token.sequence, commit.step.name())
}

/// Returns the object of a commit: a segment, run, schedule or incarnation; the first of several.
fn commit_subject(commit: &Commit) -> String {
    if let CommitStep::Segment(segment) = &commit.step {
        return segment.key.to_string();
    }
    let run = commit.runs.first().map(|write| write.run.id.to_string());
    let intent = || commit.intents_requeued.first().map(ToString::to_string);
    let release = || commit.release.first().map(ToString::to_string);
    let subject = run.or_else(intent).or_else(release);
    subject.unwrap_or_else(|| match (&commit.step, &commit.adoption) {
        (CommitStep::Fire { schedule, .. }, _) => schedule.to_string(),
        (_, Some(take_over)) => format!("active-run count of {}", take_over.from),
        _ => commit.step.name().into(),
    })
}

/// Returns the states into which a commit moves its runs.
fn moved(commit: &Commit) -> String {
    let states = commit.runs.iter().map(|write| {
        let (state, stats) = (write.run.state, &write.run.stats);
        let done = stats.completed + stats.failed;
        format!(
            "; the run is {state} with {done} of {} images",
            stats.queued
        )
    });
    states.collect()
}

fn answer_text(answer: &CommitAnswer) -> &'static str {
    match answer {
        CommitAnswer::Applied(_) => "applied",
        CommitAnswer::AppliedByAnother => "applied by another",
        CommitAnswer::Conflict => "version conflict",
        CommitAnswer::Refused(CommitRefusal::Superseded) => {
            "refused, superseded by a newer delivery"
        }
        CommitAnswer::Refused(CommitRefusal::RunMissing) => "refused, the run does not exist",
        CommitAnswer::Refused(CommitRefusal::RunTerminal) => "refused, the run has ended",
    }
}

fn state(run: Option<&Run>) -> String {
    run.map_or("the run does not exist".into(), |run| {
        format!("the run is {}", run.state)
    })
}

fn port_name(port: crate::model::observation::PortName) -> String {
    format!("{port:?}").to_lowercase()
}

/// Returns a short name of an image: the first digits of its digest.
pub(super) fn short(image: &ImageDigest) -> String {
    let digest = image.to_string();
    let digits = digest.trim_start_matches("sha256:");
    format!("image {}", &digits[..DIGITS])
}

/// Formats the time of day in UTC, in milliseconds.
pub(super) fn clock(at: Timestamp) -> String {
    at.to_jiff().strftime("%H:%M:%S%.3f").to_string()
}

/// Returns the name of a segment on a track.
pub(super) fn segment_name(key: &SegmentKey) -> String {
    format!("segment {key}")
}
