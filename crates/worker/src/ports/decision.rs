//! Decision on a commit, the same in every store.
//!
//! ```text
//!   commit --> applied before? --> segment --> versions --> baselines --> apply
//!                   |                 |            |            |
//!                Repeat               +------- Declined --------+
//! ```

use std::borrow::Cow;

use super::Versioned;
use crate::model::commit::{AdoptOrphanedCount, BacklogRow, DocumentVersion, RunWrite};
use crate::model::{
    Applied, Commit, CommitAnswer, CommitRefusal, CommitStep, CommitToken, ImageDigest, Run, RunId,
    ScheduleId, SegmentKey, TenantId, Timestamp,
};

/// Documents of a store, as far as they decide on a commit.
pub trait StoredDocuments {
    /// Reason why a document was not read.
    type Error;

    /// Returns the answer to the applied commit with this token.
    fn applied(&self, token: &CommitToken) -> Result<Option<Applied>, Self::Error>;

    /// Returns a run with its version.
    fn run(&self, id: &RunId) -> Result<Option<Versioned<Cow<'_, Run>>>, Self::Error>;

    /// Returns what a segment's commit must meet; none if the segment does not exist.
    fn segment_fence(&self, key: &SegmentKey) -> Result<Option<SegmentFence>, Self::Error>;

    /// Returns the version of a schedule, which may be deleted.
    fn schedule_version(&self, id: &ScheduleId) -> Result<Option<DocumentVersion>, Self::Error>;

    /// Returns the images that await a runner, by mode index; none if the schedule is deleted or
    /// never existed.
    fn awaiting(&self, id: &ScheduleId) -> Result<Option<[u64; 2]>, Self::Error>;

    /// Returns the number of the last handled export.
    fn export_cursor(&self) -> Result<u64, Self::Error>;

    /// Returns a function that reads the revision of the baseline of a tenant's image.
    fn revisions<'a>(
        &'a self,
        tenant: &'a TenantId,
    ) -> impl FnMut(&ImageDigest) -> Result<Option<u64>, Self::Error> + 'a;

    /// Returns the active runs that an adoption would move, by mode index; none if the count has
    /// another version.
    fn adoptable(&self, adoption: &AdoptOrphanedCount) -> Result<Option<[i64; 2]>, Self::Error>;
}

/// Conditions on the commit of a segment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SegmentFence {
    /// Newest delivery that began work, by its epoch and then by its number.
    pub delivery: u64,
    /// Whether a commit has completed the segment.
    pub is_committed: bool,
}

/// Decision of a store on a commit.
#[derive(Debug, Clone, PartialEq)]
pub enum CommitDecision {
    /// The commit was applied before; its first answer is repeated.
    Repeat(CommitAnswer),
    /// The commit is not applied.
    Declined(CommitAnswer),
    /// The commit may be applied with this answer.
    Apply(Applied),
}

impl CommitDecision {
    /// Decides on a commit at `now`, and changes nothing.
    ///
    /// # Errors
    /// A document was not read.
    pub fn of<S: StoredDocuments>(
        stored: &S,
        commit: &Commit,
        now: Timestamp,
    ) -> Result<Self, S::Error> {
        if let Some(applied) = stored.applied(&commit.token)? {
            return Ok(Self::Repeat(CommitAnswer::Applied(applied)));
        }
        if let Some(answer) = segment_objection(stored, commit)? {
            return Ok(Self::Declined(answer));
        }
        if let Some(answer) = version_objection(stored, commit)? {
            return Ok(Self::Declined(answer));
        }
        let adopted = match &commit.adoption {
            Some(adoption) => stored.adoptable(adoption)?,
            None => Some([0; 2]),
        };
        let Some(adopted) = adopted else {
            return Ok(Self::Declined(CommitAnswer::Conflict));
        };
        if has_moved_baseline(stored, commit)? {
            return Ok(Self::Declined(CommitAnswer::Conflict));
        }
        Ok(Self::Apply(Applied {
            at: now,
            backlog: backlog_after(stored, commit)?,
            adopted,
        }))
    }
}

