//! Faults drawn from a seed: how often, which, how bad.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use super::planned::{PlannedFault, draw_process, process_names};
use crate::model::duration::Duration;
use crate::model::fault::FaultKind;
use crate::model::observation::PortName;
use crate::scenario::{FaultEffect, ProcessTarget, QueueTarget, Scenario, Share};
use crate::sim::kernel::Stream;
use crate::worker::options::WorkerOptions;

/// How much is drawn.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Profile {
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

impl Profile {
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

    /// Draws faults for a scenario. The same scenario, profile and seed give the same plan. All
    /// begin in the first nine tenths of the scenario and last a tenth of it at most.
    pub(super) fn draw_plan(self, scenario: &Scenario, seed: u64) -> Vec<PlannedFault> {
        let stream = &mut Stream::new(seed, "profile.plan");
        let days = scenario.duration.as_secs_f64() / 86_400.0;
        let count = match self {
            Self::None => return Vec::new(),
            Self::Light => faults_in(days, 6.0, 3),
            Self::Heavy => faults_in(days, 40.0, 20),
            Self::Swarm => faults_in(days, 1.0 + stream.below(80) as f64, 5),
        };
        let weights = self.draw_weights(stream);
        let total: u64 = weights.iter().sum();
        let mut artist = Artist {
            stream,
            processes: process_names(scenario),
            length_ns_max: scenario.duration.as_nanos() / 10,
            is_gentle: self == Self::Light,
        };
        let mut plan = Vec::with_capacity(count);
        for _ in 0..count {
            let at_ns = artist.stream.below(scenario.duration.as_nanos() / 10 * 9);
            let mut ticket = artist.stream.below(total);
            let kind = FaultKind::ALL.iter().zip(&weights).find(|(_, weight)| {
                let is_drawn = ticket < **weight;
                ticket = ticket.saturating_sub(**weight);
                is_drawn
            });
            plan.extend(kind.map(|(kind, _)| PlannedFault {
                at: Duration::from_nanos(at_ns),
                effect: artist.draw(*kind),
            }));
        }
        plan
    }

    /// How likely each kind is.
    fn draw_weights(self, stream: &mut Stream) -> Vec<u64> {
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

    /// Draws options that make rare paths common; none but for `swarm`.
    pub(super) fn draw_overrides(self, seed: u64) -> Overrides {
        let stream = &mut Stream::new(seed, "profile.options");
        let mut often = |values: [u64; 3]| {
            let place = stream.below(2 * values.len() as u64) as usize;
            values.get(place).copied()
        };
        if self != Self::Swarm {
            return Overrides::default();
        }
        Overrides {
            segment_size: often([1, 3, 17]).map(|size| size as u32),
            segments_at_once: often([1, 2, 30]).map(|count| count as u32),
            lease: often([6, 10, 20]).map(Duration::from_secs),
            max_delivery_attempts: often([2, 3, 8]).map(|count| count as u32),
            planner_batch: often([1, 2, 5]).map(|count| count as u32),
        }
    }
}

/// Options of the worker that a profile has drawn. Those that are absent stay.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
#[allow(missing_docs, reason = "each is named after the option that it sets")]
pub struct Overrides {
    pub segment_size: Option<u32>,
    pub segments_at_once: Option<u32>,
    pub lease: Option<Duration>,
    pub max_delivery_attempts: Option<u32>,
    pub planner_batch: Option<u32>,
}

impl Overrides {
    /// Sets the options. What follows from the lease is kept in proportion.
    pub fn apply(&self, options: &mut WorkerOptions) {
        let set = |option: &mut u32, value: Option<u32>| *option = value.unwrap_or(*option);
        set(&mut options.segment_size, self.segment_size);
        set(&mut options.segments_at_once, self.segments_at_once);
        set(
            &mut options.max_delivery_attempts,
            self.max_delivery_attempts,
        );
        set(&mut options.planner_batch, self.planner_batch);
        if let Some(lease) = self.lease {
            options.lease = lease.std();
            options.lease_patience = options.lease_patience.min(options.lease / 3);
        }
    }
}

impl fmt::Display for Overrides {
    /// Writes them as `--set` takes them.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let numbers = [
            ("segmentSize", self.segment_size),
            ("segmentsAtOnce", self.segments_at_once),
            ("maxDeliveryAttempts", self.max_delivery_attempts),
            ("plannerBatch", self.planner_batch),
        ];
        let number =
            |(key, value): (&'static str, Option<u32>)| value.map(|value| (key, value.to_string()));
        let lease = self.lease.map(|lease| ("lease", format!("\"{lease}\"")));
        let mut separator = "";
        for (key, value) in numbers.into_iter().filter_map(number).chain(lease) {
            write!(f, "{separator}--set 'workers.options.{key}={value}'")?;
            separator = " ";
        }
        Ok(())
    }
}

