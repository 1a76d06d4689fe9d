//! The prober: scrapes each process at a fixed offset in the interval, as Prometheus does.

use std::rc::Rc;

use crate::model::observation::Observation;
use crate::sim::kernel::ProcessId;
use crate::sim::world::World;

impl World {
    /// Starts a prober for each process; their offsets spread evenly over the interval.
    pub(in crate::sim::world) fn start_probers(self: &Rc<Self>, interval_ns: u64) {
        let processes = self.processes.len();
        let step_ns = interval_ns / (processes as u64 + 1);
        for (number, position) in (0..processes).zip(1_u64..) {
            let offset_ns = step_ns * position;
            let world = Rc::clone(self);
            self.handle.spawn(ProcessId::WORLD, "prober", async move {
                let mut next_ns = world.handle.now_ns() + offset_ns;
                loop {
                    world.handle.sleep_until_ns(next_ns).await;
                    world.scrape(number);
                    next_ns += interval_ns;
                }
            });
        }
    }

    fn scrape(self: &Rc<Self>, number: usize) {
        self.report_calls(number);
        let incarnation = self.scrapable(number);
        let process = &self.processes.list[number].name;
        self.processes.factory.scrape(process, incarnation.as_ref());
        self.sink.emit(&Observation::Scraped {
            process,
            incarnation: incarnation.as_ref(),
            up: incarnation.is_some(),
        });
    }
}
