//! Defects in the content of commits.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::sync::Arc;

use async_trait::async_trait;
use rehearsal::model::commit::EndReason;
use rehearsal::model::{
    Applied, Baseline, Commit, CommitAnswer, CommitStep, CommitToken, EventId, ImageDigest, RunId,
    RunState, SegmentKey, TenantId,
};
use rehearsal::worker::ports::{PortResult, Ports, Store};

use super::per_incarnation::PerIncarnation;
use crate::plant::{Defect, Incarnation};

/// Gives each repeat of a commit a token of its own.
#[derive(Default)]
pub struct FreshTokens(RefCell<BTreeMap<CommitToken, u64>>);

/// Distance between the tokens of repeats and those of commits.
const REPEATS: u64 = 1 << 40;

#[async_trait(?Send)]
impl Defect for FreshTokens {
    async fn commit(
        &self,
        incarnation: &Incarnation,
        commit: &Arc<Commit>,
    ) -> PortResult<CommitAnswer> {
        let mut bent = Commit::clone(commit);
        {
            let mut tries = self.0.borrow_mut();
            let tries = tries.entry(commit.token.clone()).or_default();
            bent.token.sequence += *tries * REPEATS;
            *tries += 1;
        }
        incarnation.world.store().commit(&Arc::new(bent)).await
    }
}

/// Commits a segment under the newest delivery in the store, regardless of its holder.
pub struct BorrowedDelivery;

#[async_trait(?Send)]
impl Defect for BorrowedDelivery {
    async fn commit(
        &self,
        incarnation: &Incarnation,
        commit: &Arc<Commit>,
    ) -> PortResult<CommitAnswer> {
        let store = incarnation.world.store();
        let CommitStep::Segment(segment) = &commit.step else {
            return store.commit(commit).await;
        };
        let read = store.segment(&segment.key).await?.value;
        let newest = read.segment.map_or(0, |segment| segment.delivery);
        let mut bent = Commit::clone(commit);
        bent.token.delivery = newest.max(commit.token.delivery);
        store.commit(&Arc::new(bent)).await
    }
}

/// Tenant and digest of an image.
type Owned = (TenantId, ImageDigest);

/// Computes deltas against a remembered report instead of the last committed one.
#[derive(Default)]
pub struct StaleBaseline(PerIncarnation<BTreeMap<Owned, Option<Baseline>>>);

#[async_trait(?Send)]
impl Defect for StaleBaseline {
    async fn baselines(
        &self,
        incarnation: &Incarnation,
        tenant: &TenantId,
        images: &[ImageDigest],
    ) -> PortResult<Vec<Option<Baseline>>> {
        let read = incarnation.world.store().baselines(tenant, images).await?;
        Ok(self.0.with(&incarnation.id, |known| {
            let remembered = images.iter().zip(read).map(|(image, baseline)| {
                let known = known.entry((tenant.clone(), *image));
                known.or_insert(baseline).clone()
            });
            remembered.collect()
        }))
    }

    async fn commit(
        &self,
        incarnation: &Incarnation,
        commit: &Arc<Commit>,
    ) -> PortResult<CommitAnswer> {
        let store = incarnation.world.store();
        let mut bent = Commit::clone(commit);
        let CommitStep::Segment(segment) = &mut bent.step else {
            return store.commit(commit).await;
        };
        let tenant = commit.runs[0].run.tenant.clone();
        let images: Vec<_> = segment.reports.iter().map(|report| report.image).collect();
        let current = store.baselines(&tenant, &images).await?;
        for (report, baseline) in segment.reports.iter_mut().zip(&current) {
            report.expected = baseline.as_ref().map(|baseline| baseline.revision);
        }
        let reports = segment.reports.clone();
        let answer = store.commit(&Arc::new(bent)).await?;
        if let CommitAnswer::Applied(Applied { at, .. }) = answer {
            self.0.with(&incarnation.id, |known| {
                for (report, baseline) in reports.into_iter().zip(current) {
                    let image = report.image;
                    known.insert((tenant.clone(), image), Some(report.baseline(baseline, at)));
                }
            });
        }
        Ok(answer)
    }
}

/// Replaces a newer baseline by an older report.
pub struct BaselineMovedBack;

#[async_trait(?Send)]
impl Defect for BaselineMovedBack {
    async fn commit(
        &self,
        incarnation: &Incarnation,
        commit: &Arc<Commit>,
    ) -> PortResult<CommitAnswer> {
        let mut bent = Commit::clone(commit);
        if let CommitStep::Segment(segment) = &mut bent.step {
            for report in &mut segment.reports {
                report.revision = report.revision.max(report.expected.unwrap_or_default());
            }
        }
        incarnation.world.store().commit(&Arc::new(bent)).await
    }
}

