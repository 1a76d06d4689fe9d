//! Changes of findings and updates of advisories, drawn from a seed: reports in which findings only
//! ever come, all known at once, hide what a worker makes of the others.

use std::fmt;

use super::{FaultProfile, SetArguments, draw_log_uniform};
use crate::scenario::{DistributionSpec, DurationDistribution, Scenario, Share};
use crate::sim::kernel::RandomStream;
use crate::worker::duration::Duration;
use rehearsal_convert::{Nearest, Saturating};

/// Range of the mean delay of an update, in seconds: within a slice.
const UPDATE_SECONDS: (f64, f64) = (30.0, 1_800.0);

/// Keys of deltas and advisories that a profile has drawn; `None` keeps the value of the scenario.
#[derive(Debug, Clone, Default, PartialEq)]
#[allow(missing_docs, reason = "each is named after the key that it sets")]
pub struct FindingOverrides {
    pub probability: Option<Share>,
    pub fix_probability: Option<Share>,
    pub late_kev_probability: Option<Share>,
    pub unknown_product_share: Option<Share>,
    pub spread_share: Option<Share>,
    pub late_kev_share: Option<Share>,
    pub update_delay: Option<DurationDistribution>,
}

impl FindingOverrides {
    /// Draws keys for `swarm`, each for half of the seeds; those of advisories only if the scenario
    /// has any. Every other profile keeps all.
    pub(super) fn draw(profile: FaultProfile, scenario: &Scenario, seed: u64) -> Self {
        if profile != FaultProfile::Swarm {
            return Self::default();
        }
        let stream = &mut RandomStream::new(seed, "profile.findings");
        let mut often = || {
            let twentieths = 1 + stream.below(10);
            let share = Share(twentieths.nearest_f64() / 20.0);
            (stream.below(2) == 0).then_some(share)
        };
        let drawn = Self {
            probability: often(),
            fix_probability: often(),
            late_kev_probability: often(),
            ..Self::default()
        };
        if scenario.advisories.is_none() {
            return drawn;
        }
        let drawn = Self {
            unknown_product_share: often(),
            spread_share: often(),
            late_kev_share: often(),
            ..drawn
        };
        let mean = draw_log_uniform(stream, UPDATE_SECONDS.0, UPDATE_SECONDS.1);
        let mean = Duration::from_secs(mean.saturating_u64());
        let is_updated = drawn.spread_share.is_some() || drawn.late_kev_share.is_some();
        Self {
            update_delay: is_updated.then_some(DistributionSpec::Exponential { mean }),
            ..drawn
        }
    }

    /// Returns the scenario with the drawn keys set.
    pub(super) fn applied_to(&self, mut scenario: Scenario) -> Scenario {
        let set = |key: &mut Share, drawn: Option<Share>| *key = drawn.unwrap_or(*key);
        let deltas = &mut scenario.deltas;
        set(&mut deltas.probability, self.probability);
        set(&mut deltas.fix_probability, self.fix_probability);
        set(&mut deltas.late_kev_probability, self.late_kev_probability);
        if let Some(advisories) = &mut scenario.advisories {
            set(
                &mut advisories.unknown_product_share,
                self.unknown_product_share,
            );
            set(&mut advisories.spread_share, self.spread_share);
            set(&mut advisories.late_kev_share, self.late_kev_share);
            if let Some(delay) = &self.update_delay {
                advisories.update_delay = delay.clone();
            }
        }
        scenario
    }
}

impl fmt::Display for FindingOverrides {
    /// Writes the keys as arguments of `--set`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut arguments = SetArguments::default();
        let shares = [
            ("deltas", "probability", self.probability),
            ("deltas", "fixProbability", self.fix_probability),
            ("deltas", "lateKevProbability", self.late_kev_probability),
            (
                "advisories",
                "unknownProductShare",
                self.unknown_product_share,
            ),
            ("advisories", "spreadShare", self.spread_share),
            ("advisories", "lateKevShare", self.late_kev_share),
        ];
        for (section, key, share) in shares {
            arguments.add(section, key, share.as_ref());
        }
        arguments.add("advisories", "updateDelay", self.update_delay.as_ref());
        arguments.fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scenario::Loader;

    fn scenario(more: &str, overrides: &[String]) -> Scenario {
        let text =
            format!("name = \"findings\"\nduration = \"1h\"\n[[schedule]]\nid = \"s\"\n{more}");
        let loader = Loader {
            overrides: overrides.to_vec(),
            ..Loader::default()
        };
        let scenario = loader.parse("findings.toml", &text, None);
        scenario.unwrap_or_else(|problems| panic!("{problems}"))
    }

    #[test]
    fn swarm_draws_each_key_for_about_half_of_the_seeds() {
        let scenario = scenario("[advisories]\n", &[]);
        let mut counts = [0; 6];
        for seed in 0..200 {
            let drawn = FindingOverrides::draw(FaultProfile::Swarm, &scenario, seed);
            let shares = [
                drawn.probability,
                drawn.fix_probability,
                drawn.late_kev_probability,
                drawn.unknown_product_share,
                drawn.spread_share,
                drawn.late_kev_share,
            ];
            for (count, share) in counts.iter_mut().zip(shares) {
                *count += usize::from(share.is_some());
            }
        }
        let is_half = |count: &usize| (70..130).contains(count);
        assert!(counts.iter().all(is_half), "{counts:?}");
        for profile in [FaultProfile::None, FaultProfile::Light, FaultProfile::Heavy] {
            let drawn = FindingOverrides::draw(profile, &scenario, 1);
            assert_eq!(drawn, FindingOverrides::default());
        }
    }

    #[test]
    fn drawn_keys_are_set_as_the_command_line_takes_them() {
        for more in ["", "[advisories]\n"] {
            let stated = scenario(more, &[]);
            for seed in 0..20 {
                let drawn = FindingOverrides::draw(FaultProfile::Swarm, &stated, seed);
                let text = drawn.to_string();
                let arguments = text.split("--set '").skip(1);
                let arguments = arguments.map(|text| text.trim_end().trim_end_matches('\''));
                let overrides: Vec<String> = arguments.map(str::to_owned).collect();
                let expected = scenario(more, &overrides);
                assert_eq!(drawn.applied_to(stated.clone()), expected, "{text}");
            }
        }
    }
}
