//! Faults that a scenario states: each occurrence at each process is one planned fault.

use super::{PlannedFault, draw_process, process_names};
use crate::scenario::{FaultEffect, FaultSpec, ProcessTarget, Scenario};
use crate::sim::arrival_times::arrival_times;
use crate::sim::kernel::RandomStream;
use crate::worker::duration::Duration;

/// Plans the stated faults in the order of the scenario. Each draws from a stream of its own.
pub(super) fn plan_stated(scenario: &Scenario, seed: u64) -> Vec<PlannedFault> {
    let processes = process_names(scenario);
    let mut plan = Vec::new();
    for (index, fault) in scenario.faults.iter().enumerate() {
        let stream = &mut RandomStream::new(seed, &format!("fault.plan.{index}"));
        plan_one(fault, scenario, &processes, stream, &mut plan);
    }
    plan
}

fn plan_one(
    fault: &FaultSpec,
    scenario: &Scenario,
    processes: &[String],
    stream: &mut RandomStream,
    plan: &mut Vec<PlannedFault>,
) {
    for offset_ns in arrival_times(&fault.timing, scenario.duration.as_nanos(), stream) {
        let at = Duration::from_nanos(offset_ns);
        let mut add = |effect| plan.push(PlannedFault { at, effect });
        match fault.effect.process() {
            Some(ProcessTarget::All) => processes
                .iter()
                .for_each(|name| add(aimed(fault.effect.clone(), name))),
            Some(ProcessTarget::Any) => {
                let name = draw_process(processes, stream);
                add(aimed(fault.effect.clone(), name));
            }
            Some(ProcessTarget::Named(_)) | None => add(fault.effect.clone()),
        }
    }
}

/// Returns the effect with the process of this name as its target.
fn aimed(mut effect: FaultEffect, name: &str) -> FaultEffect {
    if let FaultEffect::ProcessCrash { process, .. }
    | FaultEffect::GracefulStop { process, .. }
    | FaultEffect::ProcessPause { process, .. }
    | FaultEffect::ClockSkew { process, .. }
    | FaultEffect::Partition { process, .. } = &mut effect
    {
        *process = ProcessTarget::Named(name.to_owned());
    }
    effect
}
