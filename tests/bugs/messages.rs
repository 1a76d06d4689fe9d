//! Defects in the handling of leases and messages.

use std::time::Duration;

use async_trait::async_trait;
use rehearsal::model::observation::QueueName;
use rehearsal::worker::ports::{LeaseAnswer, PortResult};

use super::per_incarnation::PerIncarnation;
use crate::plant::{Defect, Incarnation, Posted};

/// Treats a renewal without an answer as granted.
pub struct AssumesRenewal;

#[async_trait(?Send)]
impl Defect for AssumesRenewal {
    async fn renew(
        &self,
        incarnation: &Incarnation,
        queue: QueueName,
        delivery: u64,
        lease: Duration,
    ) -> PortResult<LeaseAnswer> {
        let answer = incarnation.renew(queue, delivery, lease).await;
        Ok(answer.unwrap_or(LeaseAnswer::Done))
    }
}

/// Renews every fourth time only, a third of a lease after expiry.
#[derive(Default)]
pub struct RenewsAfterExpiry(PerIncarnation<u32>);

#[async_trait(?Send)]
impl Defect for RenewsAfterExpiry {
    async fn renew(
        &self,
        incarnation: &Incarnation,
        queue: QueueName,
        delivery: u64,
        lease: Duration,
    ) -> PortResult<LeaseAnswer> {
        let times = self.0.with(&incarnation.id, |times| {
            *times += 1;
            *times
        });
        match times % 4 {
            0 => incarnation.renew(queue, delivery, lease).await,
            _ => Ok(LeaseAnswer::Done),
        }
    }
}

/// Acknowledges a segment on receipt instead of after its commit.
pub struct AcknowledgesFirst;

#[async_trait(?Send)]
impl Defect for AcknowledgesFirst {
    async fn leased(
        &self,
        incarnation: &Incarnation,
        queue: QueueName,
        delivery: u64,
    ) -> PortResult<()> {
        match queue {
            QueueName::Planner => Ok(()),
            QueueName::Runner => incarnation.acknowledge(queue, delivery).await.map(drop),
        }
    }
}

/// Drops leased messages at shutdown without releasing them.
pub struct DropsWhenStopped;

#[async_trait(?Send)]
impl Defect for DropsWhenStopped {
    async fn release(
        &self,
        incarnation: &Incarnation,
        queue: QueueName,
        delivery: u64,
        delay: Duration,
        counted: bool,
    ) -> PortResult<LeaseAnswer> {
        if delay.is_zero() {
            return Ok(LeaseAnswer::Done);
        }
        incarnation.release(queue, delivery, delay, counted).await
    }
}

/// Treats an outage as a poison message: the delivery counts as an attempt.
pub struct OutageIsPoison;

#[async_trait(?Send)]
impl Defect for OutageIsPoison {
    async fn release(
        &self,
        incarnation: &Incarnation,
        queue: QueueName,
        delivery: u64,
        delay: Duration,
        counted: bool,
    ) -> PortResult<LeaseAnswer> {
        let counted = counted || !delay.is_zero();
        incarnation.release(queue, delivery, delay, counted).await
    }
}

/// Forgets to enqueue a segment that the queue refused after the commit had released it.
pub struct EnqueueForgotten;

#[async_trait(?Send)]
impl Defect for EnqueueForgotten {
    async fn enqueue(
        &self,
        incarnation: &Incarnation,
        posted: Posted<'_>,
        key: &str,
    ) -> PortResult<()> {
        match (incarnation.enqueue(posted, key).await, posted) {
            (Err(_), Posted::Segment(_)) => Ok(()),
            (answer, _) => answer,
        }
    }
}
