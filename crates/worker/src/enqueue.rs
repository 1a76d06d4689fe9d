//! Putting work on the queues.

use super::context::Context;
use super::ports::{PortResult, Ports, Queue};
use crate::model::message::QueueMessage;
use crate::model::{Run, Segment, SegmentMessage};

/// The idempotency key of the `requeued`-th enqueue of a message by repair; 0: the first enqueue.
pub fn idempotency_key(message: &impl QueueMessage, requeued: u32) -> String {
    match requeued {
        0 => message.key(),
        n => format!("{}:{n}", message.key()),
    }
}

/// The message for a segment of a run.
pub fn segment_message(run: &Run, segment: &Segment) -> SegmentMessage {
    SegmentMessage {
        run: run.id.clone(),
        schedule: run.schedule.clone(),
        tenant: run.tenant.clone(),
        index: segment.key.index,
        mode: run.mode,
        digests: segment.digests.clone(),
    }
}

/// Enqueues a message, trying a few times.
///
/// # Errors
/// The queue does not answer. Repair brings the message back.
pub async fn enqueue<P: Ports, M: QueueMessage, Q: Queue<M>>(
    context: &Context<P>,
    queue: &Q,
    message: &M,
    requeued: u32,
) -> PortResult<()> {
    let key = idempotency_key(message, requeued);
    context.retry_bounded(|| queue.enqueue(message, &key)).await
}
