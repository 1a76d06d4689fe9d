//! Refresh of the observable gauges: backlog, progress of open runs, depth of the queues.
//!
//! A commit's answer already moves the backlog of its schedule in the committing process. The other
//! processes read it here. Reading at every scrape was rejected: a scrape must not wait for the
//! store. A value that is older than `backlogRefresh` is withheld instead of shown as current.

use std::sync::Arc;
use std::time::Duration;

use crate::context::WorkerContext;
use crate::model::Mode;
use crate::model::commit::BacklogRow;
use crate::model::observation::QueueName;
use crate::ports::{PortResult, Ports, Queue, QueueDepth, Store};

/// Refreshes the observable gauges of a process.
pub struct BacklogBackgroundService<'a, P: Ports> {
    context: &'a WorkerContext<P>,
    reads_queues: bool,
    /// Rows of the last read.
    rows: Option<Arc<Vec<BacklogRow>>>,
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

    /// Refreshes until a stopping process has drained its work. Values are read again after two
    /// thirds of the age at which they are withheld, so that one slow answer leaves no gap.
    pub async fn run(mut self) {
        let interval = self.context.options.backlog_refresh * 2 / 3;
        while !self.context.monitoring.is_cancelled() {
            self.refresh().await;
            if self.reads_queues {
                self.read_depths().await;
            }
            self.context.sleep_or_drained(interval).await;
        }
    }

    async fn refresh(&mut self) {
        // The store reads at or after this instant, so a value's age is never underestimated.
        let asked_at = self.context.elapsed();
        let answer = self.context.ports.store().backlog().await;
        if let Ok(read) = self.context.track_store_health(answer) {
            let metrics = &self.context.metrics;
            self.show(&read.value.rows, asked_at);
            for mode in Mode::ALL {
                let progress = read.value.progress[mode.index()];
                let idle = progress.map_or(0.0, |since| read.now.since(since).as_secs_f64());
                metrics.since_progress(mode, idle, asked_at);
            }
        }
    }

    /// Shows the rows, in *O*(1) if the store answers with the same allocation as before.
    fn show(&mut self, rows: &Arc<Vec<BacklogRow>>, asked_at: Duration) {
        let backlog = self.context.metrics.backlog();
        if self
            .rows
            .as_ref()
            .is_some_and(|known| Arc::ptr_eq(known, rows))
        {
            backlog.confirm(asked_at);
            return;
        }
        let values = rows.iter();
        let values = values.map(|row| (row.mode, row.schedule.as_str(), row.images));
        backlog.refresh(values, asked_at);
        self.rows = Some(Arc::clone(rows));
    }

    async fn read_depths(&self) {
        let (planner, runner) = (
            self.context.ports.planner_queue(),
            self.context.ports.runner_queue(),
        );
        self.read_depth(QueueName::Planner, planner.depth()).await;
        self.read_depth(QueueName::Runner, runner.depth()).await;
    }

    async fn read_depth(
        &self,
        queue: QueueName,
        depth: impl Future<Output = PortResult<QueueDepth>>,
    ) {
        let asked_at = self.context.elapsed();
        if let Ok(QueueDepth {
            depth,
            oldest_ready_age,
        }) = depth.await
        {
            let metrics = &self.context.metrics;
            metrics.queue_depth(queue, depth, asked_at);
            metrics.queue_oldest_ready(queue, oldest_ready_age.as_secs_f64(), asked_at);
        }
    }
}
