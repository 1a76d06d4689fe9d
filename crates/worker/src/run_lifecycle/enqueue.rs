//! Messages for the queues, and their idempotency keys.

use crate::context::WorkerContext;
use crate::model::message::QueueMessage;
use crate::model::{Run, Segment, SegmentMessage};
use crate::ports::{PortResult, Ports, Queue};

/// Returns the idempotency key of the `requeued`-th enqueue of a message by repair; 0 is the first
/// enqueue. Repair needs a key of its own, or the queue would drop its message as a duplicate.
pub fn idempotency_key(message: &impl QueueMessage, requeued: u32) -> String {
    match requeued {
        0 => message.key(),
        n => format!("{}:{n}", message.key()),
    }
}

/// Returns the message for a segment of a run.
pub fn segment_message(run: &Run, segment: &Segment) -> SegmentMessage {
    debug_assert_eq!(run.id, segment.key.run, "the segment is one of the run");
    SegmentMessage {
        run: run.id.clone(),
        schedule: run.schedule.clone(),
        tenant: run.tenant.clone(),
        index: segment.key.index,
        mode: run.mode,
        digests: segment.digests.clone(),
    }
}

/// Enqueues a message, in a bounded number of attempts.
///
/// # Errors
/// The queue does not answer. Repair brings the message back.
pub async fn enqueue<P: Ports, M: QueueMessage, Q: Queue<M>>(
    context: &WorkerContext<P>,
    queue: &Q,
    message: &M,
    requeued: u32,
) -> PortResult<()> {
    let key = idempotency_key(message, requeued);
    context.retry_bounded(|| queue.enqueue(message, &key)).await
}
