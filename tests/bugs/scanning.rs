//! Defects in the requests to the Scanner and in the handling of its answers.

use std::collections::BTreeMap;

use async_trait::async_trait;
use rehearsal::model::{PermitGrant, PermitRequest, ScanReport, ScheduleId, Timestamp};
use rehearsal::worker::ports::{PortResult, Ports, ScanRequest, Scanner, ScannerError, Store};

use super::per_incarnation::PerIncarnation;
use crate::plant::{Defect, Incarnation};

/// Exchanges one answer of the Scanner for another.
pub struct Misreads(pub fn(ScannerError) -> ScannerError);

#[async_trait(?Send)]
impl Defect for Misreads {
    async fn report(
        &self,
        incarnation: &Incarnation,
        request: &ScanRequest<'_>,
    ) -> Result<ScanReport, ScannerError> {
        incarnation
            .world
            .scanner()
            .report(request)
            .await
            .map_err(self.0)
    }
}

/// Repeats a failed request on the same permit.
pub struct AsksOnceMore;

#[async_trait(?Send)]
impl Defect for AsksOnceMore {
    async fn report(
        &self,
        incarnation: &Incarnation,
        request: &ScanRequest<'_>,
    ) -> Result<ScanReport, ScannerError> {
        let scanner = incarnation.world.scanner();
        match scanner.report(request).await {
            Err(ScannerError::Failed) => scanner.report(request).await,
            answer => answer,
        }
    }
}

/// Applies its own backoff after a failure, also when the Scanner sends Retry-After.
#[derive(Default)]
pub struct OneBackoffForAll(PerIncarnation<bool>);

#[async_trait(?Send)]
impl Defect for OneBackoffForAll {
    async fn report(
        &self,
        incarnation: &Incarnation,
        request: &ScanRequest<'_>,
    ) -> Result<ScanReport, ScannerError> {
        let answer = incarnation.world.scanner().report(request).await;
        self.0.with(&incarnation.id, |has_failed| match answer {
            Err(ScannerError::Throttled(_)) if *has_failed => Err(ScannerError::Failed),
            Err(ScannerError::Failed) => {
                *has_failed = true;
                answer
            }
            answer => answer,
        })
    }
}

/// Treats a permanent refusal as transient when it is not the first answer.
pub struct RefusalOfARetry;

#[async_trait(?Send)]
impl Defect for RefusalOfARetry {
    async fn report(
        &self,
        incarnation: &Incarnation,
        request: &ScanRequest<'_>,
    ) -> Result<ScanReport, ScannerError> {
        match incarnation.world.scanner().report(request).await {
            Err(ScannerError::Refused) if request.attempt > 1 => Err(ScannerError::Failed),
            answer => answer,
        }
    }
}

/// Limits the rate of each schedule per process instead of over all processes.
#[derive(Default)]
pub struct OwnPermits(PerIncarnation<BTreeMap<ScheduleId, Timestamp>>);

#[async_trait(?Send)]
impl Defect for OwnPermits {
    async fn reserve_permits(
        &self,
        incarnation: &Incarnation,
        schedule: &ScheduleId,
        request: PermitRequest,
    ) -> PortResult<PermitGrant> {
        // Only the time is taken from the store; its reservation is not used.
        let store = incarnation.world.store();
        let (count, lead) = (request.count, request.lead);
        let one = PermitRequest {
            count: 1,
            ..request
        };
        let shared = store.reserve_permits(schedule, one);
        let PermitGrant {
            now,
            interval,
            trail,
            ..
        } = shared.await?;
        let first = self.0.with(&incarnation.id, |next| {
            let next = next.entry(schedule.clone()).or_default();
            let first = now.after(lead).max(*next);
            *next = first.after(interval * count + trail);
            first
        });
        Ok(PermitGrant {
            now,
            first,
            interval,
            count,
            trail,
        })
    }
}
