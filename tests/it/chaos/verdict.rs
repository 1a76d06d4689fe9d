//! Conditions that hold when everything is done. A violation is `<object> is X, expected Y, because
//! Z`.

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use rehearsal_convert::Index;

use super::incarnation::{ACTIVE, End, EndedIncarnation};
use super::inventory::is_refused;
use super::journal::{Journal, StoredRun, StoredSegment, Token};
use super::load::Accepted;
use super::receiver::Received;

/// Observations from outside of the store.
pub struct Observed {
    pub accepted: Accepted,
    pub received: Received,
    pub incarnations: Vec<EndedIncarnation>,
}

/// Violations of everything that must hold.
pub fn violations(journal: &Journal, observed: &Observed) -> Vec<String> {
    let mut violations = Vec::new();
    for run in &journal.runs {
        violations.extend(unfinished(run));
        if run.state() == "completed" {
            violations.extend(incomplete(run));
        }
        violations.extend(wrong_stats(run));
    }
    violations.extend(leftovers(journal));
    violations.extend(doubled_commits(journal));
    violations.extend(lost_or_invented_runs(journal, &observed.accepted));
    violations.extend(uncounted_findings(journal));
    violations.extend(wrong_events(journal, &observed.received));
    violations.extend(overcounted_events(observed));
    violations.extend(wrong_counters(journal, observed));
    violations
}

fn unfinished(run: &StoredRun) -> Option<String> {
    let error = &run.document["error"];
    if !run.is_terminal() {
        let state = run.state();
        return Some(format!(
            "{} is {state}, expected a final state, because three processes without a \
             disturbance had time to work until nothing moved any more",
            run.id
        ));
    }
    (run.state() == "error").then(|| {
        format!(
            "{} is in the state error ({error}), expected completed or cancelled, because no \
             disturbance lasts as long as the limits of attempts",
            run.id
        )
    })
}

/// Images of a completed run that are not committed exactly once.
fn incomplete(run: &StoredRun) -> Vec<String> {
    let mut violations = Vec::new();
    let mut times: BTreeMap<&str, u32> = BTreeMap::new();
    for image in &run.planned {
        times.insert(image, 0);
    }
    for segment in &run.segments {
        if segment.committed_by.is_none() {
            violations.push(format!(
                "segment {} of {} is uncommitted, expected a commit, because the run is completed",
                segment.position, run.id
            ));
            continue;
        }
        for image in &segment.images {
            *times.entry(image).or_default() += 1;
        }
    }
    for (image, times) in times.into_iter().filter(|(_, times)| *times != 1) {
        violations.push(format!(
            "image {image} of {} is committed {times} times, expected once, because the run is \
             completed",
            run.id
        ));
    }
    violations
}

fn committed(run: &StoredRun) -> impl Iterator<Item = (&StoredSegment, &Token)> {
    let segments = run.segments.iter();
    segments.filter_map(|segment| Some((segment, segment.committed_by.as_ref()?)))
}

/// Statistics of a run that differ from its segments: each commit must add to them once.
fn wrong_stats(run: &StoredRun) -> Vec<String> {
    let images = committed(run).flat_map(|(segment, _)| &segment.images);
    let (failed, completed): (Vec<_>, Vec<_>) = images.partition(|image| is_refused(image));
    let expected = [
        ("segmentsCompleted", committed(run).count()),
        ("completed", completed.len()),
        ("failed", failed.len()),
        ("segments", run.segments.len()),
    ];
    let wrong = expected
        .into_iter()
        .filter(|(key, count)| run.stat(key) != count.index_i64());
    let texts = wrong.map(|(key, count)| {
        format!(
            "{key} of {} is {}, expected {count}, because that is the number in its segments",
            run.id,
            run.stat(key)
        )
    });
    texts.collect()
}

/// Work that is left although nothing moves any more.
fn leftovers(journal: &Journal) -> Vec<String> {
    let left = journal.left.iter().filter(|(_, rows)| **rows > 0);
    let mut violations: Vec<String> = left
        .map(|(table, rows)| {
            format!(
                "the number of rows in `{table}` is {rows}, expected 0, because all runs are over \
                 and nothing disturbs their messages and events"
            )
        })
        .collect();
    let active: i64 = journal.active.values().sum();
    if active != 0 {
        violations.push(format!(
            "the sum of active runs over all incarnations is {active}, expected 0, because no run \
             is open"
        ));
    }
    violations
}

