//! Findings of images: the reference for all scan reports.
//!
//! Images share the list of their base image until the first change, so a million images fit into
//! memory. A list for each image was rejected.

use std::rc::Rc;
use std::sync::Arc;

use rustc_hash::FxHashMap;

use crate::model::{Finding, FindingChange, FindingState, Severity};
use crate::scenario;
use crate::sim::distribution::{Distribution, DistributionError};
use crate::sim::draw_index;
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
    /// Changes that introduce an image, by its base.
    introductions: Vec<Arc<[FindingChange]>>,
    changed: FxHashMap<u32, ImageChanges>,
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

/// Image that differs from its base.
#[derive(Default)]
struct ImageChanges {
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
        let lists: Vec<Arc<[Finding]>> = (0..BASE_IMAGES)
            .map(|base| drift.draw_base(base, fleet.components(), stream))
            .collect();
        let introduction = |list: &Arc<[Finding]>| list.iter().map(addition).collect();
        Ok(Self {
            images: vec![ImageFindings::default(); fleet.len()],
            introductions: lists.iter().map(introduction).collect(),
            lists,
            changed: FxHashMap::default(),
            drift,
        })
    }

    /// Number of changes so far.
    pub fn revision(&self, number: u32) -> u64 {
        u64::from(self.images[number as usize].revision)
    }

    /// Introduces an image with the findings of its base; `None` if it was introduced before.
    #[inline]
    pub fn introduce(&mut self, number: u32) -> Option<Arc<[FindingChange]>> {
        let image = &mut self.images[number as usize];
        if image.list > 0 {
            return None;
        }
        let base = number % BASE_IMAGES;
        image.list = base + 1;
        Some(Arc::clone(&self.introductions[base as usize]))
    }

    /// Adds a finding to an image that was introduced, or the KEV flag to a finding that it has.
    /// Returns the change, if it is one.
    pub fn add(&mut self, number: u32, finding: &Finding) -> Option<FindingChange> {
        let known = self.find(number, finding).map(FindingState::from);
        let change = FindingChange {
            before: known,
            ..addition(finding)
        };
        match known {
            None => self.push_fresh(number, finding.clone()),
            Some(known) if finding.kev && !known.kev => self.flag(number, finding),
            Some(_) => return None,
        }
        self.images[number as usize].revision += 1;
        Some(change)
    }

    /// Returns the finding of an image with the vulnerability and component of another one.
    fn find(&self, number: u32, finding: &Finding) -> Option<&Finding> {
        let list = &self.lists[self.images[number as usize].list as usize - 1];
        let own = identity(finding);
        let listed = list.binary_search_by(|known| identity(known).cmp(&own));
        let mut fresh = self
            .changed
            .get(&number)
            .into_iter()
            .flat_map(|image| &image.fresh);
        let fresh = || fresh.find(|known| identity(known) == own);
        listed.ok().map(|index| &list[index]).or_else(fresh)
    }

    /// Draws the changes of an image since its last scan; they are one revision.
    pub fn drift(&mut self, number: u32) -> Vec<FindingChange> {
        let mut changes = Vec::new();
        for _ in 0..self.drift.draw_count().unwrap_or_default() {
            let image = self.changed.entry(number).or_default();
            let finding = self.drift.draw_finding(image.drifted);
            image.drifted += 1;
            changes.push(addition(&finding));
            self.push_fresh(number, finding);
        }
        let known = self.drift.changes.as_mut().map(ChangeDraws::draw);
        let (fixes, flags) = known.unwrap_or_default();
        if fixes {
            changes.extend(self.fix_one(number));
        }
        if flags {
            changes.extend(self.flag_one(number));
        }
        if !changes.is_empty() {
            self.images[number as usize].revision += 1;
        }
        changes
    }

    fn push_fresh(&mut self, number: u32, finding: Finding) {
        let image = &mut self.images[number as usize];
        debug_assert!(
            image.list > 0,
            "image {number} changes before it is introduced"
        );
        image.is_fresh = true;
        self.changed.entry(number).or_default().fresh.push(finding);
    }

    /// Fixes a finding of an image, drawn at random.
    fn fix_one(&mut self, number: u32) -> Option<FindingChange> {
        let (mut findings, index) = self.draw_one(number)?;
        let fixed = findings.remove(index);
        self.set_list(number, findings);
        Some(FindingChange {
            before: Some(FindingState::from(&fixed)),
            after: None,
            ..addition(&fixed)
        })
    }

    /// Sets the KEV flag of a finding of an image, drawn at random.
    fn flag_one(&mut self, number: u32) -> Option<FindingChange> {
        let (findings, index) = self.draw_one(number)?;
        let finding = &findings[index];
        let flagged = Finding {
            kev: true,
            ..finding.clone()
        };
        if finding.kev {
            return None;
        }
        self.flag(number, &flagged);
        Some(FindingChange {
            before: Some(FindingState::from(finding)),
            ..addition(&flagged)
        })
    }

    /// Draws one of the findings of an image; `None` if it has none.
    fn draw_one(&mut self, number: u32) -> Option<(Vec<Finding>, usize)> {
        let (_, findings) = self.report(number);
        let draws = self
            .drift
            .changes
            .as_mut()
            .filter(|_| !findings.is_empty())?;
        let index = draw_index(&mut draws.stream, findings.len());
        Some((findings.to_vec(), index))
    }

    /// Sets the KEV flag of the finding with this vulnerability and component.
    fn flag(&mut self, number: u32, flagged: &Finding) {
        let (_, findings) = self.report(number);
        let mut findings = findings.to_vec();
        let is_known = |known: &&mut Finding| identity(known) == identity(flagged);
        if let Some(known) = findings.iter_mut().find(is_known) {
            known.kev = true;
        }
        self.set_list(number, findings);
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

    /// Adds the fresh findings to the list of an image.
    fn list_fresh(&mut self, number: u32) {
        let image = &mut self.images[number as usize];
        image.is_fresh = false;
        let list = image.list as usize - 1;
        if let Some(change) = self.changed.get_mut(&number) {
            let mut findings = self.lists[list].to_vec();
            findings.append(&mut change.fresh);
            findings.sort();
            self.set_list(number, findings);
        }
    }

    /// Replaces the list of an image, which no longer shares that of its base.
    fn set_list(&mut self, number: u32, findings: Vec<Finding>) {
        debug_assert!(findings.is_sorted(), "findings of image {number}");
        let image = &mut self.images[number as usize];
        let list = image.list as usize - 1;
        if list < BASE_IMAGES as usize {
            self.lists.push(findings.into());
            image.list = (self.lists.len() as u64).index_u32();
        } else {
            self.lists[list] = findings.into();
        }
    }
}

