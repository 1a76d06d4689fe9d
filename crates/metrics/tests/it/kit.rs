//! The laws of `rehearsal-metrics-laws` hold for this registry, and each detects a violation.

use std::sync::Arc;
use std::time::Duration;

use rehearsal_metrics::exposition::{ExpositionFormat, render};
use rehearsal_metrics::{Bounds, CollectContext, Family, Labels, Registry};
use rehearsal_metrics_laws::{LawViolation, RegistryUnderTest, laws, registry_laws};

struct Ours(Registry);

fn labels(pairs: &[(&str, &str)]) -> Labels {
    let owned = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
    let pairs = pairs.iter().map(owned);
    Labels::new("", pairs.map(|(name, value)| (name.into(), value.into()))).expect("valid")
}

impl RegistryUnderTest for Ours {
    fn create() -> Self {
        Self(Registry::new())
    }

    fn counter(&self, name: &str, pairs: &[(&str, &str)]) -> Box<dyn Fn(u64)> {
        let family = Family::counter(name.to_owned());
        let counter = self
            .0
            .counter(&family, labels(pairs))
            .expect("a valid name");
        Box::new(move |count| counter.add(count))
    }

    fn gauge(&self, name: &str, pairs: &[(&str, &str)]) -> Box<dyn Fn(f64)> {
        let family = Family::gauge(name.to_owned());
        let gauge = self.0.gauge(&family, labels(pairs)).expect("a valid name");
        Box::new(move |value| gauge.set(value))
    }

    fn histogram(&self, name: &str, pairs: &[(&str, &str)], bounds: &[f64]) -> Box<dyn Fn(f64)> {
        let family = Family::histogram(name.to_owned(), Bounds::new(bounds).expect("rising"));
        let histogram = self
            .0
            .histogram(&family, labels(pairs))
            .expect("a valid name");
        Box::new(move |sample| histogram.record(sample))
    }

    fn render(&self) -> String {
        render(
            ExpositionFormat::Text,
            &self.0,
            &CollectContext::at(Duration::ZERO),
        )
    }
}

registry_laws!(Ours);

/// Registry with one defect.
struct Broken<const FAULT: usize> {
    registry: Ours,
    renders: Arc<std::sync::atomic::AtomicU64>,
}

const LOSES_LARGE_ADDITIONS: usize = 0;
const FALLS: usize = 1;
const DROPS_SAMPLES_AT_BOUNDS: usize = 2;
const ROUNDS_SUMS: usize = 3;
const LEAVES_QUOTES_UNESCAPED: usize = 4;

impl<const FAULT: usize> RegistryUnderTest for Broken<FAULT> {
    fn create() -> Self {
        Self {
            registry: Ours::create(),
            renders: Arc::default(),
        }
    }

    fn counter(&self, name: &str, labels: &[(&str, &str)]) -> Box<dyn Fn(u64)> {
        let add = self.registry.counter(name, labels);
        let most = if FAULT == LOSES_LARGE_ADDITIONS {
            1000
        } else {
            u64::MAX
        };
        Box::new(move |count| add(count.min(most)))
    }

    fn gauge(&self, name: &str, labels: &[(&str, &str)]) -> Box<dyn Fn(f64)> {
        self.registry.gauge(name, labels)
    }

    fn histogram(&self, name: &str, labels: &[(&str, &str)], bounds: &[f64]) -> Box<dyn Fn(f64)> {
        let observe = self.registry.histogram(name, labels, bounds);
        let bounds = bounds.to_vec();
        Box::new(move |sample| {
            if FAULT == DROPS_SAMPLES_AT_BOUNDS && bounds.contains(&sample) {
                return;
            }
            observe(sample);
        })
    }

    fn render(&self) -> String {
        let renders = self
            .renders
            .fetch_add(1, std::sync::atomic::Ordering::Relaxed);
        let text = self.registry.render();
        let changed = |line: &str| match FAULT {
            FALLS if line.starts_with("requests_total") && renders % 2 == 1 => line
                .rsplit_once(' ')
                .map(|(series, _)| format!("{series} 0")),
            ROUNDS_SUMS if line.starts_with("duration_seconds_sum") => {
                let (series, sum) = line.rsplit_once(' ')?;
                let sum: f64 = sum.parse().ok()?;
                Some(format!("{series} {}", (sum / 10.0).round() * 10.0))
            }
            LEAVES_QUOTES_UNESCAPED => Some(line.replace("\\\"", "\"")),
            _ => None,
        };
        let lines = text
            .split('\n')
            .map(|line| changed(line).unwrap_or_else(|| line.to_owned()));
        lines.collect::<Vec<_>>().join("\n")
    }
}

#[test]
fn law_violated_by_registry_is_named() {
    let broken = |law: &str, outcome: Result<(), LawViolation>| {
        let violation = outcome.expect_err(law);
        assert_eq!(violation.law, law);
        assert!(
            violation.detail.contains("minimal failing input"),
            "{violation}"
        );
    };
    broken(
        "counter_is_exact",
        laws::counter_is_exact::<Broken<LOSES_LARGE_ADDITIONS>>(),
    );
    broken(
        "counter_never_falls",
        laws::counter_never_falls::<Broken<FALLS>>(),
    );
    broken(
        "histogram_conserves_samples",
        laws::histogram_conserves_samples::<Broken<DROPS_SAMPLES_AT_BOUNDS>>(),
    );
    broken(
        "merge_equals_one_registry",
        laws::merge_equals_one_registry::<Broken<ROUNDS_SUMS>>(),
    );
    broken(
        "exposition_parses_back",
        laws::exposition_parses_back::<Broken<LEAVES_QUOTES_UNESCAPED>>(),
    );
    broken(
        "exposition_is_repeatable",
        laws::exposition_is_repeatable::<Broken<FALLS>>(),
    );
}
