//! The Scanner: reports on the findings of images, with latency, errors and a rate limit.

mod findings;
mod port;

use std::cell::RefCell;
use std::rc::Rc;
use std::time::Duration;

use self::findings::FindingsTable;
pub(super) use self::findings::{draw_severity, severities};
pub use self::port::ScannerPort;
use super::World;
use crate::model::fault::FaultKind;
use crate::model::observation::Observation;
use crate::model::time::NANOS_PER_SECOND;
use crate::model::{Finding, FindingChange, ImageDigest, Mode, ScanReport};
use crate::scenario;
use crate::sim::distribution::DistributionError;
use crate::sim::fleet::Fleet;
use crate::sim::kernel::{Handle, RandomStream};
use crate::sim::sampler::Sampler;
use crate::worker::ports::ScannerError;
use rehearsal_convert::{Nearest, Saturating};

/// Behaviour of the Scanner, and the findings of all images.
pub(super) struct SimScanner {
    fleet: Rc<Fleet>,
    findings: RefCell<FindingsTable>,
    draws: RefCell<ScannerStreams>,
    /// Latencies by mode.
    latency: [Sampler; 2],
    slow_latency: Sampler,
    retry_after: Sampler,
    error_probability: f64,
    throttle_probability: f64,
    slow: ImageSubset,
    refused: ImageSubset,
}

/// Random streams of the Scanner, one for each decision.
struct ScannerStreams {
    latency: RandomStream,
    error: RandomStream,
    throttle: RandomStream,
}

/// Fixed share of all images, chosen by the hashes of their digests.
#[derive(Clone, Copy)]
struct ImageSubset {
    salt: u64,
    threshold: u64,
}

impl ImageSubset {
    fn new(share: f64, salt: u64) -> Self {
        // The share of 2^64.
        let threshold = (share * 18_446_744_073_709_551_616.0).saturating_u64();
        Self { salt, threshold }
    }

    fn contains(self, image: &ImageDigest) -> bool {
        self.threshold > 0
            && xxhash_rust::xxh3::xxh3_64_with_seed(image.as_bytes(), self.salt) < self.threshold
    }
}

impl SimScanner {
    pub fn new(
        handle: &Handle,
        fleet: &Rc<Fleet>,
        scanner: &scenario::ScannerSpec,
        deltas: &scenario::DeltaRates,
    ) -> Result<Self, DistributionError> {
        let mut salts = handle.stream("scanner.chosen");
        let latency = |of_mode: &Option<scenario::DurationDistribution>| {
            Sampler::of_durations(of_mode.as_ref().unwrap_or(&scanner.latency))
        };
        Ok(Self {
            fleet: Rc::clone(fleet),
            findings: RefCell::new(FindingsTable::new(handle, fleet, deltas)?),
            draws: RefCell::new(ScannerStreams {
                latency: handle.stream("scanner.latency"),
                error: handle.stream("scanner.error"),
                throttle: handle.stream("scanner.throttle"),
            }),
            latency: [
                latency(&scanner.analysis_only_latency)?,
                latency(&scanner.content_refresh_latency)?,
            ],
            slow_latency: Sampler::of_durations(&scanner.slow_latency)?,
            retry_after: Sampler::of_durations(&scanner.retry_after)?,
            error_probability: scanner.error_probability.0,
            throttle_probability: scanner.rate_limit_probability.0,
            slow: ImageSubset::new(scanner.slow_share.0, salts.word()),
            refused: ImageSubset::new(scanner.refusal_share.0, salts.word()),
        })
    }

    fn draw_latency_ns(&self, image: &ImageDigest, mode: Mode) -> u64 {
        let sampler = if self.slow.contains(image) {
            &self.slow_latency
        } else {
            &self.latency[mode.index()]
        };
        sampler.draw_whole(&mut self.draws.borrow_mut().latency)
    }

    fn draw_error(&self) -> bool {
        self.error_probability > 0.0 && self.draws.borrow_mut().error.chance(self.error_probability)
    }

    fn draw_throttle_ns(&self) -> Option<u64> {
        if self.throttle_probability <= 0.0 {
            return None;
        }
        let stream = &mut self.draws.borrow_mut().throttle;
        let is_drawn = stream.chance(self.throttle_probability);
        is_drawn.then(|| self.retry_after.draw_whole(stream))
    }
}

impl World {
    /// Draws the latency of a request.
    fn draw_scan_ns(self: &Rc<Self>, image: &ImageDigest, mode: Mode) -> u64 {
        let latency_ns = self.scanner.draw_latency_ns(image, mode);
        let slowness = self.faults.conditions.borrow().scanner_slowness;
        if slowness <= 1.0 {
            return latency_ns;
        }
        self.hit(FaultKind::ScannerSlow);
        (latency_ns.nearest_f64() * slowness).saturating_u64()
    }

    /// Answers a request for an image now.
    fn scan(self: &Rc<Self>, image: &ImageDigest) -> Result<ScanReport, ScannerError> {
        if self.scanner.draw_error() || self.draw_fault(FaultKind::ScannerError) {
            return Err(ScannerError::Failed);
        }
        if let Some(retry_after) = self.draw_throttle() {
            return Err(ScannerError::Throttled(retry_after));
        }
        let number = self.scanner.fleet.find(image);
        let (Some(number), false) = (number, self.is_refused(image)) else {
            return Err(ScannerError::Refused);
        };
        self.introduce(number);
        let changes = self.scanner.findings.borrow_mut().drift(number);
        if !changes.is_empty() {
            self.note_changes(number, &changes);
        }
        let (revision, findings) = self.scanner.findings.borrow_mut().report(number);
        Ok(ScanReport {
            image: *image,
            revision,
            generated_at: self.now(),
            findings,
        })
    }

    fn is_refused(self: &Rc<Self>, image: &ImageDigest) -> bool {
        self.scanner.refused.contains(image) || self.draw_fault(FaultKind::ScannerRefusal)
    }

    /// Draws whether the rate limit refuses the request; the Retry-After is in whole seconds.
    fn draw_throttle(self: &Rc<Self>) -> Option<Duration> {
        let retry_after_ns = self.scanner.draw_throttle_ns().or_else(|| {
            let is_drawn = self.draw_fault(FaultKind::ScannerThrottle);
            is_drawn.then(|| self.draw_retry_after_ns())
        })?;
        Some(Duration::from_secs(
            retry_after_ns.div_ceil(NANOS_PER_SECOND).max(1),
        ))
    }

    /// Introduces an image with the findings of its base image, before any other change of it.
    fn introduce(self: &Rc<Self>, number: u32) {
        let introduction = self.scanner.findings.borrow_mut().introduce(number);
        if let Some(changes) = introduction {
            self.note_changes(number, &changes);
        }
    }

    /// Adds a finding to an image, or the KEV flag to a finding that it has.
    pub(super) fn add_finding(self: &Rc<Self>, number: u32, finding: &Finding) {
        self.introduce(number);
        let change = self.scanner.findings.borrow_mut().add(number, finding);
        if let Some(change) = change {
            self.note_changes(number, &[change]);
        }
    }

    fn note_changes(self: &Rc<Self>, number: u32, changes: &[FindingChange]) {
        let revision = self.scanner.findings.borrow().revision(number);
        self.sink.emit(&Observation::ImageChanged {
            image: self.scanner.fleet.digest(number),
            revision,
            changes,
        });
    }
}