/// Vulnerability and component, which identify a finding of an image.
fn identity(finding: &Finding) -> (&str, &str) {
    (&finding.vulnerability, &finding.component)
}

/// Change by which an image has a new finding.
fn addition(finding: &Finding) -> FindingChange {
    let (vulnerability, component) = identity(finding);
    let hash = |text: &str| xxhash_rust::xxh3::xxh3_64(text.as_bytes());
    FindingChange {
        finding: hash(vulnerability) ^ hash(component).rotate_left(1),
        before: None,
        after: Some(FindingState::from(finding)),
    }
}

/// Draws of changes of known findings.
struct ChangeDraws {
    stream: RandomStream,
    fix_probability: f64,
    late_kev_probability: f64,
}

impl ChangeDraws {
    fn new(handle: &Handle, deltas: &scenario::DeltaRates) -> Option<Self> {
        let (fix, late_kev) = (deltas.fix_probability.0, deltas.late_kev_probability.0);
        (fix > 0.0 || late_kev > 0.0).then(|| Self {
            stream: handle.stream("scanner.changes"),
            fix_probability: fix,
            late_kev_probability: late_kev,
        })
    }

    /// Draws whether a finding is fixed, and whether one becomes a KEV.
    fn draw(&mut self) -> (bool, bool) {
        let fixes = self.stream.chance(self.fix_probability);
        (fixes, self.stream.chance(self.late_kev_probability))
    }
}

