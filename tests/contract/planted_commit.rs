//! Planted faults of the store's commits.

use std::sync::Arc;
use std::time::Duration;

use rehearsal::model::commit::BacklogRow;
use rehearsal::model::{Commit, CommitAnswer, CommitRefusal, CommitStep};
use rehearsal::worker::ports::{PortResult, Store, WaitingRun};

use crate::planted::PlantedFault;
use crate::planted_store::PlantedStore;

impl PlantedStore {
    /// Sends a commit with the planted fault.
    pub async fn commit_planted(&self, commit: &Arc<Commit>) -> PortResult<CommitAnswer> {
        let mut sent = Commit::clone(commit);
        match self.planted {
            Some(PlantedFault::CommitWithoutVersionCheck) => {
                self.take_present_versions(&mut sent).await?;
            }
            Some(PlantedFault::BaselineNotChecked) => self.take_baselines(&mut sent).await?,
            Some(PlantedFault::CursorNotChecked) => {
                if let Some((expected, _)) = &mut sent.exports {
                    *expected = self.store.exports(0).await?.value.0;
                }
            }
            Some(PlantedFault::RepeatAppliedAgain) => {
                sent.token.sequence = 1_000 + self.memory.next_unique();
            }
            Some(PlantedFault::NotBeforeIgnored) => self.note_put_off(commit),
            _ => {}
        }
        let images_before = self.images(commit).await?;
        let answer = self.store.commit(&Arc::new(sent)).await?;
        Ok(self.planted_answer(commit, answer, images_before))
    }

    /// Replaces the expected versions by those that are present now.
    async fn take_present_versions(&self, commit: &mut Commit) -> PortResult<()> {
        for write in &mut commit.runs {
            let present = self.store.run(&write.run.id).await?.value;
            write.expected = present.map(|document| document.run.version);
        }
        if let Some(write) = &mut commit.schedule {
            let present = self.store.schedule(&write.id).await?.value;
            write.expected = present.map_or(0, |document| document.state.version);
        }
        Ok(())
    }

    /// Replaces the expected baselines by those that are present now.
    async fn take_baselines(&self, commit: &mut Commit) -> PortResult<()> {
        let CommitStep::Segment(step) = &mut commit.step else {
            return Ok(());
        };
        for report in &mut step.reports {
            let tenant = &commit.runs[0].run.tenant;
            let known = self.store.baselines(tenant, &[report.image]).await?;
            report.expected = known[0].as_ref().map(|known| known.revision);
        }
        Ok(())
    }

    /// Records the runs whose planning a commit puts off.
    fn note_put_off(&self, commit: &Commit) {
        let runs = commit.runs.iter().map(|write| &write.run);
        for run in runs.filter(|run| run.not_before.is_some()) {
            self.memory.put_off.borrow_mut().push(WaitingRun {
                run: run.id.clone(),
                tenant: run.tenant.clone(),
                created_at: run.created_at,
                tenant_served: 0,
            });
        }
    }

    /// Returns the images in the backlog of the commit's first run.
    async fn images(&self, commit: &Commit) -> PortResult<u64> {
        if self.planted != Some(PlantedFault::BacklogBeforeCommit) {
            return Ok(0);
        }
        let rows = self.store.backlog().await?.value.rows;
        let schedule = commit.runs.first().map(|write| &write.run.schedule);
        let row = rows.iter().find(|row| Some(&row.schedule) == schedule);
        Ok(row.map_or(0, |row| row.images))
    }

    /// Returns the answer as the planted fault makes it.
    fn planted_answer(
        &self,
        commit: &Commit,
        mut answer: CommitAnswer,
        images_before: u64,
    ) -> CommitAnswer {
        match (self.planted, &mut answer) {
            (Some(PlantedFault::StampsOutOfOrder), CommitAnswer::Applied(applied)) => {
                let behind = Duration::from_secs(commit.token.sequence % 3);
                applied.at = applied.at.before(behind);
            }
            (Some(PlantedFault::BacklogBeforeCommit), CommitAnswer::Applied(applied)) => {
                if let Some(row) = &mut applied.backlog {
                    row.images = images_before;
                }
            }
            (Some(PlantedFault::BacklogOfDeletedSchedule), CommitAnswer::Applied(applied)) => {
                let row = commit.runs.first().map(|write| BacklogRow {
                    schedule: write.run.schedule.clone(),
                    mode: write.run.mode,
                    images: 0,
                });
                applied.backlog = applied.backlog.take().or(row);
            }
            (Some(PlantedFault::CompletedSegmentConflicts), CommitAnswer::AppliedByAnother) => {
                return CommitAnswer::Conflict;
            }
            (
                Some(PlantedFault::TerminalRunSupersedes),
                CommitAnswer::Refused(refusal @ CommitRefusal::RunTerminal),
            ) => *refusal = CommitRefusal::Superseded,
            _ => {}
        }
        answer
    }
}
