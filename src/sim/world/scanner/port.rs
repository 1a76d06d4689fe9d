//! The Scanner port: access to the Scanner over the network.

use crate::model::ScanReport;
use crate::model::observation::{Observation, ScanAnswer};
use crate::sim::world::connection::Connection;
use crate::sim::world::network::NetworkPort;
use crate::worker::ports::{self, ScanRequest, ScannerError};

/// Scanner port of an incarnation.
#[derive(Clone)]
pub struct ScannerPort(pub(in crate::sim::world) Connection);

/// Request that was sent. If its future is dropped, it is recorded as unanswered.
struct PendingScan<'a> {
    connection: &'a Connection,
    request: &'a ScanRequest<'a>,
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
            self.note(ScanAnswer::Unanswered);
        }
    }
}

impl ScannerPort {
    fn send<'a>(&'a self, request: &'a ScanRequest<'a>) -> PendingScan<'a> {
        let Connection { world, incarnation } = &self.0;
        let tolerance = world.permit_tolerance;
        let is_late = |permit| world.now().since(permit) > tolerance;
        world.sink.emit(&Observation::ScanSent {
            incarnation: &incarnation.id,
            schedule: request.schedule,
            rate_per_second: request.rate_per_second,
            image: request.image,
            delivery: request.delivery,
            attempt: request.attempt,
            permit: request.permit,
            late: request.permit.is_some_and(is_late),
        });
        PendingScan {
            connection: &self.0,
            request,
            is_answered: false,
        }
    }
}

impl ports::Scanner for ScannerPort {
    async fn report(&self, request: &ScanRequest<'_>) -> Result<ScanReport, ScannerError> {
        let connected = self.0.connect(NetworkPort::Scanner).await;
        connected.map_err(|_| ScannerError::Unavailable)?;
        let world = &self.0.world;
        let mut pending = self.send(request);
        let latency_ns = world.draw_scan_ns(request.image, request.mode);
        world.handle.sleep_ns(latency_ns).await;
        if !self.0.is_reachable(NetworkPort::Scanner) {
            pending.note(ScanAnswer::Unanswered);
            return Err(ScannerError::Unavailable);
        }
        let report = world.scan(request.image);
        pending.note(match &report {
            Ok(report) => ScanAnswer::Report(report.revision),
            Err(ScannerError::Refused) => ScanAnswer::Refused,
            Err(ScannerError::Throttled(wait)) => ScanAnswer::Throttled(world.now().after(*wait)),
            Err(ScannerError::Failed) => ScanAnswer::Failed,
            Err(ScannerError::TimedOut | ScannerError::Unavailable) => ScanAnswer::Unanswered,
        });
        report
    }
}
