//! The Scanner port: access to the Scanner over the network.

use std::time::Duration;

use crate::model::observation::{LearnedAnswer, Observation, ScanAnswer};
use crate::model::{PortCall, ScanReport};
use crate::sim::world::connection::Connection;
use crate::sim::world::network::NetworkPort;
use crate::worker::ports::{self, ScanRequest, ScannerError};

/// Scanner port of an incarnation.
#[derive(Clone)]
pub struct ScannerPort(pub(in crate::sim::world) Connection);

/// Maximum error of a time-out on a process's clock, whose rate is no round number.
const CLOCK_ROUNDING: Duration = Duration::from_micros(1);

/// Request that was sent. If its future is dropped, the caller has waited long enough or gives up.
struct PendingScan<'a> {
    connection: &'a Connection,
    request: &'a ScanRequest<'a>,
    /// On the clock of the process.
    sent_at: Duration,
    is_answered: bool,
}

impl PendingScan<'_> {
    fn note(&mut self, answer: ScanAnswer) {
        self.is_answered = true;
        let Connection { world, incarnation } = self.connection;
        world.sink.emit(&Observation::ScanAnswered {
            incarnation: &incarnation.id,
            schedule: self.request.schedule,
            image: self.request.image,
            delivery: self.request.delivery,
            answer,
        });
    }
}

impl Drop for PendingScan<'_> {
    fn drop(&mut self) {
        if !self.is_answered && !self.connection.incarnation.is_over.get() {
            let waited = self.connection.elapsed().saturating_sub(self.sent_at);
            let limit = self.connection.world.scanner_timeout;
            self.note(match waited + CLOCK_ROUNDING >= limit {
                true => ScanAnswer::TimedOut,
                false => ScanAnswer::Abandoned,
            });
        }
    }
}

impl ScannerPort {
    fn send<'a>(&'a self, request: &'a ScanRequest<'a>) -> PendingScan<'a> {
        let Connection { world, incarnation } = &self.0;
        world.sink.emit(&Observation::ScanSent {
            incarnation: &incarnation.id,
            schedule: request.schedule,
            rate_per_second: request.rate_per_second,
            image: request.image,
            delivery: request.delivery,
            attempt: request.attempt,
            permit: request.permit,
        });
        PendingScan {
            connection: &self.0,
            request,
            sent_at: self.0.elapsed(),
            is_answered: false,
        }
    }
}

impl ports::Scanner for ScannerPort {
    async fn report(&self, request: &ScanRequest<'_>) -> Result<ScanReport, ScannerError> {
        let connected = self.0.connect(PortCall::Report).await;
        let Connection { world, incarnation } = &self.0;
        if connected.is_err() {
            world.sink.emit(&Observation::AnswerLearned {
                incarnation: &incarnation.id,
                answer: LearnedAnswer::ScannerUnreachable(request.mode),
            });
            return Err(ScannerError::Unavailable);
        }
        let mut pending = self.send(request);
        let latency_ns = world.draw_scan_ns(request.image, request.mode);
        world.handle.sleep_ns(latency_ns).await;
        if !self.0.is_reachable(NetworkPort::Scanner) {
            pending.note(ScanAnswer::Unreachable);
            return Err(ScannerError::Unavailable);
        }
        let report = world.scan(request.image);
        pending.note(match &report {
            Ok(report) => ScanAnswer::Report(report.revision),
            Err(ScannerError::Refused) => ScanAnswer::Refused,
            Err(ScannerError::Throttled(wait)) => ScanAnswer::Throttled(world.now().after(*wait)),
            Err(ScannerError::Failed) => ScanAnswer::Failed,
            Err(ScannerError::TimedOut) => ScanAnswer::TimedOut,
            Err(ScannerError::Unavailable) => ScanAnswer::Unreachable,
        });
        report
    }
}