/// Drift: random changes of images between scans.
struct Drift {
    stream: RandomStream,
    /// Changes of known findings; `None` if the scenario has none.
    changes: Option<ChangeDraws>,
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
            changes: ChangeDraws::new(handle, deltas),
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scenario::{DeltaRates, FleetSpec, Share};
    use crate::sim::kernel::{Kernel, KernelOptions};

    /// Findings of two images of each base, all of which are introduced.
    fn table(deltas: &DeltaRates) -> FindingsTable {
        let images = 2 * u64::from(BASE_IMAGES);
        let fleet = FleetSpec {
            images,
            ..FleetSpec::default()
        };
        let fleet = Rc::new(Fleet::draw(&fleet, 1).unwrap());
        let kernel = Kernel::new(KernelOptions::default());
        let mut table = FindingsTable::new(&kernel.handle(), &fleet, deltas).unwrap();
        for number in (0..images).map(Index::index_u32) {
            let introduction = table.introduce(number).unwrap();
            assert_eq!(introduction.len(), table.report(number).1.len());
        }
        table
    }

    /// Number of an image whose base has several findings.
    fn vulnerable(table: &FindingsTable) -> u32 {
        let is_vulnerable = |list: &Arc<[Finding]>| list.len() > 3;
        let number = table.lists.iter().position(is_vulnerable).unwrap();
        (number as u64).index_u32()
    }

    fn rates(fix: f64, late_kev: f64) -> DeltaRates {
        DeltaRates {
            probability: Share(0.0),
            kev_probability: Share(0.0),
            fix_probability: Share(fix),
            late_kev_probability: Share(late_kev),
            ..DeltaRates::default()
        }
    }

    #[test]
    fn fixes_take_one_finding_after_the_other() {
        let mut table = table(&rates(1.0, 0.0));
        let number = vulnerable(&table);
        let base = table.report(number).1;
        for fixed in 1..=base.len() {
            let changes = table.drift(number);
            let [FindingChange { before, after, .. }] = changes[..] else {
                panic!("{changes:?}");
            };
            assert!(before.is_some() && after.is_none());
            let (revision, findings) = table.report(number);
            assert_eq!(
                (revision, findings.len()),
                (fixed as u64, base.len() - fixed)
            );
        }
        assert_eq!(table.drift(number), []);
        let other = number + BASE_IMAGES;
        assert_eq!(table.report(other).1, base, "another image of the base");
    }

    #[test]
    fn late_kev_flags_keep_the_findings() {
        let mut table = table(&rates(0.0, 1.0));
        let number = vulnerable(&table);
        let base = table.report(number).1;
        let changes: Vec<_> = (0..200).flat_map(|_| table.drift(number)).collect();
        assert_eq!(changes.len(), base.len());
        for FindingChange { before, after, .. } in changes {
            assert_eq!((before.unwrap().kev, after.unwrap().kev), (false, true));
        }
        let (revision, findings) = table.report(number);
        assert_eq!(revision, base.len() as u64);
        let flagged = base.iter().map(|finding| Finding {
            kev: true,
            ..finding.clone()
        });
        assert_eq!(findings.to_vec(), flagged.collect::<Vec<_>>());
    }

    #[test]
    fn added_finding_counts_once_and_may_become_a_kev() {
        let mut table = table(&rates(0.0, 0.0));
        let number = vulnerable(&table);
        let before = table.report(number).1.len();
        let finding = |kev| Finding {
            vulnerability: "ADV".into(),
            component: "c".into(),
            severity: Severity::High,
            kev,
        };
        let state = |kev| Some(FindingState::from(&finding(kev)));
        let states = |change: Option<FindingChange>| change.map(|it| (it.before, it.after));
        let added = table.add(number, &finding(false));
        assert_eq!(states(added), Some((None, state(false))));
        assert_eq!(table.add(number, &finding(false)), None);
        let flagged = table.add(number, &finding(true));
        assert_eq!(states(flagged), Some((state(false), state(true))));
        assert_eq!(flagged.unwrap().finding, added.unwrap().finding);
        assert_eq!(table.add(number, &finding(false)), None, "the flag stays");
        let (revision, findings) = table.report(number);
        assert_eq!((revision, findings.len()), (2, before + 1));
        assert!(findings.contains(&finding(true)) && findings.is_sorted());
    }
}
