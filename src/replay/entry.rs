//! Observations as sentences.

use std::fmt::Display;

use crate::model::commit::CommitRefusal;
use crate::model::observation::{IncarnationEnd, Observation, QueueStep, ScanAnswer};
use crate::model::{
    Commit, CommitAnswer, CommitStep, ImageDigest, IncarnationId, Run, SegmentKey, Timestamp,
};

/// Digits of an image's digest that are shown.
const DIGITS: usize = 10;

/// Something that happened: a line of the trace. Process, subject and event read as a sentence.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TraceEntry {
    /// When, in virtual time.
    pub at: Timestamp,
    /// Who did it: an incarnation of a process, or a part of the world.
    pub process: String,
    /// To what: a run, segment, image, message, lease or port.
    pub subject: String,
    /// What.
    pub event: String,
}

impl TraceEntry {
    /// The sentence for an observation; none for one that tells a person nothing.
    pub fn of(at: Timestamp, observation: &Observation<'_>) -> Option<Self> {
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

/// Process, subject and event.
type EntryText = (String, String, String);

#[allow(
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

/// What processes go through.
fn process_text(observation: &Observation<'_>) -> Option<EntryText> {
    use Observation as O;
    match observation {
        O::IncarnationStarted { incarnation } => entry_text(incarnation, "process", "starts"),
        O::IncarnationEnded { incarnation, end } => {
            let event = match end {
                IncarnationEnd::Stopped => "has stopped in good order",
                IncarnationEnd::Crashed => "is killed",
            };
            entry_text(incarnation, "process", event)
        }
        O::StopRequested { incarnation } => entry_text(incarnation, "process", "is asked to stop"),
        O::Paused { incarnation } => entry_text(incarnation, "process", "stands still"),
        O::Resumed { incarnation } => entry_text(incarnation, "process", "goes on"),
        O::CutOff { process, port } => entry_text(process, port_name(*port), "can't be reached"),
        O::Reconnected { process, port } => {
            entry_text(process, port_name(*port), "can be reached again")
        }
        O::Scraped {
            process,
            incarnation,
            up,
        } => {
            let who = incarnation.map_or(process.to_string(), ToString::to_string);
            let event = match up {
                true => "are scraped",
                false => "can't be scraped: up is 0",
            };
            entry_text(who, "metrics", event)
        }
        _ => None,
    }
}

/// What the world and its people do.
fn world_text(observation: &Observation<'_>) -> Option<EntryText> {
    use Observation as O;
    match observation {
        O::FaultBegan { kind, subject } => {
            entry_text("world", kind.as_str(), format!("begins: {subject}"))
        }
        O::FaultEnded { kind, subject } => {
            entry_text("world", kind.as_str(), format!("ends: {subject}"))
        }
        O::FaultTriggered { kind } => entry_text("world", kind.as_str(), "strikes"),
        O::ScheduleChanged { schedule, change } => {
            let event = format!("schedule {change:?}").to_lowercase();
            entry_text("owner", &schedule.id, event)
        }
        O::CancelRequested { run } => entry_text("owner", run, "asks for it to be cancelled"),
        O::CancelDone { run } => entry_text("owner", run, "is told that it is over"),
        O::CancelDeferred { run, .. } => entry_text("owner", run, "is told to ask again"),
        O::CommandDeferred { command, .. } => entry_text("owner", command, "is told to ask again"),
        O::ManualRunDone {
            schedule,
            occurrence,
            ..
        } => {
            let event = format!("is told that the manual run {occurrence} is made");
            entry_text("owner", schedule, event)
        }
        O::Purged { run } => entry_text("store", run, "purges it"),
        O::Exported {
            sequence,
            tenant,
            trigger,
        } => {
            let whose = tenant.map_or("all tenants", |tenant| tenant.as_str());
            let event = format!("arrives from {} for {whose}", trigger.as_str());
            entry_text("world", format!("export {sequence}"), event)
        }
        O::ImageChanged {
            image,
            revision,
            added,
        } => {
            let event = format!(
                "is at revision {revision} now, with {} new findings",
                added.new_findings
            );
            entry_text("world", short(image), event)
        }
        O::EventPublished { id } => entry_text("notify", format!("event {id}"), "takes it"),
        O::EventForgotten { id } => entry_text("store", format!("event {id}"), "forgets it"),
        _ => None,
    }
}

/// What becomes of commits.
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
            let (incarnation, why) = (&commit.token.incarnation, answer_words(answer));
            let event = format!("answers {} of {incarnation}: {why}", commit_name(commit));
            entry_text("store", commit_subject(commit), event)
        }
        O::CommitAnswerLost { token } => {
            let event = format!("the answer will not reach {}", token.incarnation);
            entry_text("network", format!("commit {}", token.sequence), event)
        }
        O::CommitLearned { commit, answer } => {
            let event = format!(
                "learns of {}: {}",
                commit_name(commit),
                answer_words(answer)
            );
            entry_text(&commit.token.incarnation, commit_subject(commit), event)
        }
        O::AdoptionLearned {
            incarnation,
            surrendered,
        } => {
            let event = match surrendered {
                [0, 0] => "nobody has taken over any of it".into(),
                [analysis, refresh] => format!(
                    "others have taken over {analysis:+} analysisOnly, {refresh:+} contentRefresh"
                ),
            };
            entry_text(incarnation, "balance", event)
        }
        _ => None,
    }
}