/// Segments without a journal entry, and entries that complete two segments.
fn doubled_commits(journal: &Journal) -> Vec<String> {
    let mut violations = Vec::new();
    let mut seen = BTreeSet::new();
    for run in &journal.runs {
        for (segment, token) in committed(run) {
            let place = format!("segment {} of {}", segment.position, run.id);
            if !journal.tokens.contains_key(token) {
                violations.push(format!(
                    "the token {token:?} of {place} is unknown, expected an entry in the table of \
                     tokens, because the entry is written with the commit"
                ));
            }
            if !seen.insert(token) {
                violations.push(format!(
                    "the token {token:?} of {place} is that of another segment, too, expected one \
                     segment, because a commit completes one"
                ));
            }
        }
    }
    violations
}

/// Runs that were accepted and are not there, or are there and were not asked for.
fn lost_or_invented_runs(journal: &Journal, accepted: &Accepted) -> Vec<String> {
    let stored: BTreeSet<&str> = journal.runs.iter().map(|run| run.id.as_str()).collect();
    let expected = accepted.runs.iter().chain(&accepted.export_runs);
    let lost = expected.filter(|id| !stored.contains(id.as_str())).map(|id| {
        format!(
            "{id} is absent, expected a run, because its command or its export was answered with \
             success"
        )
    });
    let asked: BTreeSet<&str> = accepted.asked.iter().map(String::as_str).collect();
    let is_invented = |id: &&&str| !id.contains(":cron:") && !asked.contains(**id);
    let invented = stored
        .iter()
        .filter(is_invented)
        .map(|id| format!("{id} is there, expected no such run, because nobody asked for it"));
    lost.chain(invented).collect()
}

/// New findings that are counted twice or not at all: the baseline of an image had revision 0 when
/// the disturbances began, and each revision has one finding more.
fn uncounted_findings(journal: &Journal) -> Option<String> {
    let counted: i64 = journal.runs.iter().map(|run| run.stat("newFindings")).sum();
    (counted != journal.revisions).then(|| {
        format!(
            "the sum of new findings over all runs is {counted}, expected {}, because that is the \
             number of findings by which the baselines have grown",
            journal.revisions
        )
    })
}

/// Reports that were committed and not announced, or announced and not committed.
fn wrong_events(journal: &Journal, received: &Received) -> Vec<String> {
    let mut violations: Vec<String> = received
        .ambiguous
        .iter()
        .map(|id| {
            format!(
                "the event {id} is not the same in all deliveries, expected one content, because \
                 an image is committed once in a run"
            )
        })
        .collect();
    let mut committed_images = BTreeSet::new();
    for run in &journal.runs {
        let images = committed(run).flat_map(|(segment, _)| &segment.images);
        let reported = images.filter(|image| !is_refused(image));
        committed_images.extend(reported.map(|image| (run.id.clone(), image.clone())));
    }
    let (mut announced, mut new_findings, mut ready) = (BTreeSet::new(), 0, 0);
    for event in received.events.values() {
        match event.new_findings {
            Some(count) => new_findings += count,
            None => {
                ready += 1;
                announced.insert((event.run.clone(), event.image.clone()));
            }
        }
    }
    for (run, image) in committed_images.symmetric_difference(&announced) {
        let (is, expected) = match announced.contains(&(run.clone(), image.clone())) {
            true => ("announced", "no event, because no commit has it"),
            false => ("not announced", "an event, because its report is committed"),
        };
        violations.push(format!(
            "image {image} of {run} is {is}, expected {expected}"
        ));
    }
    if ready != announced.len() {
        violations.push(format!(
            "the number of identifiers of report events is {ready}, expected {}, because each \
             image of a run has one",
            announced.len()
        ));
    }
    let counted: i64 = journal.runs.iter().map(|run| run.stat("newFindings")).sum();
    if new_findings != counted {
        violations.push(format!(
            "the sum of new findings over all events is {new_findings}, expected {counted}, \
             because that is what the runs count"
        ));
    }
    violations
}

/// Events that were counted as published and did not arrive.
fn overcounted_events(observed: &Observed) -> Option<String> {
    let name = "scheduler_events_published_total";
    let incarnations = observed.incarnations.iter();
    let counted: i64 = incarnations.map(|ended| ended.sum(name, "")).sum();
    let accepted = observed.received.deliveries;
    (counted > accepted).then(|| {
        format!(
            "the sum of {name} over all incarnations is {counted}, expected at most {accepted}, \
             because the receiver has accepted as many deliveries"
        )
    })
}

