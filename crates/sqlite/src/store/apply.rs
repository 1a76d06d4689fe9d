//! Commits: decided and applied within one transaction.

use rehearsal_worker::model::{Applied, Commit, CommitAnswer, CommitStep, Timestamp};
use rehearsal_worker::ports::{CommitDecision, stamp_runs};
use tokio_rusqlite::rusqlite::{self, Connection};

use super::counters::StoreCounter;
use super::decision::TransactionDocuments;
use super::{active_runs, baselines, intents, outbox, runs, schedules, segments, tokens};

/// Decides on a commit, applies it if there is no objection, and returns the answer.
pub(super) fn commit(
    db: &Connection,
    commit: &Commit,
    now: Timestamp,
) -> rusqlite::Result<CommitAnswer> {
    let stored = TransactionDocuments(db);
    match CommitDecision::of(&stored, commit, now)? {
        CommitDecision::Repeat(answer) | CommitDecision::Declined(answer) => Ok(answer),
        CommitDecision::Apply(applied) => {
            let mut stamped = commit.clone();
            stamp_runs(&stored, &mut stamped, now)?;
            apply(db, &stamped, &applied)?;
            Ok(CommitAnswer::Applied(applied))
        }
    }
}

/// Applies all parts of a stamped commit.
fn apply(db: &Connection, commit: &Commit, applied: &Applied) -> rusqlite::Result<()> {
    let now = applied.at;
    write_runs(db, commit, now)?;
    if let Some(write) = &commit.schedule {
        schedules::write_state(db, &write.id, &write.state)?;
    }
    write_segments(db, commit, now)?;
    if let Some(message) = &commit.intent {
        intents::write(db, message, now)?;
    }
    if let Some(run) = &commit.intent_done {
        intents::remove(db, run)?;
    }
    for run in &commit.intents_requeued {
        intents::requeue(db, run, now)?;
    }
    for event in &commit.events {
        outbox::push(db, event)?;
    }
    if let Some(tenant) = &commit.served {
        runs::serve(db, tenant, StoreCounter::Served.add(db, 1)?)?;
    }
    if let Some((_, handled)) = commit.exports {
        StoreCounter::ExportCursor.set(db, handled)?;
    }
    let incarnation = &commit.token.incarnation;
    if let Some(delta) = commit.active_runs_delta {
        active_runs::count(db, incarnation, delta, now)?;
    }
    if let Some(adoption) = &commit.adoption {
        active_runs::adopt(db, &adoption.from, incarnation, applied.adopted, now)?;
    }
    tokens::insert(db, &commit.token, applied)
}

fn write_runs(db: &Connection, commit: &Commit, now: Timestamp) -> rusqlite::Result<()> {
    for write in &commit.runs {
        let before = runs::read(db, &write.run.id)?.map(|before| before.value);
        schedules::move_backlog(db, before.as_ref(), &write.run)?;
        runs::write(db, before.as_ref(), &write.run, now)?;
        if write.run.state.is_terminal() {
            segments::end(db, &write.run.id)?;
        }
    }
    if let Some((write, impact)) = commit.runs.first().zip(commit.impact.as_ref()) {
        runs::write_impact(db, &write.run, impact)?;
    }
    Ok(())
}

fn write_segments(db: &Connection, commit: &Commit, now: Timestamp) -> rusqlite::Result<()> {
    for segment in &commit.segments {
        segments::insert(db, segment)?;
    }
    let is_requeue = matches!(commit.step, CommitStep::Requeue);
    for key in &commit.release {
        segments::release(db, key, is_requeue, now)?;
    }
    let CommitStep::Segment(step) = &commit.step else {
        return Ok(());
    };
    segments::commit(db, &step.key, &commit.token, &commit.release)?;
    if let Some(run) = runs::read(db, &step.key.run)? {
        for report in &step.reports {
            baselines::commit(db, &run.value.tenant, report, now)?;
        }
    }
    Ok(())
}
