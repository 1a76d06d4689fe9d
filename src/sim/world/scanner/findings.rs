//! The findings of images: the truth that reports tell.

use std::rc::Rc;
use std::sync::Arc;

use rustc_hash::FxHashMap;

use crate::model::{DeltaCounts, Finding, Severity};
use crate::scenario;
use crate::sim::distribution::{Distribution, DistributionError};
use crate::sim::fleet::Fleet;
use crate::sim::kernel::{Handle, RandomStream};
use crate::sim::sampler::Sampler;

/// So many base images there are; every image is built on one and has its findings from the first.
const BASE_IMAGES: u32 = 61;
/// A base image has fewer findings than this.
const BASE_FINDINGS_MAX: u32 = 8;
/// No change adds more findings than this.
const DRIFT_FINDINGS_MAX: u64 = 1_000;

/// What is known of each image, by number.
pub(super) struct FindingsTable {
    images: Vec<ImageFindings>,
    /// Lists that reports tell: first those of the bases, then one for each image that has changed.
    lists: Vec<Arc<[Finding]>>,
    changes: FxHashMap<u32, ImageChange>,
    drift: Drift,
}

/// Small, since every report looks at one, and there may be a million.
#[derive(Clone, Copy, Default)]
struct ImageFindings {
    /// One more than the number of its list; 0 before the image is introduced.
    list: u32,
    revision: u32,
    /// There are findings that came since the last report.
    is_fresh: bool,
}

/// How an image has changed.
#[derive(Default)]
struct ImageChange {
    /// Findings that came since the last report.
    fresh: Vec<Finding>,
    /// How many findings of its own it has got.
    drifted: u32,
}

impl FindingsTable {
    pub fn new(
        handle: &Handle,
        fleet: &Rc<Fleet>,
        deltas: &scenario::DeltaRates,
    ) -> Result<Self, DistributionError> {
        let mut drift = Drift::new(handle, deltas)?;
        let stream = &mut handle.stream("scanner.bases");
        let lists = (0..BASE_IMAGES)
            .map(|base| drift.draw_base(base, fleet.components(), stream))
            .collect();
        Ok(Self {
            images: vec![ImageFindings::default(); fleet.len()],
            lists,
            changes: FxHashMap::default(),
            drift,
        })
    }

    /// The number of changes so far.
    pub fn revision(&self, number: u32) -> u64 {
        u64::from(self.images[number as usize].revision)
    }

    /// Gives an image the findings of its base; none if it has them already.
    #[inline]
    pub fn introduce(&mut self, number: u32) -> Option<DeltaCounts> {
        let image = &mut self.images[number as usize];
        if image.list > 0 {
            return None;
        }
        let base = number % BASE_IMAGES;
        image.list = base + 1;
        Some(count(&self.lists[base as usize]))
    }

    /// Adds a finding.
    pub fn add(&mut self, number: u32, finding: Finding) -> DeltaCounts {
        let added = count(std::slice::from_ref(&finding));
        self.changes.entry(number).or_default().fresh.push(finding);
        self.note_fresh(number);
        added
    }

    /// Draws whether the image has changed for reasons of its own since it was last looked at.
    pub fn drift(&mut self, number: u32) -> Option<DeltaCounts> {
        let count_new = self.drift.draw_count()?;
        let change = self.changes.entry(number).or_default();
        let mut added = DeltaCounts::default();
        for _ in 0..count_new {
            let finding = self.drift.draw_finding(change.drifted);
            change.drifted += 1;
            added.add_finding(&finding);
            change.fresh.push(finding);
        }
        self.note_fresh(number);
        Some(added)
    }

    fn note_fresh(&mut self, number: u32) {
        let image = &mut self.images[number as usize];
        image.revision += 1;
        image.is_fresh = true;
    }

    /// Revision and findings of an image that was introduced. *O*(1) unless it has changed.
    #[inline]
    pub fn report(&mut self, number: u32) -> (u64, Arc<[Finding]>) {
        if self.images[number as usize].is_fresh {
            self.list_fresh(number);
        }
        let image = self.images[number as usize];
        let list = &self.lists[image.list as usize - 1];
        (u64::from(image.revision), Arc::clone(list))
    }

    /// Puts what is fresh on an image's list, which becomes its own.
    fn list_fresh(&mut self, number: u32) {
        let image = &mut self.images[number as usize];
        image.is_fresh = false;
        let Some(change) = self.changes.get_mut(&number) else {
            return;
        };
        let list = image.list as usize - 1;
        let mut findings = self.lists[list].to_vec();
        findings.append(&mut change.fresh);
        findings.sort();
        findings.dedup();
        if list < BASE_IMAGES as usize {
            self.lists.push(findings.into());
            image.list = self.lists.len() as u32;
        } else {
            self.lists[list] = findings.into();
        }
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
    stream: RandomStream,
    probability: f64,
    new_findings: Sampler,
    severities: Distribution,
    kev_probability: f64,
    component: Arc<str>,
    /// Names of findings, used again for every image.
    names: Vec<Arc<str>>,
}

impl Drift {
    fn new(handle: &Handle, deltas: &scenario::DeltaRates) -> Result<Self, DistributionError> {
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
        stream: &mut RandomStream,
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
    stream: &mut RandomStream,
) -> Severity {
    let rank = severities.sample(stream) as usize;
    Severity::ALL[rank.min(Severity::ALL.len() - 1)]
}
