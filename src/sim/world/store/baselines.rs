//! Baselines: the last committed report of each image of a tenant.

use std::collections::BTreeMap;
use std::rc::Rc;

use crate::model::commit::ReportWrite;
use crate::model::{Baseline, ImageDigest, TenantId, Timestamp};
use crate::sim::fleet::Fleet;

/// Baselines by the numbers of the images, which makes a million of them affordable.
///
/// A defective worker may write a baseline of an image that is not the tenant's. It is kept too, so
/// that the checks find it.
#[derive(Debug)]
pub(super) struct Baselines {
    fleet: Rc<Fleet>,
    of_fleet: Vec<Option<Baseline>>,
    foreign: BTreeMap<(TenantId, ImageDigest), Option<Baseline>>,
}

impl Baselines {
    pub fn new(fleet: Rc<Fleet>) -> Self {
        Self {
            of_fleet: vec![None; fleet.len()],
            fleet,
            foreign: BTreeMap::new(),
        }
    }

    /// Returns a function that finds baselines of a tenant, which is looked up once.
    pub fn of<'a>(
        &'a self,
        tenant: &'a TenantId,
    ) -> impl Fn(&ImageDigest) -> Option<&'a Baseline> + 'a {
        let owner = self.owner(tenant);
        move |image| match self.number(owner, image) {
            Some(number) => self.of_fleet[number].as_ref(),
            None => self.foreign.get(&(tenant.clone(), *image))?.as_ref(),
        }
    }

    /// Replaces the baselines of a tenant's images by these reports, except those that are newer.
    pub fn commit(&mut self, tenant: &TenantId, reports: Vec<ReportWrite>, now: Timestamp) {
        let owner = self.owner(tenant);
        for report in reports {
            let baseline = match self.number(owner, &report.image) {
                Some(number) => &mut self.of_fleet[number],
                None => self
                    .foreign
                    .entry((tenant.clone(), report.image))
                    .or_default(),
            };
            *baseline = Some(report.baseline(baseline.take(), now));
        }
    }

    /// Returns the number of a tenant of the fleet.
    fn owner(&self, tenant: &TenantId) -> Option<u32> {
        let mut tenants = (0..).zip(self.fleet.tenants());
        tenants.find_map(|(number, known)| (known == tenant).then_some(number))
    }

    /// Returns the number of an image that belongs to this owner.
    #[inline]
    fn number(&self, owner: Option<u32>, image: &ImageDigest) -> Option<usize> {
        let number = self.fleet.find(image)?;
        let is_own = Some(self.fleet.catalogue().tenant_number(number)) == owner;
        is_own.then_some(number as usize)
    }
}
