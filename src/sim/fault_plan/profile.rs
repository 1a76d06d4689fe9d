//! Faults drawn from a seed: how often, and which.

use std::fmt;
use std::str::FromStr;

use super::generator::FaultGenerator;
use super::injection_times::InjectionTimes;
use super::planned::{PlannedFault, process_names};
use crate::model::fault::FaultKind;
use crate::scenario::Scenario;
use crate::sim::kernel::RandomStream;

/// `swarm` draws so many faults at most.
const FAULTS_MAX: u64 = 12;

/// How much is drawn.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum FaultProfile {
    /// Nothing: only what the scenario states.
    #[default]
    None,
    /// A bad day.
    Light,
    /// A bad day every few hours.
    Heavy,
    /// For each seed other kinds, in other proportions; some options are drawn too, so that rare
    /// paths are common.
    Swarm,
}

impl FaultProfile {
    /// Every profile.
    pub const ALL: [Self; 4] = [Self::None, Self::Light, Self::Heavy, Self::Swarm];

    /// Its name.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Light => "light",
            Self::Heavy => "heavy",
            Self::Swarm => "swarm",
        }
    }

    /// Draws faults for a scenario. The same scenario, profile and seed give the same plan. All end
    /// before the scenario does.
    pub(super) fn draw_plan(
        self,
        scenario: &Scenario,
        times: &InjectionTimes,
        seed: u64,
    ) -> Vec<PlannedFault> {
        let stream = &mut RandomStream::new(seed, "profile.plan");
        let days = scenario.duration.as_secs_f64() / 86_400.0;
        let count = match self {
            Self::None => return Vec::new(),
            Self::Light => faults_in(days, 6.0, 3),
            Self::Heavy => faults_in(days, 40.0, 20),
            Self::Swarm => 1 + stream.below(FAULTS_MAX) as usize,
        };
        let weights = self.draw_weights(stream);
        let total: u64 = weights.iter().sum();
        let mut generator = FaultGenerator {
            stream,
            processes: process_names(scenario),
            length_ns_max: 0,
            is_gentle: self == Self::Light,
        };
        let mut plan = Vec::with_capacity(count);
        for _ in 0..count {
            let at = times.draw(generator.stream);
            generator.length_ns_max = scenario.duration.as_nanos() - at.as_nanos();
            let mut ticket = generator.stream.below(total);
            let kind = FaultKind::ALL.iter().zip(&weights).find(|(_, weight)| {
                let is_drawn = ticket < **weight;
                ticket = ticket.saturating_sub(**weight);
                is_drawn
            });
            plan.extend(kind.map(|(kind, _)| PlannedFault {
                at,
                effect: generator.draw(*kind),
            }));
        }
        plan
    }

    /// How likely each kind is.
    fn draw_weights(self, stream: &mut RandomStream) -> Vec<u64> {
        let mut weights: Vec<u64> = FaultKind::ALL
            .iter()
            .map(|kind| match (self, kind) {
                (Self::Swarm, _) => stream.below(2) * (1 + stream.below(100)),
                // The commonest fault is a deploy.
                (_, FaultKind::RollingDeploy) => 3,
                _ => 1,
            })
            .collect();
        if weights.iter().all(|weight| *weight == 0) {
            weights[FaultKind::ProcessCrash as usize] = 1;
        }
        weights
    }
}

impl FromStr for FaultProfile {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let found = Self::ALL
            .into_iter()
            .find(|profile| profile.as_str() == text);
        found.ok_or_else(|| format!("`{text}` is no profile: use none, light, heavy or swarm"))
    }
}

impl fmt::Display for FaultProfile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

fn faults_in(days: f64, per_day: f64, least: usize) -> usize {
    // The cast saturates; nobody wants more than that.
    ((days * per_day) as usize).clamp(least, 100_000)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scenario::Loader;

    fn scenario(duration: &str) -> Scenario {
        let text = format!(
            "name = \"plan\"\nduration = \"{duration}\"\n[[schedule]]\nid = \"nightly\"\n\
             whenCron = \"*/5 * * * *\"\n"
        );
        Loader::default().parse("plan.toml", &text, None).unwrap()
    }

    fn draw(profile: FaultProfile, seed: u64) -> Vec<PlannedFault> {
        draw_for(&scenario("1d"), profile, seed)
    }

    fn draw_for(scenario: &Scenario, profile: FaultProfile, seed: u64) -> Vec<PlannedFault> {
        profile.draw_plan(scenario, &InjectionTimes::new(scenario, profile), seed)
    }

    #[test]
    fn a_plan_is_the_same_each_time_and_reads_back() {
        for profile in FaultProfile::ALL {
            let plan = draw(profile, 7);
            assert_eq!(plan, draw(profile, 7));
            assert_eq!(plan.is_empty(), profile == FaultProfile::None);
            let json = serde_json::to_string(&plan).unwrap();
            assert_eq!(
                serde_json::from_str::<Vec<PlannedFault>>(&json).unwrap(),
                plan
            );
            assert_eq!(profile.as_str().parse(), Ok(profile));
        }
    }

    #[test]
    fn every_kind_is_drawn_by_every_profile() {
        for profile in [
            FaultProfile::Light,
            FaultProfile::Heavy,
            FaultProfile::Swarm,
        ] {
            for kind in FaultKind::ALL {
                let is_drawn = (0..400).any(|seed| {
                    let plan = draw(profile, seed);
                    plan.iter().any(|planned| planned.effect.kind() == *kind)
                });
                assert!(is_drawn, "{profile} never draws {}", kind.as_str());
            }
        }
    }

    #[test]
    fn drawn_faults_end_before_the_scenario_does() {
        // So short that many would last longer.
        let scenario = scenario("20m");
        let mut faults = 0;
        for profile in [
            FaultProfile::Light,
            FaultProfile::Heavy,
            FaultProfile::Swarm,
        ] {
            for planned in (0..50).flat_map(|seed| draw_for(&scenario, profile, seed)) {
                let length = planned.effect.length();
                let length = length.map_or(0, |(_, length)| length.as_nanos());
                assert!(planned.at.as_nanos() + length <= scenario.duration.as_nanos());
                faults += 1;
            }
        }
        assert!(faults > 100, "{faults} faults");
    }
}
