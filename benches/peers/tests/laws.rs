//! The laws of `rehearsal-metrics-laws`, tried on two peers. Both keep them all.

use std::sync::{Arc, Mutex};

use prometheus::{
    CounterVec, Encoder, GaugeVec, HistogramOpts, HistogramVec, Opts, Registry, TextEncoder,
};
use prometheus_client::encoding::text::encode;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::Registry as ClientRegistry;
use rehearsal_metrics_laws::{RegistryUnderTest, laws, registry_laws};
use std::collections::BTreeMap;
use std::sync::atomic::AtomicU64;

/// The crate `prometheus`: a family is registered once and found again by its name.
struct Prometheus {
    registry: Registry,
    counters: Mutex<BTreeMap<String, CounterVec>>,
}

fn names<'l>(labels: &[(&'l str, &str)]) -> Vec<&'l str> {
    labels.iter().map(|(name, _)| *name).collect()
}

fn values<'l>(labels: &[(&str, &'l str)]) -> Vec<&'l str> {
    labels.iter().map(|(_, value)| *value).collect()
}

impl RegistryUnderTest for Prometheus {
    fn create() -> Self {
        Self { registry: Registry::new(), counters: Mutex::default() }
    }

    fn counter(&self, name: &str, labels: &[(&str, &str)]) -> Box<dyn Fn(u64)> {
        let mut counters = self.counters.lock().unwrap();
        let family = counters.entry(name.to_owned()).or_insert_with(|| {
            let family = CounterVec::new(Opts::new(name, "help"), &names(labels)).unwrap();
            self.registry.register(Box::new(family.clone())).unwrap();
            family
        });
        let counter = family.with_label_values(&values(labels));
        Box::new(move |count| counter.inc_by(count as f64))
    }

    fn gauge(&self, name: &str, labels: &[(&str, &str)]) -> Box<dyn Fn(f64)> {
        let family = GaugeVec::new(Opts::new(name, "help"), &names(labels)).unwrap();
        self.registry.register(Box::new(family.clone())).unwrap();
        let gauge = family.with_label_values(&values(labels));
        Box::new(move |value| gauge.set(value))
    }

    fn histogram(&self, name: &str, labels: &[(&str, &str)], bounds: &[f64]) -> Box<dyn Fn(f64)> {
        let options = HistogramOpts::new(name, "help").buckets(bounds.to_vec());
        let family = HistogramVec::new(options, &names(labels)).unwrap();
        self.registry.register(Box::new(family.clone())).unwrap();
        let histogram = family.with_label_values(&values(labels));
        Box::new(move |sample| histogram.observe(sample))
    }

    fn render(&self) -> String {
        let mut text = Vec::new();
        TextEncoder::new().encode(&self.registry.gather(), &mut text).unwrap();
        String::from_utf8(text).unwrap()
    }
}

type Pairs = Vec<(String, String)>;

/// The crate `prometheus-client`: it appends `_total` to the names of counters itself.
struct Client {
    registry: Arc<Mutex<ClientRegistry>>,
    counters: Mutex<BTreeMap<String, Family<Pairs, Counter>>>,
}

fn owned(labels: &[(&str, &str)]) -> Pairs {
    let pair = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
    labels.iter().map(pair).collect()
}

impl RegistryUnderTest for Client {
    fn create() -> Self {
        Self { registry: Arc::default(), counters: Mutex::default() }
    }

    fn counter(&self, name: &str, labels: &[(&str, &str)]) -> Box<dyn Fn(u64)> {
        let mut counters = self.counters.lock().unwrap();
        let family = counters.entry(name.to_owned()).or_insert_with(|| {
            let family = Family::<Pairs, Counter>::default();
            let base = name.strip_suffix("_total").unwrap_or(name);
            self.registry.lock().unwrap().register(base, "help", family.clone());
            family
        });
        let counter = family.get_or_create_owned(&owned(labels));
        Box::new(move |count| {
            counter.inc_by(count);
        })
    }

    fn gauge(&self, name: &str, labels: &[(&str, &str)]) -> Box<dyn Fn(f64)> {
        let family = Family::<Pairs, Gauge<f64, AtomicU64>>::default();
        self.registry.lock().unwrap().register(name, "help", family.clone());
        let gauge = family.get_or_create_owned(&owned(labels));
        Box::new(move |value| {
            gauge.set(value);
        })
    }

    fn histogram(&self, name: &str, labels: &[(&str, &str)], bounds: &[f64]) -> Box<dyn Fn(f64)> {
        let bounds = bounds.to_vec();
        let family = Family::<Pairs, Histogram, _>::new_with_constructor(move || {
            Histogram::new(bounds.clone())
        });
        self.registry.lock().unwrap().register(name, "help", family.clone());
        let family = family.clone();
        let labels = owned(labels);
        Box::new(move |sample| family.get_or_create(&labels).observe(sample))
    }

    fn render(&self) -> String {
        let mut text = String::new();
        encode(&mut text, &self.registry.lock().unwrap()).unwrap();
        text
    }
}

mod prometheus_crate {
    use super::*;
    registry_laws!(Prometheus);
}

mod prometheus_client_crate {
    use super::*;
    registry_laws!(Client);
}