/// Part of the journal that an incarnation has certainly learned.
fn learned(incarnation: &EndedIncarnation, applied_at: Duration) -> bool {
    if incarnation.end == End::AtRest {
        return true;
    }
    let asked_at = incarnation.last.as_ref().map(|last| last.asked_at);
    let asked_at = asked_at.and_then(|at: SystemTime| at.duration_since(UNIX_EPOCH).ok());
    asked_at.is_some_and(|at| applied_at + incarnation.slack < at)
}

/// Whether a planner ended the planning, and not an operator.
fn is_planned(run: &StoredRun) -> bool {
    let has_left = !run.document["plannedAt"].is_null();
    has_left && (run.state() != "cancelled" || !run.planned.is_empty())
}

/// Counters whose sum is not what the journal has, but for commits whose answer was lost with the
/// incarnation.
fn wrong_counters(journal: &Journal, observed: &Observed) -> Vec<String> {
    let mut violations = Vec::new();
    let mut judge = |what: String, counted: i64, least: i64, most: i64| {
        if !(least..=most).contains(&counted) {
            violations.push(format!(
                "{what} is {counted}, expected {least} to {most}, because the journal has {most}, \
                 of which {least} were answered before the last scrape"
            ));
        }
    };
    for (id, active) in &journal.active {
        let is_own = |ended: &&EndedIncarnation| ended.id.as_ref() == Some(id);
        let end = observed
            .incarnations
            .iter()
            .find(is_own)
            .map(|ended| ended.end);
        if end != Some(End::AtRest) {
            judge(
                format!("the count of active runs of {id} ({end:?})"),
                *active,
                0,
                0,
            );
        }
    }
    let mut unlearned = 0;
    let mut totals = [0; 3];
    for incarnation in &observed.incarnations {
        let Some(id) = &incarnation.id else { continue };
        let is_own = |token: &Token| token.incarnation == *id;
        let own = journal.tokens.iter().filter(|(token, _)| is_own(token));
        unlearned += own
            .filter(|(_, at)| !learned(incarnation, **at))
            .count()
            .index_i64();
        let (mut segments, mut images) = ([0, 0], [0, 0]);
        for (segment, token) in journal.runs.iter().flat_map(committed) {
            if let Some(at) = journal.tokens.get(token).filter(|_| is_own(token)) {
                let is_learned = i64::from(learned(incarnation, *at));
                segments = [segments[0] + is_learned, segments[1] + 1];
                let count = segment.images.len().index_i64();
                images = [images[0] + is_learned * count, images[1] + count];
            }
        }
        let end = incarnation.end;
        let counted = incarnation.sum("scheduler_runner_segments_total", "status=\"Completed\"");
        let what = format!("scheduler_runner_segments_total of {id} ({end:?})");
        judge(what, counted, segments[0], segments[1]);
        let counted = incarnation.sum("scheduler_runner_images_total", "");
        let what = format!("scheduler_runner_images_total of {id} ({end:?})");
        judge(what, counted, images[0], images[1]);
        if end == End::AtRest {
            let active = journal.active.get(id).copied().unwrap_or_default();
            let counted = incarnation.sum(ACTIVE, "");
            judge(format!("{ACTIVE} of {id}"), counted, active, active);
        }
        totals[0] += incarnation.sum("scheduler_runner_delta_total", "");
        totals[1] += incarnation.sum("scheduler_planner_runs_total", "");
        totals[2] += incarnation.sum("scheduler_run_duration_seconds_count", "");
    }
    let planned = journal.runs.iter().filter(|run| is_planned(run));
    let completed = journal.runs.iter().filter(|run| run.state() == "completed");
    let (planned, completed) = (planned.count().index_i64(), completed.count().index_i64());
    let findings = journal.revisions;
    let [deltas, planner_runs, durations] = totals;
    let sum = |name: &str| format!("the sum of {name} over all incarnations");
    // Each of the commits may have had any number of findings.
    let least = if unlearned == 0 { findings } else { 0 };
    judge(sum("scheduler_runner_delta_total"), deltas, least, findings);
    let least = planned - unlearned;
    judge(
        sum("scheduler_planner_runs_total"),
        planner_runs,
        least,
        planned,
    );
    let least = completed - unlearned;
    judge(
        sum("scheduler_run_duration_seconds_count"),
        durations,
        least,
        completed,
    );
    violations
}
