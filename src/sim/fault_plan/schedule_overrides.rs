//! Time zones, shared cron expressions and notify filters of schedules, drawn from a seed: a
//! scenario states each once, and its fires never come together by another way.

use std::fmt;

use super::schedule_generator::ScheduleGenerator;
use super::{FaultProfile, SetArguments};
use crate::model::NotifyPolicy;
use crate::scenario::{Population, Scenario, ScheduleSpec, Share};
use crate::sim::draw_index;
use crate::sim::kernel::RandomStream;
use rehearsal_convert::Nearest;

/// One seed in this many lets schedules share a cron expression.
const SHARED_CRON_ONE_IN: u64 = 4;

/// Maximum number of time zones of a population.
const ZONES_MAX: u64 = 4;

/// Keys of a stated schedule that a profile has drawn; `None` keeps the value of the scenario.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[allow(missing_docs, reason = "each is named after the key that it sets")]
pub struct DrawnSchedule {
    pub id: String,
    pub when_cron: Option<String>,
    pub time_zone: Option<String>,
    pub notify: Option<NotifyPolicy>,
}

/// Keys of a population that a profile has drawn; `None` keeps the value of the scenario.
#[derive(Debug, Clone, Default, PartialEq)]
#[allow(missing_docs, reason = "each is named after the key that it sets")]
pub struct DrawnPopulation {
    pub time_zones: Option<Vec<String>>,
    pub shared_cron_share: Option<Share>,
    pub notify: Option<NotifyPolicy>,
}

/// Keys of all schedules that a profile has drawn.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct ScheduleOverrides {
    /// Stated schedules of which a key was drawn.
    pub schedules: Vec<DrawnSchedule>,
    /// Population; default if the scenario has none.
    pub population: DrawnPopulation,
}

impl ScheduleOverrides {
    /// Draws keys for `swarm`, each kind for some of the seeds and some of the schedules; every
    /// other profile keeps all.
    pub(super) fn draw(profile: FaultProfile, scenario: &Scenario, seed: u64) -> Self {
        if profile != FaultProfile::Swarm {
            return Self::default();
        }
        let stated = scenario.schedules.iter().map(|schedule| DrawnSchedule {
            id: schedule.id.clone(),
            ..DrawnSchedule::default()
        });
        let mut drawn = Self {
            schedules: stated.collect(),
            population: DrawnPopulation::default(),
        };
        let has_population = scenario.population.is_some();
        drawn.draw_crons(scenario, &mut RandomStream::new(seed, "profile.cron"));
        let stream = |name| RandomStream::new(seed, name);
        let generator = |name| ScheduleGenerator::new(scenario, stream(name));
        drawn.draw_time_zones(has_population, &mut generator("profile.time-zones"));
        drawn.draw_filters(has_population, &mut generator("profile.notify"));
        drawn.schedules.retain(DrawnSchedule::is_drawn);
        drawn
    }

    /// Gives several schedules the cron expression of one of them.
    fn draw_crons(&mut self, scenario: &Scenario, stream: &mut RandomStream) {
        if stream.below(SHARED_CRON_ONE_IN) > 0 {
            return;
        }
        let cron = |schedule: &ScheduleSpec| schedule.when_cron.clone();
        let crons: Vec<_> = scenario.schedules.iter().map(cron).collect();
        let all: Vec<_> = crons.iter().flatten().collect();
        if let Some(shared) = all.get(draw_index(stream, all.len().max(1))) {
            for (schedule, own) in self.schedules.iter_mut().zip(&crons) {
                let is_drawn = stream.below(2) == 0 && own.is_some();
                schedule.when_cron = is_drawn.then(|| (*shared).clone());
            }
        }
        if scenario.population.is_some() {
            let tenths = 1 + stream.below(10);
            self.population.shared_cron_share = Some(Share(tenths.nearest_f64() / 10.0));
        }
    }

    fn draw_time_zones(&mut self, has_population: bool, generator: &mut ScheduleGenerator<'_>) {
        if generator.stream.below(2) > 0 {
            return;
        }
        for schedule in &mut self.schedules {
            let zone = generator.time_zone();
            schedule.time_zone = generator.stream.chance(0.5).then_some(zone);
        }
        if has_population {
            let count = 1 + generator.stream.below(ZONES_MAX);
            let zones = (0..count).map(|_| generator.time_zone()).collect();
            self.population.time_zones = Some(zones);
        }
    }

    fn draw_filters(&mut self, has_population: bool, generator: &mut ScheduleGenerator<'_>) {
        if generator.stream.below(2) > 0 {
            return;
        }
        for schedule in &mut self.schedules {
            let notify = generator.notify();
            schedule.notify = generator.stream.chance(0.5).then_some(notify);
        }
        self.population.notify = has_population.then(|| generator.notify());
    }

