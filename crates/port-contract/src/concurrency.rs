//! Futures that are polled together or dropped early.

use std::future::{Future, poll_fn};
use std::pin::{Pin, pin};
use std::task::Poll;

/// Waits for all futures, and returns their outputs in the order of the futures.
pub(crate) async fn join_all<F: Future>(futures: impl IntoIterator<Item = F>) -> Vec<F::Output> {
    let mut pending: Vec<Option<Pin<Box<F>>>> = futures
        .into_iter()
        .map(|future| Some(Box::pin(future)))
        .collect();
    let mut outputs: Vec<Option<F::Output>> = pending.iter().map(|_| None).collect();
    poll_fn(|context| {
        for (future, output) in pending.iter_mut().zip(&mut outputs) {
            let ready = future.as_mut().map(|future| future.as_mut().poll(context));
            if let Some(Poll::Ready(value)) = ready {
                *output = Some(value);
                *future = None;
            }
        }
        match pending.iter().all(Option::is_none) {
            true => Poll::Ready(()),
            false => Poll::Pending,
        }
    })
    .await;
    outputs.into_iter().flatten().collect()
}

/// Polls a future until `limit` completes, and then drops it; `None` if it was dropped.
pub(crate) async fn drop_after<T>(
    future: impl Future<Output = T>,
    limit: impl Future<Output = ()>,
) -> Option<T> {
    let (mut future, mut limit) = (pin!(future), pin!(limit));
    poll_fn(|context| match future.as_mut().poll(context) {
        Poll::Ready(value) => Poll::Ready(Some(value)),
        Poll::Pending => limit.as_mut().poll(context).map(|()| None),
    })
    .await
}

/// Polls a future once and drops it.
pub(crate) async fn drop_after_first_poll<T>(future: impl Future<Output = T>) {
    drop_after(future, std::future::ready(())).await;
}
