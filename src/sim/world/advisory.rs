//! Advisories: each adds findings to images and an export for the worker.

mod arrival;
mod update;

use std::rc::Rc;
use std::sync::Arc;

use self::arrival::{AdvisoryArrival, plan_arrivals};
use self::update::updated;
use super::World;
use crate::model::Finding;
use crate::scenario::Scenario;
use crate::sim::distribution::DistributionError;
use crate::worker::ports::Export;
use rehearsal_convert::Index;

impl World {
    /// Schedules the arrivals of the advisories, counted from now.
    pub(super) fn schedule_arrivals(
        self: &Rc<Self>,
        scenario: &Scenario,
    ) -> Result<(), DistributionError> {
        let components = (self.fleet.components().len() as u64).index_u32();
        let arrivals = plan_arrivals(scenario, components)?;
        for arrival in updated(arrivals, scenario, components)? {
            let at_ns = self.handle.now_ns().saturating_add(arrival.offset_ns);
            let world = Rc::clone(self);
            self.handle
                .schedule_at(at_ns, move || world.publish(&arrival));
        }
        Ok(())
    }

    /// Adds the findings of an advisory to the images, and then exports it.
    fn publish(self: &Rc<Self>, arrival: &AdvisoryArrival) {
        let catalogue = self.fleet.catalogue();
        for &component in &arrival.components {
            let finding = Finding {
                vulnerability: arrival.vulnerability.clone(),
                component: self.fleet.components()[component as usize].clone(),
                severity: arrival.severity,
                kev: arrival.kev,
            };
            for image in self.fleet.images_with(component) {
                if !arrival.usage_only || catalogue.uses_at_entrypoint(image, component) {
                    self.add_finding(image, &finding);
                }
            }
        }
        let export = Export {
            sequence: 0,
            id: arrival.id.clone(),
            trigger: arrival.trigger,
            tenant: arrival.tenant.clone(),
            product_keys: self.product_keys(arrival),
            usage_only: arrival.usage_only,
        };
        self.publish_export(export);
    }

    /// Returns the product keys of an advisory. Those that no image contains have its name.
    fn product_keys(&self, arrival: &AdvisoryArrival) -> Vec<Arc<str>> {
        let known = arrival.components.iter();
        let known = known.map(|component| self.fleet.components()[*component as usize].clone());
        let unknown = (1..=arrival.unknown_products).map(|number| {
            Arc::from(format!(
                "pkg:generic/unknown-{}-{number}",
                arrival.vulnerability
            ))
        });
        known.chain(unknown).collect()
    }
}
