//! The last committed report of each (tenant, image).

use std::collections::BTreeMap;
use std::rc::Rc;

use crate::model::{Baseline, ImageDigest, TenantId};
use crate::sim::fleet::Fleet;

/// Baselines of the fleet's images by number, which is what makes a million of them affordable. A
/// worker in error may write one for an image that isn't the tenant's: it is kept all the same, for
/// the checks to find.
#[derive(Debug)]
pub(super) struct Baselines {
    fleet: Rc<Fleet>,
    of_fleet: Vec<Option<Baseline>>,
    strange: BTreeMap<(TenantId, ImageDigest), Baseline>,
}

impl Baselines {
    pub fn new(fleet: Rc<Fleet>) -> Self {
        Self {
            of_fleet: vec![None; fleet.len()],
            fleet,
            strange: BTreeMap::new(),
        }
    }

    fn number(&self, tenant: &TenantId, image: &ImageDigest) -> Option<usize> {
        let number = self.fleet.find(image)?;
        (self.fleet.tenant(number) == tenant).then_some(number as usize)
    }

    pub fn get(&self, tenant: &TenantId, image: &ImageDigest) -> Option<&Baseline> {
        match self.number(tenant, image) {
            Some(number) => self.of_fleet[number].as_ref(),
            None => self.strange.get(&(tenant.clone(), *image)),
        }
    }

    pub fn set(&mut self, tenant: &TenantId, image: &ImageDigest, baseline: Baseline) {
        match self.number(tenant, image) {
            Some(number) => self.of_fleet[number] = Some(baseline),
            None => {
                self.strange.insert((tenant.clone(), *image), baseline);
            }
        }
    }
}
