//! Heartbeats, and adoption of the active-run counts of processes that stopped sending them.
//!
//! A run that enters or leaves {Queued, Running} counts for the incarnation that committed it, and
//! the active gauge of each process shows its own count. When an incarnation ends, another adopts
//! its count by compare-and-set, so the sum over the fleet stays equal to the open runs. An
//! incarnation that was only believed dead learns here that its count was adopted, and gives it up.
//!
//! One process that shows the sum of the whole fleet was rejected: the gauge would have a gap
//! whenever that process ends, and a scrape of two leaders would count every run twice.

use std::pin::pin;

use futures_lite::future;

use crate::context::WorkerContext;
use crate::model::commit::{AdoptOrphanedCount, DocumentVersion};
use crate::model::{CommitStep, IncarnationId, Mode};
use crate::ports::{HeartbeatAnswer, Ports, Store};

/// Sends heartbeats at regular intervals.
pub struct HeartbeatBackgroundService<'a, P: Ports> {
    context: &'a WorkerContext<P>,
    /// Runs given up so far, by mode index.
    surrendered: [i64; 2],
}

impl<'a, P: Ports> HeartbeatBackgroundService<'a, P> {
    /// Creates the service of one process.
    pub fn new(context: &'a WorkerContext<P>) -> Self {
        Self {
            context,
            surrendered: [0; 2],
        }
    }

    /// Sends heartbeats until a stopping process has drained its work, and a last one that offers
    /// its active-run count for adoption.
    pub async fn run(mut self) {
        while !self.context.monitoring.is_cancelled() {
            let orphaned = self.beat(false).await;
            if !orphaned.is_empty() {
                self.adopt_all(orphaned).await;
            }
            self.context
                .sleep_or_drained(self.context.options.renewal_interval())
                .await;
        }
        self.beat(true).await;
        self.context.final_heartbeat_sent.notify_one();
    }

    /// Sends a heartbeat and gives up the runs that others adopted. Returns the orphaned counts.
    async fn beat(&mut self, is_last: bool) -> Vec<(IncarnationId, DocumentVersion)> {
        let stale_after = self.context.options.stale_after();
        let store = self.context.ports.store();
        let answer = store
            .heartbeat(&self.context.incarnation, stale_after, is_last)
            .await;
        let Ok(HeartbeatAnswer {
            surrendered,
            orphaned,
        }) = self.context.track_store_health(answer)
        else {
            return Vec::new();
        };
        for mode in Mode::ALL {
            let adopted = surrendered[mode.index()] - self.surrendered[mode.index()];
            self.context.metrics.runs_active_add(mode, -adopted);
        }
        self.surrendered = surrendered;
        orphaned
    }

    /// Adopts orphaned counts. A commit whose answer is lost delays no heartbeat: the process would
    /// be believed dead itself.
    async fn adopt_all(&mut self, orphaned: Vec<(IncarnationId, DocumentVersion)>) {
        let context = self.context;
        let mut adoptions = pin!(async {
            for (incarnation, version) in orphaned {
                adopt(context, incarnation, version).await;
            }
        });
        while !context.monitoring.is_cancelled() {
            let interval = context.sleep_or_drained(context.options.renewal_interval());
            let adopted = async {
                adoptions.as_mut().await;
                true
            };
            let is_due = async {
                interval.await;
                false
            };
            if future::or(adopted, is_due).await {
                return;
            }
            self.beat(false).await;
        }
        adoptions.await;
    }
}

/// Adopts an orphaned count, unless another process does so first.
async fn adopt<P: Ports>(
    context: &WorkerContext<P>,
    from: IncarnationId,
    expected: DocumentVersion,
) {
    let mut commit = context.new_commit(CommitStep::AdoptOrphanedCount, 0);
    commit.adoption = Some(AdoptOrphanedCount { from, expected });
    context.commit(commit).await;
}