/// What processes work at.
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
            entry_text(incarnation, &run.id, "takes it up to plan it")
        }
        O::SegmentBegun {
            incarnation,
            key,
            delivery,
            run,
        } => {
            let event = format!(
                "notes that {incarnation} works delivery {delivery}; {}",
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
            let event = format!("may work at delivery {delivery}: {}", state(*run));
            entry_text(incarnation, key, event)
        }
        O::BacklogRead { incarnation, rows } => {
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
            entry_text("queue", subject, "can't be read by anyone from now on")
        }
        O::LeaseHeld {
            incarnation,
            delivery,
            sent_at,
            lease,
            ..
        } => {
            let until = clock(sent_at.after(*lease));
            let event = format!("may go on until {until}");
            entry_text(incarnation, format!("delivery {delivery}"), event)
        }
        O::PermitsSlow { incarnation } => {
            entry_text(incarnation, "permits", "come so late that they are late")
        }
        O::GivenUp {
            incarnation, queue, ..
        } => entry_text(
            incarnation,
            queue.as_str(),
            "knows that it has given a message up",
        ),
        O::ScanSent { .. } | O::ScanAnswered { .. } => scan_text(observation),
        O::NotifyCalled { incarnation, role } => {
            entry_text(incarnation, "notify", format!("the {role} calls it"))
        }
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
        step_words(*step, *delivery)
    );
    entry_text(
        incarnation.map_or("queue".into(), IncarnationId::to_string),
        subject,
        event,
    )
}

fn step_words(step: QueueStep, delivery: u64) -> String {
    match step {
        QueueStep::Enqueued => "comes onto the queue".into(),
        QueueStep::Deduplicated => "is taken for a repeat: nothing is enqueued".into(),
        QueueStep::Leased { until, attempt } => {
            let until = clock(until);
            format!("is leased until {until}: delivery {delivery}, attempt {attempt}")
        }
        QueueStep::Renewed { until } => {
            format!("stays leased until {}: delivery {delivery}", clock(until))
        }
        QueueStep::Acknowledged => format!("is acknowledged: delivery {delivery}"),
        QueueStep::Released { counted: true } => {
            format!("is handed back, and the attempt counts: delivery {delivery}")
        }
        QueueStep::Released { counted: false } => {
            format!("is handed back, and no attempt counts: delivery {delivery}")
        }
        QueueStep::Expired => format!("is ready again: the lease of delivery {delivery} ran out"),
        QueueStep::DeadLettered => "is set aside as a dead letter".into(),
        QueueStep::Dropped => "is dropped".into(),
        QueueStep::Redriven => "is put back from the dead letters".into(),
        QueueStep::Lost => "is lost: the replica that takes over has not got it".into(),
        QueueStep::RefusedLate => {
            format!("was let go of too late: delivery {delivery} is over, and refused")
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
            late,
            ..
        } => {
            let late = if *late { ", with a late permit" } else { "" };
            let event =
                format!("asks the Scanner for delivery {delivery}, attempt {attempt}{late}");
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
                ScanAnswer::Refused => "refused for good".into(),
                ScanAnswer::Throttled(until) => format!("429, not before {}", clock(*until)),
                ScanAnswer::Failed => "5xx".into(),
                ScanAnswer::Unanswered => "nothing".into(),
            };
            let event = format!("has the Scanner's answer for delivery {delivery}: {answer}");
            entry_text(incarnation, short(image), event)
        }
        _ => None,
    }
}

fn commit_name(commit: &Commit) -> String {
    format!("commit {} ({})", commit.token.sequence, commit.step.name())
}

/// What a commit is about: a segment, a run, a schedule or an incarnation; the first of several.
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
        (_, Some(take_over)) => format!("balance of {}", take_over.from),
        _ => commit.step.name().into(),
    })
}

/// What a commit makes of its runs.
fn moved(commit: &Commit) -> String {
    let states = commit.runs.iter().map(|write| {
        let (state, stats) = (write.run.state, &write.run.stats);
        let done = stats.completed + stats.failed;
        format!("; it is {state} with {done} of {} images", stats.queued)
    });
    states.collect()
}

fn answer_words(answer: &CommitAnswer) -> &'static str {
    match answer {
        CommitAnswer::Applied(_) => "applied",
        CommitAnswer::AppliedByAnother => "applied by another",
        CommitAnswer::Conflict => "a version has moved",
        CommitAnswer::Refused(CommitRefusal::Superseded) => {
            "refused, superseded by a newer delivery"
        }
        CommitAnswer::Refused(CommitRefusal::RunMissing) => "refused, there is no such run",
        CommitAnswer::Refused(CommitRefusal::RunTerminal) => "refused, the run is over",
    }
}

fn state(run: Option<&Run>) -> String {
    run.map_or("the run is gone".into(), |run| {
        format!("the run is {}", run.state)
    })
}

fn port_name(port: crate::model::observation::PortName) -> String {
    format!("{port:?}").to_lowercase()
}

/// An image by the first digits of its digest.
pub(super) fn short(image: &ImageDigest) -> String {
    let digest = image.to_string();
    let digits = digest.trim_start_matches("sha256:");
    format!("image {}", &digits[..DIGITS])
}

/// The time of day of an instant, in UTC, to the millisecond.
pub(super) fn clock(at: Timestamp) -> String {
    at.to_jiff().strftime("%H:%M:%S%.3f").to_string()
}

/// Names a segment's work on a track.
pub(super) fn segment_name(key: &SegmentKey) -> String {
    format!("segment {key}")
}
