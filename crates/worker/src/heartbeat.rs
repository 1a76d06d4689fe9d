//! Signs of life, and the balances of those who give none.
//!
//! Each run that enters or leaves {Queued, Running} is booked to the incarnation that committed it;
//! the active counter of an incarnation shows its balance. When an incarnation is gone, one other
//! takes its balance over by compare-and-set. An incarnation that was only believed to be gone
//! learns here that its balance was taken, and gives it up.

use super::context::Context;
use super::ports::{HeartbeatAnswer, Ports, Store};
use crate::model::commit::{AdoptOrphanedCount, Version};
use crate::model::{CommitStep, IncarnationId, Mode};

/// Gives signs of life at regular intervals.
pub struct HeartbeatBackgroundService<'a, P: Ports> {
    context: &'a Context<P>,
    surrendered: [i64; 2],
}

impl<'a, P: Ports> HeartbeatBackgroundService<'a, P> {
    /// The service of one process.
    pub fn new(context: &'a Context<P>) -> Self {
        Self {
            context,
            surrendered: [0; 2],
        }
    }

    /// Beats until the process has nothing in hand any more, and once more to say that its balance
    /// is free to take.
    pub async fn run(mut self) {
        while !self.context.monitoring.is_cancelled() {
            for (incarnation, version) in self.beat(false).await {
                self.take_over(incarnation, version).await;
            }
            self.context
                .sleep_or_drained(self.context.options.renewal_interval())
                .await;
        }
        self.beat(true).await;
        self.context.final_heartbeat_sent.notify_one();
    }

    /// Gives a sign of life and gives up what others took over. Returns the balances that nobody
    /// keeps any more.
    async fn beat(&mut self, is_last: bool) -> Vec<(IncarnationId, Version)> {
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
            let lost = surrendered[mode.index()] - self.surrendered[mode.index()];
            self.context.metrics.runs_active_add(mode, -lost);
        }
        self.surrendered = surrendered;
        orphaned
    }

    /// Takes over a balance, unless another does it first.
    async fn take_over(&self, from: IncarnationId, expected: Version) {
        let mut commit = self.context.new_commit(CommitStep::AdoptOrphanedCount, 0);
        commit.adoption = Some(AdoptOrphanedCount { from, expected });
        self.context.commit(commit).await;
    }
}
