//! The last committed report of each (tenant, image).

use std::collections::BTreeMap;
use std::rc::Rc;

use crate::model::commit::ReportWrite;
use crate::model::{Baseline, ImageDigest, TenantId, Timestamp};
use crate::sim::fleet::Fleet;

/// Baselines of the fleet's images by number, which is what makes a million of them affordable. A
/// worker in error may write one for an image that isn't the tenant's: it is kept all the same, for
/// the checks to find.
#[derive(Debug)]
pub(super) struct Baselines {
    fleet: Rc<Fleet>,
    of_fleet: Vec<Option<Baseline>>,
    strange: BTreeMap<(TenantId, ImageDigest), Option<Baseline>>,
}

impl Baselines {
    pub fn new(fleet: Rc<Fleet>) -> Self {
        Self {
            of_fleet: vec![None; fleet.len()],
            fleet,
            strange: BTreeMap::new(),
        }
    }

    /// What finds a tenant's baselines. The tenant is looked up once, for many images.
    pub fn of<'a>(
        &'a self,
        tenant: &'a TenantId,
    ) -> impl Fn(&ImageDigest) -> Option<&'a Baseline> + 'a {
        let owner = self.owner(tenant);
        move |image| match self.number(owner, image) {
            Some(number) => self.of_fleet[number].as_ref(),
            None => self.strange.get(&(tenant.clone(), *image))?.as_ref(),
        }
    }

    /// Moves the baselines of a tenant's images on to these reports, except those that are newer.
    pub fn commit(&mut self, tenant: &TenantId, reports: Vec<ReportWrite>, now: Timestamp) {
        let owner = self.owner(tenant);
        for report in reports {
            let baseline = match self.number(owner, &report.image) {
                Some(number) => &mut self.of_fleet[number],
                None => self
                    .strange
                    .entry((tenant.clone(), report.image))
                    .or_default(),
            };
            *baseline = Some(report.baseline(baseline.take(), now));
        }
    }

    /// The number of a tenant of the fleet.
    fn owner(&self, tenant: &TenantId) -> Option<u32> {
        let mut tenants = (0..).zip(self.fleet.tenants());
        tenants.find_map(|(number, known)| (known == tenant).then_some(number))
    }

    /// The number of an image, if it is that owner's.
    #[inline]
    fn number(&self, owner: Option<u32>, image: &ImageDigest) -> Option<usize> {
        let number = self.fleet.find(image)?;
        let is_own = Some(self.fleet.catalogue().tenant_number(number)) == owner;
        is_own.then_some(number as usize)
    }
}
