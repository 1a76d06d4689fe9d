//! Findings of images: the reference for all scan reports.
//!
//! Images share the list of their base image until the first change, so a million images fit into
//! memory. A list for each image was rejected.

use std::rc::Rc;
use std::sync::Arc;

use rustc_hash::FxHashMap;

use crate::model::{DeltaCounts, Finding, Severity};
use crate::scenario;
use crate::sim::distribution::{Distribution, DistributionError};
use crate::sim::fleet::Fleet;
use crate::sim::kernel::{Handle, RandomStream};
use crate::sim::sampler::Sampler;
use rehearsal_convert::{Index, Saturating};

/// Number of base images. Every image is built on one and starts with its findings.
const BASE_IMAGES: u32 = 61;
/// Exclusive maximum of the findings of a base image.
const BASE_FINDINGS_MAX: u32 = 8;
/// Maximum number of findings that one change adds.
const DRIFT_FINDINGS_MAX: u64 = 1_000;

/// Findings of each image, by number.
pub(super) struct FindingsTable {
    images: Vec<ImageFindings>,
    /// Lists of reports: first those of the base images, then one for each changed image.
    lists: Vec<Arc<[Finding]>>,
    changes: FxHashMap<u32, ImageChange>,
    drift: Drift,
}

/// Revision of an image, and the list of its findings. Small, because there may be a million.
#[derive(Clone, Copy, Default)]
struct ImageFindings {
    /// Number of the list plus one; 0 before the image is introduced.
    list: u32,
    revision: u32,
    /// Whether findings were added since the last report.
    is_fresh: bool,
}

/// Changes of an image.
#[derive(Default)]
struct ImageChange {
    /// Findings added since the last report.
    fresh: Vec<Finding>,
    /// Number of findings that drift has added.
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

    /// Number of changes so far.
    pub fn revision(&self, number: u32) -> u64 {
        u64::from(self.images[number as usize].revision)
    }

    /// Introduces an image with the findings of its base; `None` if it was introduced before.
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

    /// Adds a finding to an image that was introduced.
    pub fn add(&mut self, number: u32, finding: Finding) -> DeltaCounts {
        let added = count(std::slice::from_ref(&finding));
        self.changes.entry(number).or_default().fresh.push(finding);
        self.note_fresh(number);
        added
    }

    /// Draws whether the image has drifted since its last scan.
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
        debug_assert!(
            image.list > 0,
            "image {number} changes before it is introduced"
        );
        image.revision += 1;
        image.is_fresh = true;
    }

    /// Returns revision and findings of an introduced image. *O*(1) unless it has changed.
    #[inline]
    pub fn report(&mut self, number: u32) -> (u64, Arc<[Finding]>) {
        if self.images[number as usize].is_fresh {
            self.list_fresh(number);
        }
        let image = self.images[number as usize];
        let list = &self.lists[image.list as usize - 1];
        (u64::from(image.revision), Arc::clone(list))
    }

    /// Adds the fresh findings to the list of an image, which no longer shares that of its base.
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
        debug_assert!(
            findings.len() >= self.lists[list].len(),
            "a change drops no finding"
        );
        if list < BASE_IMAGES as usize {
            self.lists.push(findings.into());
            image.list = (self.lists.len() as u64).index_u32();
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

/// Drift: random changes of images between scans.
struct Drift {
    stream: RandomStream,
    probability: f64,
    new_findings: Sampler,
    severities: Distribution,
    kev_probability: f64,
    component: Arc<str>,
    /// Names of findings, shared by all images.
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

    /// Draws the number of new findings; `None` if the image has not drifted.
    fn draw_count(&mut self) -> Option<u64> {
        if self.probability <= 0.0 || !self.stream.chance(self.probability) {
            return None;
        }
        let count = self.new_findings.draw_whole(&mut self.stream);
        Some(count.clamp(1, DRIFT_FINDINGS_MAX))
    }

    /// Draws the finding with this number among those that drift adds to an image.
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
        let findings = (stream.below(u64::from(BASE_FINDINGS_MAX))).index_u32();
        let finding = |number| Finding {
            vulnerability: format!("REHEARSAL-BASE-{base:02}-{number}").into(),
            component: Arc::clone(&components[number as usize % components.len()]),
            severity: draw_severity(&self.severities, stream),
            kev: stream.chance(self.kev_probability),
        };
        (0..findings).map(finding).collect()
    }
}

/// Builds the distribution of severities; without any weight all are low.
pub(in crate::sim::world) fn severities(
    weights: &scenario::SeverityWeights,
) -> Result<Distribution, DistributionError> {
    let weights = [weights.low, weights.medium, weights.high, weights.critical];
    if weights.iter().all(|weight| *weight <= 0.0) {
        return Distribution::constant(0.0);
    }
    let ranks = [0.0, 1.0, 2.0, 3.0];
    Distribution::empirical(ranks.into_iter().zip(weights))
}

/// Draws a severity.
pub(in crate::sim::world) fn draw_severity(
    severities: &Distribution,
    stream: &mut RandomStream,
) -> Severity {
    let rank = ((severities.sample(stream)).saturating_u64()).to_index();
    Severity::ALL[rank.min(Severity::ALL.len() - 1)]
}
