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

/// Runs that were accepted and are absent, or are in the store and were not asked for.
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
    let invented = stored.iter().filter(is_invented).map(|id| {
        format!(
            "run {id} is in the store, expected absent, because no command and no export \
                 asked for it"
        )
    });
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

/// Number of commits of an incarnation whose answers it has perhaps not learned.
fn unlearned(incarnation: &EndedIncarnation, journal: &Journal) -> i64 {
    let own = journal.tokens.iter();
    let own = own.filter(|(token, _)| Some(&token.incarnation) == incarnation.id.as_ref());
    let lost = own.filter(|(_, at)| !learned(incarnation, **at));
    lost.count().index_i64()
}

/// Violation of a counter that is not within the numbers of learned and of all commits.
fn miscounted(what: &str, counted: i64, [least, most]: [i64; 2]) -> Option<String> {
    let expected = if least == most {
        format!("{most}, because the journal has as many")
    } else {
        format!(
            "{least} to {most}, because the journal has {most}, of which {least} were answered \
             before the last scrape"
        )
    };
    let is_wrong = !(least..=most).contains(&counted);
    is_wrong.then(|| format!("{what} is {counted}, expected {expected}"))
}

/// Counters and gauges that differ from the journal by more than the commits whose answers were
/// lost with their incarnations.
fn wrong_counters(journal: &Journal, observed: &Observed) -> Vec<String> {
    let incarnations = observed.incarnations.iter();
    let mut violations = wrong_active_counts(journal, observed);
    violations.extend(incarnations.flat_map(|ended| wrong_counters_of(ended, journal)));
    violations.extend(wrong_totals(journal, observed));
    violations
}

/// Counts of active runs of ended incarnations that no process has adopted.
fn wrong_active_counts(journal: &Journal, observed: &Observed) -> Vec<String> {
    let is_at_rest = |id: &String| {
        let mut ended = observed.incarnations.iter();
        ended.any(|ended| ended.id.as_ref() == Some(id) && ended.end == End::AtRest)
    };
    let orphaned = journal.active.iter().filter(|(id, _)| !is_at_rest(id));
    orphaned
        .map(|(id, count)| {
            format!(
                "the count of active runs of {id} is {count}, expected 0, because the incarnation \
                 has ended and another process adopts its count"
            )
        })
        .collect()
}

/// Counters of one incarnation.
fn wrong_counters_of(incarnation: &EndedIncarnation, journal: &Journal) -> Vec<String> {
    let Some(id) = &incarnation.id else {
        return Vec::new();
    };
    // Of the commits that were learned, and of all.
    let (mut segments, mut images) = ([0, 0], [0, 0]);
    for (segment, token) in journal.runs.iter().flat_map(committed) {
        let at = journal.tokens.get(token);
        if let Some(at) = at.filter(|_| token.incarnation == *id) {
            let is_learned = i64::from(learned(incarnation, *at));
            let count = segment.images.len().index_i64();
            segments = [segments[0] + is_learned, segments[1] + 1];
            images = [images[0] + is_learned * count, images[1] + count];
        }
    }
    let end = incarnation.end;
    let counters = [
        (
            "scheduler_runner_segments_total",
            "status=\"Completed\"",
            segments,
        ),
        ("scheduler_runner_images_total", "", images),
    ];
    let mut violations: Vec<String> = counters
        .into_iter()
        .filter_map(|(name, label, expected)| {
            let counted = incarnation.sum(name, label);
            miscounted(&format!("{name} of {id} ({end:?})"), counted, expected)
        })
        .collect();
    if end == End::AtRest {
        let active = journal.active.get(id).copied().unwrap_or_default();
        let what = format!("{ACTIVE} of {id}");
        violations.extend(miscounted(&what, incarnation.sum(ACTIVE, ""), [active; 2]));
    }
    violations
}

/// Counters that only their sum over all incarnations compares with the journal.
fn wrong_totals(journal: &Journal, observed: &Observed) -> Vec<String> {
    let incarnations = || observed.incarnations.iter();
    let unlearned: i64 = incarnations().map(|ended| unlearned(ended, journal)).sum();
    let runs = |is_counted: fn(&StoredRun) -> bool| {
        let counted = journal.runs.iter().filter(|run| is_counted(run));
        counted.count().index_i64()
    };
    let planned = runs(is_planned);
    let completed = runs(|run| run.state() == "completed");
    let findings = journal.revisions;
    // Each commit may have had any number of findings.
    let findings_least = if unlearned == 0 { findings } else { 0 };
    let totals = [
        ("scheduler_runner_delta_total", [findings_least, findings]),
        (
            "scheduler_planner_runs_total",
            [planned - unlearned, planned],
        ),
        (
            "scheduler_run_duration_seconds_count",
            [completed - unlearned, completed],
        ),
    ];
    let wrong = totals.into_iter().filter_map(|(name, expected)| {
        let counted = incarnations().map(|ended| ended.sum(name, "")).sum();
        let what = format!("the sum of {name} over all incarnations");
        miscounted(&what, counted, expected)
    });
    wrong.collect()
}
