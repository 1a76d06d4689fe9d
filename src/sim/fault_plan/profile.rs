//! Fault profiles: number and kinds of the faults that a seed draws.

use std::fmt;
use std::str::FromStr;

use super::generator::FaultGenerator;
use super::injection_times::InjectionTimes;
use super::{PlannedFault, process_names};
use crate::model::fault::FaultKind;
use crate::scenario::{ExpectationScope, ExpectationSpec, Scenario};
use crate::sim::kernel::RandomStream;
use rehearsal_convert::{Index, Saturating};

/// Maximum number of faults that `swarm` draws.
const FAULTS_MAX: u64 = 12;

/// Profile from which the faults of a seed are drawn.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum FaultProfile {
    /// No fault but those that the scenario states.
    #[default]
    None,
    /// About six faults a day, gentle ones.
    Light,
    /// About forty faults a day.
    Heavy,
    /// A time slice, up to twelve faults, operations and options; each seed draws other kinds in
    /// other proportions (swarm testing).
    Swarm,
}

impl FaultProfile {
    /// Every profile.
    pub const ALL: [Self; 4] = [Self::None, Self::Light, Self::Heavy, Self::Swarm];

    /// Name on the command line and in bug files.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Light => "light",
            Self::Heavy => "heavy",
            Self::Swarm => "swarm",
        }
    }

    /// Whether an expectation must hold under this profile. One on the file's own plan need not
    /// hold if the profile draws more.
    pub fn requires(self, expectation: &ExpectationSpec) -> bool {
        self == Self::None || expectation.under == ExpectationScope::AnyProfile
    }

    /// Draws faults for a scenario; equal arguments give equal plans. All of them end before the
    /// scenario does.
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
            Self::Swarm => (1 + stream.below(FAULTS_MAX)).to_index(),
        };
        let weights = self.draw_weights(stream);
        let total: u64 = weights.iter().sum();
        let mut generator = FaultGenerator {
            stream,
            schemas: RandomStream::new(seed, "profile.schemas"),
            resets: RandomStream::new(seed, "profile.resets"),
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

    /// Draws the relative frequency of each kind, by its number.
    fn draw_weights(self, stream: &mut RandomStream) -> Vec<u64> {
        let mut weights: Vec<u64> = FaultKind::ALL
            .iter()
            .map(|kind| match (self, kind) {
                // A share of the failovers.
                (_, FaultKind::QueueReset) => 0,
                (Self::Swarm, _) => stream.below(2) * (1 + stream.below(100)),
                // The most frequent disturbance of a real fleet is a deploy.
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
    ((days * per_day).saturating_u64().min(100_000))
        .to_index()
        .max(least)
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
    fn plans_are_reproducible_and_survive_json() {
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
    fn profiles_draw_every_kind_of_fault() {
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
    fn drawn_faults_are_cut_at_the_end_of_the_scenario() {
        // So short that many faults would last longer.
        let scenario = scenario("20m");
        let end_ns = scenario.duration.as_nanos();
        for profile in [
            FaultProfile::Light,
            FaultProfile::Heavy,
            FaultProfile::Swarm,
        ] {
            let mut cut = 0;
            for planned in (0..50).flat_map(|seed| draw_for(&scenario, profile, seed)) {
                let length = planned.effect.length();
                let length_ns = length.map_or(0, |(_, length)| length.as_nanos());
                assert!(planned.at.as_nanos() + length_ns <= end_ns);
                cut += usize::from(planned.at.as_nanos() + length_ns == end_ns);
            }
            assert!(cut > 0, "{profile} cuts no fault");
        }
    }

    #[test]
    fn light_faults_are_shorter_than_heavy_ones() {
        let longest = |profile| {
            let faults = (0..50).flat_map(|seed| draw(profile, seed));
            let lengths = faults.filter_map(|planned| planned.effect.length());
            lengths.map(|(_, length)| length.as_nanos()).max().unwrap()
        };
        let quarter_ns = 3_600_000_000_000 / 4;
        assert!(longest(FaultProfile::Light) <= quarter_ns);
        assert!(longest(FaultProfile::Heavy) > quarter_ns);
    }
}