    /// Returns the scenario with the drawn keys set.
    pub(super) fn applied_to(&self, mut scenario: Scenario) -> Scenario {
        for drawn in &self.schedules {
            let mut schedules = scenario.schedules.iter_mut();
            if let Some(schedule) = schedules.find(|schedule| schedule.id == drawn.id) {
                drawn.set(schedule);
            }
        }
        if let Some(population) = &mut scenario.population {
            self.population.set(population);
        }
        scenario
    }
}

/// Sets a key if it was drawn.
fn set<T: Clone>(key: &mut T, drawn: Option<&T>) {
    if let Some(drawn) = drawn {
        *key = drawn.clone();
    }
}

impl DrawnSchedule {
    const fn is_drawn(&self) -> bool {
        self.when_cron.is_some() || self.time_zone.is_some() || self.notify.is_some()
    }

    fn set(&self, schedule: &mut ScheduleSpec) {
        if self.when_cron.is_some() {
            schedule.when_cron.clone_from(&self.when_cron);
        }
        set(&mut schedule.time_zone, self.time_zone.as_ref());
        set(&mut schedule.notify, self.notify.as_ref());
    }
}

impl DrawnPopulation {
    fn set(&self, population: &mut Population) {
        set(&mut population.time_zones, self.time_zones.as_ref());
        set(
            &mut population.shared_cron_share,
            self.shared_cron_share.as_ref(),
        );
        set(&mut population.notify, self.notify.as_ref());
    }
}

impl fmt::Display for ScheduleOverrides {
    /// Writes the keys as arguments of `--set`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut arguments = SetArguments::default();
        for drawn in &self.schedules {
            let section = format!("schedule.{}", drawn.id);
            arguments.add(&section, "whenCron", drawn.when_cron.as_ref());
            arguments.add(&section, "timeZone", drawn.time_zone.as_ref());
            arguments.add(&section, "notify", drawn.notify.as_ref());
        }
        let drawn = &self.population;
        arguments.add("schedules", "timeZones", drawn.time_zones.as_ref());
        arguments.add(
            "schedules",
            "sharedCronShare",
            drawn.shared_cron_share.as_ref(),
        );
        arguments.add("schedules", "notify", drawn.notify.as_ref());
        arguments.fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scenario::Loader;

    const TEXT: &str = "name = \"drawn\"\nduration = \"1d\"\n\
                        [[schedule]]\nid = \"nightly\"\nwhenCron = \"0 2 * * *\"\n\
                        [[schedule]]\nid = \"often\"\nwhenCron = \"*/5 * * * *\"\n\
                        [[schedule]]\nid = \"advised\"\ntriggers = [\"conselier\"]\n\
                        [schedules]\ncount = 20\n";

    fn scenario(overrides: &[String]) -> Scenario {
        let loader = Loader {
            overrides: overrides.to_vec(),
            ..Loader::default()
        };
        let scenario = loader.parse("drawn.toml", TEXT, None);
        scenario.unwrap_or_else(|problems| panic!("{problems}"))
    }

    #[test]
    fn swarm_draws_zones_shared_crons_and_filters_for_some_seeds() {
        let scenario = scenario(&[]);
        let mut seeds = [0; 6];
        for seed in 0..200 {
            let drawn = ScheduleOverrides::draw(FaultProfile::Swarm, &scenario, seed);
            let any = |is: fn(&DrawnSchedule) -> bool| drawn.schedules.iter().any(is);
            let is_drawn = [
                any(|schedule| schedule.time_zone.is_some()),
                any(|schedule| schedule.notify.is_some()),
                any(|schedule| schedule.when_cron.is_some()),
                drawn.population.time_zones.is_some(),
                drawn.population.notify.is_some(),
                drawn.population.shared_cron_share.is_some(),
            ];
            for (count, is_drawn) in seeds.iter_mut().zip(is_drawn) {
                *count += usize::from(is_drawn);
            }
            let advised = drawn.schedules.iter().find(|drawn| drawn.id == "advised");
            assert!(advised.is_none_or(|advised| advised.when_cron.is_none()));
        }
        let expected = [60..120, 60..120, 20..70, 70..130, 70..130, 30..75];
        let pairs = seeds.iter().zip(&expected);
        assert!(
            pairs.clone().all(|(count, range)| range.contains(count)),
            "{seeds:?}"
        );
        for profile in [FaultProfile::None, FaultProfile::Light, FaultProfile::Heavy] {
            let drawn = ScheduleOverrides::draw(profile, &scenario, 1);
            assert_eq!(drawn.applied_to(scenario.clone()), scenario);
        }
    }

    #[test]
    fn drawn_keys_are_set_as_the_command_line_takes_them() {
        let stated = scenario(&[]);
        for seed in 0..50 {
            let drawn = ScheduleOverrides::draw(FaultProfile::Swarm, &stated, seed);
            let text = drawn.to_string();
            let arguments = text.split("--set '").skip(1);
            let overrides =
                arguments.map(|argument| argument.trim_end().trim_end_matches('\'').to_owned());
            let overrides: Vec<String> = overrides.collect();
            assert_eq!(
                drawn.applied_to(stated.clone()),
                scenario(&overrides),
                "{text}"
            );
        }
    }
}
