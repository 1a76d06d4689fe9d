//! Refresh of the observable gauges: backlog, progress of open runs, depth of outbox and queues.
//!
//! The store and each queue are read by a loop of their own, so a service that is slow or down
//! withholds its own gauges and no others.
//!
//! A commit's answer already moves the backlog of its schedule in the committing process, and a
//! runner whose commit failed reads it anew. The other processes read it here. Reading at every
//! scrape was rejected: a scrape must not wait for the store. A value that is older than
//! `backlogRefresh` is withheld instead of shown as current.

use futures_lite::future;

use crate::context::WorkerContext;
use crate::metrics::ReadTime;
use crate::model::commit::BacklogRow;
use crate::model::message::QueueMessage;
use crate::model::observation::QueueName;
use crate::model::{Mode, SharedList};
use crate::ports::{Ports, Queue, QueueDepth, Store};

/// Refreshes the observable gauges of a process.
pub struct BacklogBackgroundService<'a, P: Ports> {
    context: &'a WorkerContext<P>,
    reads_queues: bool,
    /// Rows of the last read.
    rows: Option<SharedList<BacklogRow>>,
}

impl<'a, P: Ports> BacklogBackgroundService<'a, P> {
    /// Creates the service of one process. With `reads_queues` it reads the depth of the queues
    /// too.
    pub fn new(context: &'a WorkerContext<P>, reads_queues: bool) -> Self {
        Self {
            context,
            reads_queues,
            rows: None,
        }
    }

    /// Refreshes until a stopping process has drained its work.
    pub async fn run(mut self) {
        let (context, reads_queues) = (self.context, self.reads_queues);
        let queues = async {
            if reads_queues {
                let (planner, runner) =
                    (context.ports.planner_queue(), context.ports.runner_queue());
                let planner = read_depth_regularly(context, QueueName::Planner, planner);
                let runner = read_depth_regularly(context, QueueName::Runner, runner);
                future::zip(planner, runner).await;
            }
        };
        let store = read_regularly(context, async || self.refresh().await);
        future::zip(store, queues).await;
    }

    /// Reads the store once and shows what it has. Without an answer the next read does so.
    pub(crate) async fn refresh(&mut self) {
        // The store reads at or after this instant, so a value's age is never underestimated.
        let asked_at = self.context.elapsed();
        let answer = self.context.ports.store().backlog().await;
        if let Ok(read) = self.context.track_store_health(answer) {
            let metrics = &self.context.metrics;
            let time = ReadTime {
                asked_at,
                as_of: read.now,
            };
            self.show(&read.value.rows, time);
            metrics.outbox_depth(read.value.outbox_depth, asked_at);
            for mode in Mode::ALL {
                let progress = read.value.progress[mode.index()];
                let idle = progress.map_or(0.0, |since| read.now.since(since).as_secs_f64());
                metrics.since_progress(mode, idle, asked_at);
            }
        }
    }

    /// Shows the rows, in *O*(1) if the store answers with the same version as before.
    fn show(&mut self, rows: &SharedList<BacklogRow>, time: ReadTime) {
        let metrics = &self.context.metrics;
        if self.rows.as_ref().is_some_and(|known| known.is_same(rows)) {
            metrics.backlog_confirm(time);
            return;
        }
        metrics.backlog_refresh(rows, time);
        self.rows = Some(rows.clone());
    }
}

/// Reads at regular instants until a stopping process has drained its work. Values are read again
/// after two thirds of the age at which they are withheld, counted from one call to the next: an
/// answer that takes the last third leaves no gap.
async fn read_regularly<P: Ports>(context: &WorkerContext<P>, mut read: impl AsyncFnMut()) {
    let interval = context.options.backlog_refresh * 2 / 3;
    while !context.monitoring.is_cancelled() {
        let asked_at = context.elapsed();
        read().await;
        let taken = context.elapsed().saturating_sub(asked_at);
        context
            .sleep_or_drained(interval.saturating_sub(taken))
            .await;
    }
}

async fn read_depth_regularly<P: Ports, M: QueueMessage>(
    context: &WorkerContext<P>,
    name: QueueName,
    queue: &impl Queue<M>,
) {
    let read = async || {
        let asked_at = context.elapsed();
        if let Ok(QueueDepth {
            depth,
            oldest_ready_age,
        }) = queue.depth().await
        {
            let metrics = &context.metrics;
            metrics.queue_depth(name, depth, asked_at);
            metrics.queue_oldest_ready(name, oldest_ready_age.as_secs_f64(), asked_at);
        }
    };
    read_regularly(context, read).await;
}

#[cfg(test)]
mod tests {
    use std::rc::Rc;
    use std::time::Duration;

    use rehearsal_kernel::ProcessId;
    use rehearsal_metrics::CollectContext;

    use super::*;
    use crate::testing::{ContextHarness, TestPorts};

    /// Returns the depths of both queues at 100 s, after the script has set their latencies.
    fn depths(script: impl Fn(&TestPorts)) -> [Option<u64>; 2] {
        let mut harness = ContextHarness::new();
        script(&harness.context.ports);
        let context = Rc::clone(&harness.context);
        let task = async move { BacklogBackgroundService::new(&context, true).run().await };
        let handle = harness.kernel.handle();
        handle.spawn(ProcessId::WORLD, "backlog", task);
        harness.run_until(100);
        let read = harness.metrics.read();
        let at = CollectContext::at(Duration::from_secs(100));
        QueueName::ALL.map(|queue| read.queue_depth(queue, &at))
    }

    #[test]
    fn depth_of_a_queue_that_hangs_is_withheld_and_the_other_is_shown() {
        assert_eq!(depths(|_| {}), [Some(7), Some(7)]);
        let planner = depths(|ports| ports.planner_queue.latency.set(None));
        assert_eq!(planner, [None, Some(7)]);
        let runner = depths(|ports| ports.runner_queue.latency.set(None));
        assert_eq!(runner, [Some(7), None]);
    }

    #[test]
    fn depth_read_in_the_last_third_of_its_freshness_leaves_no_gap() {
        let slow = Some(Duration::from_millis(4_900));
        let shown = depths(|ports| {
            ports.planner_queue.latency.set(slow);
            ports.runner_queue.latency.set(slow);
        });
        assert_eq!(shown, [Some(7), Some(7)]);
    }
}
