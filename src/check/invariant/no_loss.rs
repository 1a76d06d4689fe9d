//! `no-loss`: every image of a Completed run is committed exactly once, no message vanishes, and no
//! export is forgotten.

use std::time::Duration;

use crate::check::invariant_name::InvariantName::NoLoss;
use crate::check::results::{CheckResults, ViolationDetail};
use crate::check::state::export::ExportRecord;
use crate::check::state::image::NO_SLOT;
use crate::check::state::message::MessageRecord;
use crate::check::state::run::RunWork;
use crate::check::state::table::RunIndex;
use crate::check::state::{AcceptedCommit, WorldState};
use crate::model::commit::SegmentCommit;
use crate::model::observation::{QueueName, QueueStep};
use crate::model::{CommitStep, ImageDigest, RunState};

/// A schedule that was read longer ago than this is not acted upon.
const EXPORT_READ_AGE_MAX: Duration = Duration::from_secs(600);

/// Looks whether a segment commit is about exactly the segment's images, each once. Gives the slot
/// of each report.
pub(crate) fn judge_segment(
    results: &mut CheckResults,
    state: &WorldState,
    run: RunIndex,
    segment: &SegmentCommit,
) -> Vec<u32> {
    let record = &state.runs[run];
    let Some((digests, slots)) = record
        .work
        .as_ref()
        .and_then(|work| images_of(work, segment))
    else {
        let find = |image| state.images.find(record.tenant, image);
        return segment
            .reports
            .iter()
            .map(|report| find(&report.image))
            .collect();
    };
    let in_order = segment.failed.is_empty()
        && segment.reports.len() == digests.len()
        && slots.len() == digests.len();
    if in_order
        && segment
            .reports
            .iter()
            .zip(digests)
            .all(|(report, image)| report.image == *image)
    {
        results.held(NoLoss, 1, 1);
        return slots.to_vec();
    }
    judge_in_any_order(results, segment, digests, slots)
}

fn judge_in_any_order(
    results: &mut CheckResults,
    segment: &SegmentCommit,
    digests: &[ImageDigest],
    slots: &[u32],
) -> Vec<u32> {
    let mut cover = Cover {
        digests,
        seen: vec![false; digests.len()],
        next: 0,
    };
    let mut strange = None;
    let mut found = Vec::with_capacity(segment.reports.len());
    for report in &segment.reports {
        let position = cover.take(&report.image);
        strange = strange.or(position.is_none().then_some(report.image));
        found.push(
            position
                .and_then(|position| slots.get(position))
                .copied()
                .unwrap_or(NO_SLOT),
        );
    }
    cover.next = 0;
    for image in &segment.failed {
        strange = strange.or(cover.take(image).is_none().then_some(*image));
    }
    let missing = cover
        .seen
        .iter()
        .position(|seen| !seen)
        .map(|position| digests[position]);
    results.check(NoLoss, true, strange.is_none() && missing.is_none(), || {
        let (what, image) = match (strange, missing) {
            (Some(image), _) => (
                "an image that is not its own, or was committed before",
                image,
            ),
            (None, image) => (
                "one of its images is neither reported nor failed",
                image.unwrap_or(digests[0]),
            ),
        };
        let done = segment.reports.len() + segment.failed.len();
        ViolationDetail::new(
            format_args!("segment {}", segment.key),
            format_args!("{what}: {image}"),
        )
        .expected(
            format_args!("each of its {} images once", digests.len()),
            format_args!("{done} images"),
        )
    });
    found
}

fn images_of<'w>(
    work: &'w RunWork,
    segment: &SegmentCommit,
) -> Option<(&'w [ImageDigest], &'w [u32])> {
    let record = work.segments.get(segment.key.index as usize)?;
    let range = record.start as usize..(record.start + record.length) as usize;
    let digests = work.digests.as_ref()?.get(range.clone())?;
    Some((digests, work.slots.get(range).unwrap_or_default()))
}

/// Ticks off images that mostly come in order.
struct Cover<'w> {
    digests: &'w [ImageDigest],
    seen: Vec<bool>,
    next: usize,
}

impl Cover<'_> {
    /// The position of an image that was not taken before.
    fn take(&mut self, image: &ImageDigest) -> Option<usize> {
        let count = self.digests.len();
        let position = (self.next..count)
            .chain(0..self.next)
            .find(|position| self.digests[*position] == *image && !self.seen[*position])?;
        self.seen[position] = true;
        self.next = position + 1;
        Some(position)
    }
}

/// Looks whether a run that completes has all its segments. To be called before it is booked.
pub(crate) fn judge_completion(
    results: &mut CheckResults,
    state: &WorldState,
    taken: &AcceptedCommit<'_>,
) {
    for change in &taken.changes {
        let completes = change.after.state == RunState::Completed;
        let was_open = change.before.is_some_and(RunState::is_open);
        let Some(work) = state.runs[change.run]
            .work
            .as_ref()
            .filter(|_| completes && was_open)
        else {
            continue;
        };
        let this = u32::from(matches!(taken.commit.step, CommitStep::Segment(_)));
        let total = work.segments.len() as u32;
        results.check(NoLoss, true, work.committed + this == total, || {
            ViolationDetail::new(
                format_args!("run {}", change.after.id),
                "it is Completed before all its segments are",
            )
            .expected(
                format_args!("{total} segments committed"),
                work.committed + this,
            )
        });
    }
}

