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
        let number = self.own_images(tenant);
        move |image| match number(&self.fleet, image) {
            Some(number) => self.of_fleet[number].as_ref(),
            None => self.strange.get(&(tenant.clone(), *image))?.as_ref(),
        }
    }

    /// Moves the baselines of a tenant's images on to these reports, except those that are newer.
    pub fn commit(&mut self, tenant: &TenantId, reports: Vec<ReportWrite>, now: Timestamp) {
        let number = self.own_images(tenant);
        for report in reports {
            let baseline = match number(&self.fleet, &report.image) {
                Some(number) => &mut self.of_fleet[number],
                None => self
                    .strange
                    .entry((tenant.clone(), report.image))
                    .or_default(),
            };
            *baseline = Some(report.baseline(baseline.take(), now));
        }
    }

    /// What tells the number of an image, if it is the tenant's.
    fn own_images(
        &self,
        tenant: &TenantId,
    ) -> impl Fn(&Fleet, &ImageDigest) -> Option<usize> + use<> {
        let tenants = &mut (0..).zip(self.fleet.tenants());
        let owner = tenants.find_map(|(number, known)| (known == tenant).then_some(number));
        move |fleet, image| {
            let number = fleet.find(image)?;
            (Some(fleet.catalogue().tenant_number(number)) == owner).then_some(number as usize)
        }
    }
}