/// Returns the objection to a commit whose segment is gone, committed or superseded.
fn segment_objection<S: StoredDocuments>(
    stored: &S,
    commit: &Commit,
) -> Result<Option<CommitAnswer>, S::Error> {
    let CommitStep::Segment(step) = &commit.step else {
        return Ok(None);
    };
    let Some(run) = stored.run(&step.key.run)? else {
        return Ok(Some(CommitAnswer::Refused(CommitRefusal::RunMissing)));
    };
    let Some(fence) = stored.segment_fence(&step.key)? else {
        return Ok(Some(CommitAnswer::Conflict));
    };
    // A repeat of the commit would have been found by its token.
    let objection = if fence.is_committed {
        CommitAnswer::AppliedByAnother
    } else if run.value.state.is_terminal() {
        CommitAnswer::Refused(CommitRefusal::RunTerminal)
    } else if fence.delivery > commit.token.delivery {
        CommitAnswer::Refused(CommitRefusal::Superseded)
    } else {
        return Ok(None);
    };
    Ok(Some(objection))
}

/// Returns the objection to a commit that has read an older version of a document.
fn version_objection<S: StoredDocuments>(
    stored: &S,
    commit: &Commit,
) -> Result<Option<CommitAnswer>, S::Error> {
    for write in &commit.runs {
        let version = stored.run(&write.run.id)?.map(|run| run.version);
        if version.is_none() && write.expected.is_some() {
            return Ok(Some(CommitAnswer::Refused(CommitRefusal::RunMissing)));
        }
        if version != write.expected {
            return Ok(Some(CommitAnswer::Conflict));
        }
    }
    if let Some(write) = &commit.schedule
        && stored.schedule_version(&write.id)? != Some(write.expected)
    {
        return Ok(Some(CommitAnswer::Conflict));
    }
    if let Some((expected, _)) = commit.exports
        && stored.export_cursor()? != expected
    {
        return Ok(Some(CommitAnswer::Conflict));
    }
    Ok(None)
}

/// Returns whether a delta of the commit was computed against another baseline.
fn has_moved_baseline<S: StoredDocuments>(stored: &S, commit: &Commit) -> Result<bool, S::Error> {
    let CommitStep::Segment(step) = &commit.step else {
        return Ok(false);
    };
    let Some(run) = stored.run(&step.key.run)? else {
        return Ok(false);
    };
    let mut revision = stored.revisions(&run.value.tenant);
    for report in &step.reports {
        if revision(&report.image)? != report.expected {
            return Ok(true);
        }
    }
    Ok(false)
}

/// Returns the backlog of the first run's schedule after the commit.
fn backlog_after<S: StoredDocuments>(
    stored: &S,
    commit: &Commit,
) -> Result<Option<BacklogRow>, S::Error> {
    let Some(first) = commit.runs.first() else {
        return Ok(None);
    };
    let (schedule, mode) = (&first.run.schedule, first.run.mode);
    let Some(awaiting) = stored.awaiting(schedule)? else {
        return Ok(None);
    };
    let mut images = awaiting[mode.index()];
    for RunWrite { run, .. } in &commit.runs {
        if run.schedule == *schedule && run.mode == mode {
            let before = stored.run(&run.id)?;
            let fallen = before.map_or(0, |before| before.value.awaiting());
            images = (images + run.awaiting()).saturating_sub(fallen);
        }
    }
    Ok(Some(BacklogRow {
        schedule: schedule.clone(),
        mode,
        images,
    }))
}

/// Stamps the times of the commit's runs, as it is applied at `now`.
///
/// # Errors
/// A run was not read.
pub fn stamp_runs<S: StoredDocuments>(
    stored: &S,
    commit: &mut Commit,
    now: Timestamp,
) -> Result<(), S::Error> {
    for write in &mut commit.runs {
        let previous = stored.run(&write.run.id)?;
        write.stamp(previous.map(|run| run.value.state), now);
    }
    Ok(())
}
