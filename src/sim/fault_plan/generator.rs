//! Generation of single faults: target, length and intensity.

use super::{draw_log_uniform, draw_process};
use crate::model::fault::FaultKind;
use crate::model::observation::PortName;
use crate::scenario::{
    DistributionSpec, DurationDistribution, FaultEffect, MessageSchema, ProcessTarget, QueueTarget,
    Share,
};
use crate::sim::kernel::RandomStream;
use crate::worker::duration::Duration;
use rehearsal_convert::{Index, Nearest, Saturating};

/// Draws the parameters of single faults from one stream.
pub(super) struct FaultGenerator<'a> {
    pub stream: &'a mut RandomStream,
    /// Stream of schema versions.
    pub schemas: RandomStream,
    /// Stream that decides which failovers find no replica.
    pub resets: RandomStream,
    /// Names of the processes that a fault may concern.
    pub processes: Vec<String>,
    /// Time from the fault to the end of the scenario.
    pub length_ns_max: u64,
    /// Whether lengths and intensities are at most a quarter of the usual ones.
    pub is_gentle: bool,
}

impl FaultGenerator<'_> {
    /// Draws a length of 1 s to `seconds_max`, cut at the end of the scenario. Short lengths are as
    /// likely as long ones.
    fn length(&mut self, seconds_max: u64) -> Duration {
        let seconds_max = if self.is_gentle {
            seconds_max.div_ceil(4)
        } else {
            seconds_max
        };
        let seconds = draw_log_uniform(self.stream, 1.0, seconds_max.nearest_f64());
        let length_ns = (seconds * 1e9).saturating_u64();
        Duration::from_nanos(length_ns.min(self.length_ns_max).max(1))
    }

    /// Draws the minimum age of purged runs; half of all purges spare no ended run.
    fn age(&mut self) -> Duration {
        match self.stream.below(2) {
            0 => Duration::ZERO,
            _ => self.length(21_600),
        }
    }

    /// Draws a Retry-After: half of the time a fixed one, else one that varies from zero on.
    fn retry_after(&mut self) -> DurationDistribution {
        let max = self.length(60);
        match self.stream.below(2) {
            0 => max.into(),
            _ => DistributionSpec::Uniform {
                min: Duration::ZERO,
                max,
            },
        }
    }

    fn schema(&mut self) -> MessageSchema {
        match self.schemas.below(2) {
            0 => MessageSchema::Current,
            _ => MessageSchema::Previous,
        }
    }

    fn between(&mut self, low: f64, high: f64) -> f64 {
        let high = if self.is_gentle {
            low + (high - low) / 4.0
        } else {
            high
        };
        low + (high - low) * self.stream.uniform()
    }

    /// Draws the factor of a slow store or queue: from slower round trips to calls that time out.
    fn slowness(&mut self) -> f64 {
        let factor_max = if self.is_gentle { 30.0 } else { 1_000.0 };
        draw_log_uniform(self.stream, 3.0, factor_max)
    }

    fn share(&mut self, high: f64) -> Share {
        Share(self.between(0.01, high))
    }

    fn process(&mut self) -> ProcessTarget {
        ProcessTarget::Named(draw_process(&self.processes, self.stream).to_owned())
    }

    fn queue(&mut self) -> QueueTarget {
        match self.stream.below(3) {
            0 => QueueTarget::Planner,
            1 => QueueTarget::Runner,
            _ => QueueTarget::All,
        }
    }

    fn port(&mut self) -> PortName {
        match self.stream.below(6) {
            0 => PortName::Store,
            1 => PortName::Queue,
            2 => PortName::Scanner,
            3 => PortName::Notify,
            4 => PortName::Impact,
            _ => PortName::Scrape,
        }
    }

    /// Draws a fault of a kind.
    pub fn draw(&mut self, kind: FaultKind) -> FaultEffect {
        match kind {
            FaultKind::ProcessCrash
            | FaultKind::GracefulStop
            | FaultKind::RollingDeploy
            | FaultKind::ProcessPause
            | FaultKind::ClockSkew
            | FaultKind::Partition => self.draw_of_process(kind),
            FaultKind::ScannerOutage
            | FaultKind::ScannerSlow
            | FaultKind::ScannerError
            | FaultKind::ScannerThrottle
            | FaultKind::ScannerRefusal
            | FaultKind::NotifyOutage
            | FaultKind::ImpactOutage => self.draw_of_service(kind),
            FaultKind::StoreOutage
            | FaultKind::SlowStore
            | FaultKind::CommitConflict
            | FaultKind::CommitAnswerLost
            | FaultKind::Purge => self.draw_of_store(kind),
            FaultKind::QueueOutage
            | FaultKind::QueueDelay
            | FaultKind::DuplicateDelivery
            | FaultKind::Reordering
            | FaultKind::AcknowledgementLost
            | FaultKind::RenewalLost
            | FaultKind::PoisonedMessage
            | FaultKind::QueueFailover
            | FaultKind::QueueReset
            | FaultKind::SlowQueue => self.draw_of_queue(kind),
        }
    }

    fn draw_of_process(&mut self, kind: FaultKind) -> FaultEffect {
        let process = self.process();
        match kind {
            FaultKind::ProcessCrash => FaultEffect::ProcessCrash {
                process,
                downtime: self.length(60),
            },
            FaultKind::GracefulStop => FaultEffect::GracefulStop {
                process,
                downtime: self.length(60),
            },
            FaultKind::ProcessPause => FaultEffect::ProcessPause {
                process,
                duration: self.length(300),
            },
            FaultKind::ClockSkew => FaultEffect::ClockSkew {
                process,
                duration: self.length(3_600),
                drift: self.between(-0.1, 0.1),
            },
            FaultKind::Partition => FaultEffect::Partition {
                process,
                port: self.port(),
                duration: self.length(300),
            },
            _ => FaultEffect::RollingDeploy {
                downtime: self.length(30),
                pause: self.length(60),
                schema_before: self.schema(),
            },
        }
    }

    fn draw_of_service(&mut self, kind: FaultKind) -> FaultEffect {
        match kind {
            FaultKind::ScannerSlow => FaultEffect::ScannerSlow {
                duration: self.length(1_800),
                factor: self.between(2.0, 30.0),
            },
            FaultKind::ScannerError => FaultEffect::ScannerError {
                duration: self.length(900),
                probability: self.share(0.7),
            },
            FaultKind::ScannerThrottle => FaultEffect::ScannerThrottle {
                duration: self.length(900),
                probability: self.share(0.7),
                retry_after: self.retry_after(),
            },
            FaultKind::ScannerRefusal => FaultEffect::ScannerRefusal {
                duration: self.length(900),
                probability: self.share(0.1),
            },
            FaultKind::NotifyOutage => FaultEffect::NotifyOutage {
                duration: self.length(3_600),
            },
            FaultKind::ImpactOutage => FaultEffect::ImpactOutage {
                duration: self.length(900),
            },
            _ => FaultEffect::ScannerOutage {
                duration: self.length(900),
            },
        }
    }

    fn draw_of_store(&mut self, kind: FaultKind) -> FaultEffect {
        match kind {
            FaultKind::CommitConflict => FaultEffect::CommitConflict {
                duration: self.length(900),
                probability: self.share(0.5),
            },
            FaultKind::CommitAnswerLost => FaultEffect::CommitAnswerLost {
                duration: self.length(900),
                probability: self.share(0.5),
            },
            FaultKind::Purge => FaultEffect::Purge {
                older_than: self.age(),
            },
            FaultKind::SlowStore => FaultEffect::SlowStore {
                duration: self.length(900),
                factor: self.slowness(),
            },
            _ => FaultEffect::StoreOutage {
                duration: self.length(900),
            },
        }
    }

    /// Draws a failover; one in three finds no replica, so that the queue is created anew.
    fn failover(&mut self, queue: QueueTarget) -> FaultEffect {
        let lag = self.length(120);
        match self.resets.below(3) {
            0 => FaultEffect::QueueReset { queue },
            _ => FaultEffect::QueueFailover { queue, lag },
        }
    }

    fn draw_of_queue(&mut self, kind: FaultKind) -> FaultEffect {
        let queue = self.queue();
        let duration = self.length(900);
        match kind {
            FaultKind::QueueDelay => FaultEffect::QueueDelay {
                queue,
                duration,
                delay: self.length(60).into(),
                probability: self.share(0.7),
            },
            FaultKind::DuplicateDelivery => FaultEffect::DuplicateDelivery {
                queue,
                duration,
                probability: self.share(0.5),
            },
            FaultKind::Reordering => FaultEffect::Reordering {
                queue,
                duration,
                probability: self.share(1.0),
            },
            FaultKind::AcknowledgementLost => FaultEffect::AcknowledgementLost {
                queue,
                duration,
                probability: self.share(0.3),
            },
            FaultKind::RenewalLost => FaultEffect::RenewalLost {
                queue,
                duration,
                probability: self.share(1.0),
            },
            FaultKind::QueueFailover => self.failover(queue),
            FaultKind::QueueReset => FaultEffect::QueueReset { queue },
            FaultKind::SlowQueue => FaultEffect::SlowQueue {
                queue,
                duration,
                factor: self.slowness(),
            },
            FaultKind::PoisonedMessage => FaultEffect::PoisonedMessage {
                queue,
                count: 1 + self.stream.below(2).index_u32(),
            },
            _ => FaultEffect::QueueOutage { queue, duration },
        }
    }
}