/// Counts a plan that lost against another planner's.
pub struct LoserCounts;

#[async_trait(?Send)]
impl Defect for LoserCounts {
    async fn commit(
        &self,
        incarnation: &Incarnation,
        commit: &Arc<Commit>,
    ) -> PortResult<CommitAnswer> {
        match incarnation.world.store().commit(commit).await {
            Ok(CommitAnswer::Conflict) if matches!(commit.step, CommitStep::Plan { .. }) => {
                Ok(CommitAnswer::Applied(Applied {
                    at: commit.runs[0].run.created_at,
                    backlog: None,
                    adopted: [0; 2],
                }))
            }
            answer => answer,
        }
    }
}

/// Cuts a run in reverse order when it has to try again.
#[derive(Default)]
pub struct CutInAnotherOrder(RefCell<BTreeMap<RunId, CommitToken>>);

#[async_trait(?Send)]
impl Defect for CutInAnotherOrder {
    async fn commit(
        &self,
        incarnation: &Incarnation,
        commit: &Arc<Commit>,
    ) -> PortResult<CommitAnswer> {
        let mut bent = Commit::clone(commit);
        if matches!(commit.step, CommitStep::Dispatch) {
            let run = commit.runs[0].run.id.clone();
            let mut first = self.0.borrow_mut();
            if *first.entry(run).or_insert_with(|| commit.token.clone()) != commit.token {
                for segment in &mut bent.segments {
                    segment.digests = segment.digests.iter().rev().copied().collect();
                }
            }
        }
        incarnation.world.store().commit(&Arc::new(bent)).await
    }
}

/// Does not close the concurrency window of a run that ends early.
pub struct WindowStaysOpen;

#[async_trait(?Send)]
impl Defect for WindowStaysOpen {
    async fn commit(
        &self,
        incarnation: &Incarnation,
        commit: &Arc<Commit>,
    ) -> PortResult<CommitAnswer> {
        let store = incarnation.world.store();
        let mut bent = Commit::clone(commit);
        if let (CommitStep::End(_), Some(write)) = (&commit.step, &mut bent.schedule) {
            let read = store.schedule(&write.id).await?.value;
            let before = read.map(|document| document.state.value.running);
            write.state.running = before.unwrap_or_default();
            bent.release.clear();
        }
        store.commit(&Arc::new(bent)).await
    }
}

/// Dead-letters a poison message without ending its run.
pub struct PoisonLeavesOpen;

#[async_trait(?Send)]
impl Defect for PoisonLeavesOpen {
    async fn commit(
        &self,
        incarnation: &Incarnation,
        commit: &Arc<Commit>,
    ) -> PortResult<CommitAnswer> {
        if !matches!(commit.step, CommitStep::End(EndReason::Poisoned)) {
            return incarnation.world.store().commit(commit).await;
        }
        Ok(CommitAnswer::Applied(Applied {
            at: commit.runs[0].run.created_at,
            backlog: None,
            adopted: [0; 2],
        }))
    }
}

/// Completes a run before its last segment.
pub struct CompleteTooSoon;

#[async_trait(?Send)]
impl Defect for CompleteTooSoon {
    async fn commit(
        &self,
        incarnation: &Incarnation,
        commit: &Arc<Commit>,
    ) -> PortResult<CommitAnswer> {
        let mut bent = Commit::clone(commit);
        if let (CommitStep::Segment(_), Some(write)) = (&commit.step, bent.runs.first_mut()) {
            let stats = &write.run.stats;
            if stats.segments > 2 && stats.segments_completed + 1 == stats.segments {
                write.run.state = RunState::Completed;
            }
        }
        incarnation.world.store().commit(&Arc::new(bent)).await
    }
}

/// Includes the commit attempt in the identity of an event.
#[derive(Default)]
pub struct EventIdOfTheAttempt(RefCell<BTreeMap<SegmentKey, CommitToken>>);

#[async_trait(?Send)]
impl Defect for EventIdOfTheAttempt {
    async fn commit(
        &self,
        incarnation: &Incarnation,
        commit: &Arc<Commit>,
    ) -> PortResult<CommitAnswer> {
        let mut bent = Commit::clone(commit);
        if let CommitStep::Segment(segment) = &commit.step {
            let mut first = self.0.borrow_mut();
            let first = first.entry(segment.key.clone());
            let first = first.or_insert_with(|| commit.token.clone());
            let attempts =
                u128::from(commit.token.sequence - first.sequence.min(commit.token.sequence));
            if first.incarnation == commit.token.incarnation {
                for event in &mut bent.events {
                    let event = Arc::make_mut(event);
                    event.event_id = EventId(event.event_id.0 ^ attempts);
                }
            }
        }
        incarnation.world.store().commit(&Arc::new(bent)).await
    }
}