impl FromStr for Profile {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let found = Self::ALL
            .into_iter()
            .find(|profile| profile.as_str() == text);
        found.ok_or_else(|| format!("`{text}` is no profile: use none, light, heavy or swarm"))
    }
}

impl fmt::Display for Profile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

fn faults_in(days: f64, per_day: f64, least: usize) -> usize {
    // The cast saturates; nobody wants more than that.
    ((days * per_day) as usize).clamp(least, 100_000)
}

/// Draws single faults.
struct Artist<'a> {
    stream: &'a mut Stream,
    processes: Vec<String>,
    length_ns_max: u64,
    is_gentle: bool,
}

impl Artist<'_> {
    /// A length of up to `seconds_max`; the short are as likely as the long.
    fn length(&mut self, seconds_max: u64) -> Duration {
        let seconds_max = if self.is_gentle {
            seconds_max.div_ceil(4)
        } else {
            seconds_max
        };
        let magnitudes = libm::log(seconds_max as f64) * self.stream.uniform();
        let length_ns = (libm::exp(magnitudes) * 1e9) as u64;
        Duration::from_nanos(length_ns.min(self.length_ns_max).max(1))
    }

    fn between(&mut self, low: f64, high: f64) -> f64 {
        let high = if self.is_gentle {
            low + (high - low) / 4.0
        } else {
            high
        };
        low + (high - low) * self.stream.uniform()
    }

    fn share(&mut self, high: f64) -> Share {
        Share(self.between(0.01, high))
    }

    fn process(&mut self) -> ProcessTarget {
        ProcessTarget::Named(draw_process(&self.processes, self.stream).to_owned())
    }

    fn queue(&mut self) -> QueueTarget {
        match self.stream.below(3) {
            0 => QueueTarget::Planner,
            1 => QueueTarget::Runner,
            _ => QueueTarget::All,
        }
    }

    fn port(&mut self) -> PortName {
        match self.stream.below(6) {
            0 => PortName::Store,
            1 => PortName::Queue,
            2 => PortName::Scanner,
            3 => PortName::Notify,
            4 => PortName::Impact,
            _ => PortName::Scrape,
        }
    }

    fn draw(&mut self, kind: FaultKind) -> FaultEffect {
        match kind {
            FaultKind::ProcessCrash
            | FaultKind::GracefulStop
            | FaultKind::RollingDeploy
            | FaultKind::ProcessPause
            | FaultKind::ClockSkew
            | FaultKind::Partition => self.draw_of_process(kind),
            FaultKind::ScannerOutage
            | FaultKind::ScannerSlow
            | FaultKind::ScannerError
            | FaultKind::ScannerThrottle
            | FaultKind::ScannerRefusal
            | FaultKind::NotifyOutage
            | FaultKind::ImpactOutage => self.draw_of_service(kind),
            FaultKind::StoreOutage
            | FaultKind::CommitConflict
            | FaultKind::CommitAnswerLost
            | FaultKind::Purge => self.draw_of_store(kind),
            FaultKind::QueueOutage
            | FaultKind::QueueDelay
            | FaultKind::DuplicateDelivery
            | FaultKind::Reordering
            | FaultKind::AcknowledgementLost
            | FaultKind::RenewalLost
            | FaultKind::PoisonedMessage => self.draw_of_queue(kind),
        }
    }

    fn draw_of_process(&mut self, kind: FaultKind) -> FaultEffect {
        let process = self.process();
        match kind {
            FaultKind::ProcessCrash => FaultEffect::ProcessCrash {
                process,
                downtime: self.length(60),
            },
            FaultKind::GracefulStop => FaultEffect::GracefulStop {
                process,
                downtime: self.length(60),
            },
            FaultKind::ProcessPause => FaultEffect::ProcessPause {
                process,
                duration: self.length(300),
            },
            FaultKind::ClockSkew => FaultEffect::ClockSkew {
                process,
                duration: self.length(3_600),
                drift: self.between(-0.1, 0.1),
            },
            FaultKind::Partition => FaultEffect::Partition {
                process,
                port: self.port(),
                duration: self.length(300),
            },
            _ => FaultEffect::RollingDeploy {
                downtime: self.length(30),
                pause: self.length(60),
            },
        }
    }

    fn draw_of_service(&mut self, kind: FaultKind) -> FaultEffect {
        match kind {
            FaultKind::ScannerSlow => FaultEffect::ScannerSlow {
                duration: self.length(1_800),
                factor: self.between(2.0, 30.0),
            },
            FaultKind::ScannerError => FaultEffect::ScannerError {
                duration: self.length(900),
                probability: self.share(0.7),
            },
            FaultKind::ScannerThrottle => FaultEffect::ScannerThrottle {
                duration: self.length(900),
                probability: self.share(0.7),
                retry_after: self.length(60).into(),
            },
            FaultKind::ScannerRefusal => FaultEffect::ScannerRefusal {
                duration: self.length(900),
                probability: self.share(0.1),
            },
            FaultKind::NotifyOutage => FaultEffect::NotifyOutage {
                duration: self.length(3_600),
            },
            FaultKind::ImpactOutage => FaultEffect::ImpactOutage {
                duration: self.length(900),
            },
            _ => FaultEffect::ScannerOutage {
                duration: self.length(900),
            },
        }
    }

    fn draw_of_store(&mut self, kind: FaultKind) -> FaultEffect {
        match kind {
            FaultKind::CommitConflict => FaultEffect::CommitConflict {
                duration: self.length(900),
                probability: self.share(0.5),
            },
            FaultKind::CommitAnswerLost => FaultEffect::CommitAnswerLost {
                duration: self.length(900),
                probability: self.share(0.5),
            },
            FaultKind::Purge => FaultEffect::Purge {
                older_than: self.length(21_600),
            },
            _ => FaultEffect::StoreOutage {
                duration: self.length(900),
            },
        }
    }

    fn draw_of_queue(&mut self, kind: FaultKind) -> FaultEffect {
        let queue = self.queue();
        let duration = self.length(900);
        match kind {
            FaultKind::QueueDelay => FaultEffect::QueueDelay {
                queue,
                duration,
                delay: self.length(60).into(),
                probability: self.share(0.7),
            },
            FaultKind::DuplicateDelivery => FaultEffect::DuplicateDelivery {
                queue,
                duration,
                probability: self.share(0.5),
            },
            FaultKind::Reordering => FaultEffect::Reordering {
                queue,
                duration,
                probability: self.share(1.0),
            },
            FaultKind::AcknowledgementLost => FaultEffect::AcknowledgementLost {
                queue,
                duration,
                probability: self.share(0.3),
            },
            FaultKind::RenewalLost => FaultEffect::RenewalLost {
                queue,
                duration,
                probability: self.share(1.0),
            },
            FaultKind::PoisonedMessage => FaultEffect::PoisonedMessage {
                queue,
                count: 1 + self.stream.below(2) as u32,
            },
            _ => FaultEffect::QueueOutage { queue, duration },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scenario::Loader;

    fn scenario() -> Scenario {
        let text = "name = \"plan\"\nduration = \"1d\"\n[[schedule]]\nid = \"nightly\"\n\
                    whenCron = \"0 2 * * *\"\n";
        Loader::default().parse("plan.toml", text, None).unwrap()
    }

    #[test]
    fn a_plan_is_the_same_each_time_and_reads_back() {
        for profile in Profile::ALL {
            let plan = profile.draw_plan(&scenario(), 7);
            assert_eq!(plan, profile.draw_plan(&scenario(), 7));
            assert_eq!(plan.is_empty(), profile == Profile::None);
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
        for profile in [Profile::Light, Profile::Heavy, Profile::Swarm] {
            for kind in FaultKind::ALL {
                let is_drawn = (0..400).any(|seed| {
                    let plan = profile.draw_plan(&scenario(), seed);
                    plan.iter().any(|planned| planned.effect.kind() == *kind)
                });
                assert!(is_drawn, "{profile} never draws {}", kind.as_str());
            }
        }
    }

    #[test]
    fn drawn_faults_end_before_the_scenario_does() {
        for seed in 0..50 {
            for planned in Profile::Swarm.draw_plan(&scenario(), seed) {
                let length = planned
                    .effect
                    .length()
                    .map_or(0, |(_, length)| length.as_nanos());
                assert!(planned.at.as_nanos() + length <= scenario().duration.as_nanos());
            }
        }
    }

    #[test]
    fn drawn_options_are_valid() {
        for seed in 0..100 {
            let mut options = WorkerOptions::default();
            Profile::Swarm.draw_overrides(seed).apply(&mut options);
            assert_eq!(options.validate(), Ok(()));
        }
        assert_eq!(Profile::Heavy.draw_overrides(1), Overrides::default());
    }
}