/// Looks whether a commit that handles exports makes one run of each for each schedule that
/// subscribes to it. A schedule that has just changed may have been read before or after that.
pub(crate) fn judge_exports(
    results: &mut CheckResults,
    state: &WorldState,
    taken: &AcceptedCommit<'_>,
) {
    let Some((after, until)) = taken.commit.exports else {
        return;
    };
    let exports = state.exports.between(after, until);
    for (index, schedule) in state.schedules.table.iter() {
        let Some(definition) = &schedule.definition else {
            continue;
        };
        let wants = |export: &&ExportRecord| {
            schedule.is_enabled()
                && definition.triggers.contains(&export.trigger)
                && export
                    .tenant
                    .as_ref()
                    .is_none_or(|tenant| *tenant == definition.tenant)
        };
        let due = exports.iter().filter(wants).count();
        let runs = taken.changes.iter().map(|change| &change.after.schedule);
        let made = runs.filter(|id| **id == definition.id).count();
        let has_settled = state.now.since(schedule.changed_at) > EXPORT_READ_AGE_MAX;
        results.check(NoLoss, due > 0, made == due || !has_settled, || {
            let place = format!("schedule {}", state.schedule_name(index));
            let what = format!("exports {} to {until} did not make its runs", after + 1);
            ViolationDetail::new(place, what).expected(due, made)
        });
    }
}

/// Looks whether a message that leaves its queue leaves work behind that nobody will do. `message`
/// as it was, with its own copy counted no more.
pub(crate) fn judge_gone(
    results: &mut CheckResults,
    state: &WorldState,
    message: &MessageRecord,
    step: QueueStep,
) {
    let run = &state.runs[message.run];
    let word = match step {
        QueueStep::DeadLettered => "dead-lettered",
        QueueStep::Dropped => "dropped",
        _ => "acknowledged",
    };
    let is_loss = is_lost(state, message.run, message.segment);
    results.check(NoLoss, true, !is_loss, || {
        let place = match message.segment {
            Some(index) => format!("segment {}", state.segment_name(message.run, index)),
            None => format!("run {}", run.id),
        };
        let what = format!(
            "the last message that asked for its work was {word}, and the work is not done"
        );
        let state = run
            .state
            .map_or("unknown".to_owned(), |state| state.to_string());
        ViolationDetail::new(place, what).expected(
            "the work committed, or the run ended, before that",
            format_args!("a run that is {state}"),
        )
    });
}

/// Looks whether the last message of a cut run, or of a committed segment, leaves behind a segment
/// that the commit has released and nobody has enqueued. `message` as it was, with its own copy
/// counted no more.
pub(crate) fn judge_released(
    results: &mut CheckResults,
    state: &WorldState,
    message: &MessageRecord,
) {
    let Some(work) = &state.runs[message.run].work else {
        return;
    };
    let copies = match message.segment {
        None => Some(work.planner_copies),
        Some(index) => work.segments.get(index as usize).map(|s| s.copies),
    };
    if copies != Some(0) {
        return;
    }
    let releases = work.releases.get(&message.segment);
    for (run, released) in releases.into_iter().flatten() {
        let work = state.runs[*run].work.as_ref();
        let segment = work.and_then(|work| work.segments.get(*released as usize));
        let is_there = segment.is_none_or(|s| s.was_enqueued || s.committed_by.is_some());
        results.check(NoLoss, true, is_there, || {
            let place = format!("segment {}", state.segment_name(*run, *released));
            let by = match message.segment {
                None => format!("run {}", state.run_name(message.run)),
                Some(index) => format!("segment {}", state.segment_name(message.run, index)),
            };
            let what = format!("the commit of {by} has released it, whose message is acknowledged");
            ViolationDetail::new(place, what).expected("it enqueued before that", "it never was")
        });
    }
}

/// Looks whether an enqueue that the queue takes for a duplicate is of work whose message is gone.
pub(crate) fn judge_deduplicated(
    results: &mut CheckResults,
    state: &WorldState,
    run: RunIndex,
    segment: Option<u32>,
) {
    results.check(NoLoss, true, !is_lost(state, run, segment), || {
        let place = match segment {
            Some(index) => format!("segment {}", state.segment_name(run, index)),
            None => format!("run {}", state.run_name(run)),
        };
        let what = "its message was taken for a duplicate of one that is gone";
        ViolationDetail::new(place, what).expected("a key of its own", "that of the first")
    });
}

/// Whether work waits for a message and there is none: of a segment, or of a run's dispatch.
fn is_lost(state: &WorldState, run: RunIndex, segment: Option<u32>) -> bool {
    let record = &state.runs[run];
    let Some(work) = &record.work else {
        return false;
    };
    match segment {
        None => record.state == Some(RunState::Queued) && work.planner_copies == 0,
        Some(index) => work
            .segments
            .get(index as usize)
            .is_some_and(|segment| segment.committed_by.is_none() && segment.copies == 0),
    }
}

/// At quiescence: nothing may be left on a queue.
pub(crate) fn finish(results: &mut CheckResults, state: &WorldState) {
    let left = state.messages.pending;
    for queue in QueueName::ALL {
        let left = left[queue as usize];
        results.check(NoLoss, state.messages.ends.enqueued > 0, left == 0, || {
            ViolationDetail::new(
                format_args!("the {} queue", queue.as_str()),
                "messages were left over",
            )
            .expected(
                "each acknowledged, dead-lettered or dropped",
                format_args!("{left} left"),
            )
        });
    }
}
