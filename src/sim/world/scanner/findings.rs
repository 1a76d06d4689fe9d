//! The findings of images: the truth that reports tell.

use std::rc::Rc;
use std::sync::Arc;

use crate::model::{DeltaCounts, Finding, Severity};
use crate::scenario;
use crate::sim::distribution::{Distribution, DistributionError};
use crate::sim::fleet::Fleet;
use crate::sim::kernel::{Handle, Stream};
use crate::sim::sampler::Sampler;

/// So many base images there are; every image is built on one and has its findings from the first.
const BASE_IMAGES: u32 = 61;
/// A base image has fewer findings than this.
const BASE_FINDINGS_MAX: u32 = 8;
/// No change adds more findings than this.
const DRIFT_FINDINGS_MAX: u64 = 1_000;

/// What is known of each image, by number.
pub(super) struct Findings {
    images: Vec<ImageFindings>,
    bases: Vec<Arc<[Finding]>>,
    drift: Drift,
}

#[derive(Clone, Default)]
struct ImageFindings {
    /// As of the last report; none before the image is introduced.
    reported: Option<Arc<[Finding]>>,
    /// Those that came since.
    fresh: Vec<Finding>,
    revision: u32,
    /// How many findings of its own it has got.
    drifted: u32,
}

impl Findings {
    pub fn new(
        handle: &Handle,
        fleet: &Rc<Fleet>,
        deltas: &scenario::Deltas,
    ) -> Result<Self, DistributionError> {
        let mut drift = Drift::new(handle, deltas)?;
        let stream = &mut handle.stream("scanner.bases");
        let bases = (0..BASE_IMAGES)
            .map(|base| drift.draw_base(base, fleet.components(), stream))
            .collect();
        Ok(Self {
            images: vec![ImageFindings::default(); fleet.len()],
            bases,
            drift,
        })
    }

    /// The number of changes so far.
    pub fn revision(&self, number: u32) -> u64 {
        u64::from(self.images[number as usize].revision)
    }

    /// Gives an image the findings of its base; none if it has them already.
    pub fn introduce(&mut self, number: u32) -> Option<DeltaCounts> {
        let image = &mut self.images[number as usize];
        if image.reported.is_some() {
            return None;
        }
        let base = &self.bases[(number % BASE_IMAGES) as usize];
        image.reported = Some(Arc::clone(base));
        Some(count(base))
    }

    /// Adds a finding.
    pub fn add(&mut self, number: u32, finding: Finding) -> DeltaCounts {
        let image = &mut self.images[number as usize];
        let added = count(std::slice::from_ref(&finding));
        image.fresh.push(finding);
        image.revision += 1;
        added
    }

    /// Draws whether the image has changed for reasons of its own since it was last looked at.
    pub fn drift(&mut self, number: u32) -> Option<DeltaCounts> {
        let count_new = self.drift.draw_count()?;
        let image = &mut self.images[number as usize];
        let mut added = DeltaCounts::default();
        for _ in 0..count_new {
            let finding = self.drift.draw_finding(image.drifted);
            image.drifted += 1;
            added.add_finding(&finding);
            image.fresh.push(finding);
        }
        image.revision += 1;
        Some(added)
    }

    /// Revision and findings of an image. *O*(1) unless it has changed.
    pub fn report(&mut self, number: u32) -> (u64, Arc<[Finding]>) {
        let image = &mut self.images[number as usize];
        let reported = image.reported.get_or_insert_default();
        if !image.fresh.is_empty() {
            let mut findings = reported.to_vec();
            findings.append(&mut image.fresh);
            findings.sort();
            findings.dedup();
            *reported = findings.into();
            image.fresh = Vec::new();
        }
        (u64::from(image.revision), Arc::clone(reported))
    }
}

fn count(findings: &[Finding]) -> DeltaCounts {
    let mut counts = DeltaCounts::default();
    findings
        .iter()
        .for_each(|finding| counts.add_finding(finding));
    counts
}

/// How images change for reasons of their own.
struct Drift {
    stream: Stream,
    probability: f64,
    new_findings: Sampler,
    severities: Distribution,
    kev_probability: f64,
    component: Arc<str>,
    /// Names of findings, used again for every image.
    names: Vec<Arc<str>>,
}

impl Drift {
    fn new(handle: &Handle, deltas: &scenario::Deltas) -> Result<Self, DistributionError> {
        Ok(Self {
            stream: handle.stream("scanner.drift"),
            probability: deltas.probability.0,
            new_findings: Sampler::of_counts(&deltas.new_findings)?,
            severities: severities(&deltas.severities)?,
            kev_probability: deltas.kev_probability.0,
            component: "pkg:generic/application".into(),
            names: Vec::new(),
        })
    }

    /// How many new findings there are, if there are any.
    fn draw_count(&mut self) -> Option<u64> {
        if self.probability <= 0.0 || !self.stream.chance(self.probability) {
            return None;
        }
        let count = self.new_findings.draw_whole(&mut self.stream);
        Some(count.clamp(1, DRIFT_FINDINGS_MAX))
    }

    /// The finding number `number` of an image's own.
    fn draw_finding(&mut self, number: u32) -> Finding {
        while self.names.len() <= number as usize {
            let name = format!("REHEARSAL-{:05}", self.names.len() + 1);
            self.names.push(name.into());
        }
        Finding {
            vulnerability: Arc::clone(&self.names[number as usize]),
            component: Arc::clone(&self.component),
            severity: draw_severity(&self.severities, &mut self.stream),
            kev: self.stream.chance(self.kev_probability),
        }
    }

    fn draw_base(
        &mut self,
        base: u32,
        components: &[Arc<str>],
        stream: &mut Stream,
    ) -> Arc<[Finding]> {
        let findings = stream.below(u64::from(BASE_FINDINGS_MAX)) as u32;
        let finding = |number| Finding {
            vulnerability: format!("REHEARSAL-BASE-{base:02}-{number}").into(),
            component: Arc::clone(&components[number as usize % components.len()]),
            severity: draw_severity(&self.severities, stream),
            kev: stream.chance(self.kev_probability),
        };
        (0..findings).map(finding).collect()
    }
}

/// Severities by weight; with no weights at all everything is low.
pub(in crate::sim::world) fn severities(
    weights: &scenario::SeverityWeights,
) -> Result<Distribution, DistributionError> {
    let weights = [weights.low, weights.medium, weights.high, weights.critical];
    if weights.iter().all(|weight| *weight <= 0.0) {
        return Distribution::constant(0.0);
    }
    let ranks = 0..weights.len();
    Distribution::empirical(ranks.map(|rank| rank as f64).zip(weights))
}

/// Draws a severity.
pub(in crate::sim::world) fn draw_severity(
    severities: &Distribution,
    stream: &mut Stream,
) -> Severity {
    let rank = severities.sample(stream) as usize;
    Severity::ALL[rank.min(Severity::ALL.len() - 1)]
}
