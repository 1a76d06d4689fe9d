//! Registries of each library with many series of one counter, ready for reading.

use std::io::Write;
use std::sync::Arc;

use measured::MetricGroup;
use measured::text::TextEncoder;
use metrics::{Key, Label, Recorder};
use opentelemetry::KeyValue;
use opentelemetry::metrics::MeterProvider;
use opentelemetry_sdk::error::OTelSdkResult;
use opentelemetry_sdk::metrics::data::ResourceMetrics;
use opentelemetry_sdk::metrics::reader::MetricReader;
use opentelemetry_sdk::metrics::{
    InstrumentKind, ManualReader, Pipeline, SdkMeterProvider, Stream, Temporality,
};
use prometheus::Encoder;
use prometheus_client::metrics::counter::Counter as ClientCounter;
use prometheus_client::metrics::family::Family as ClientFamily;
use rehearsal::metrics::exposition::{ExpositionFormat, ExpositionWriter};
use rehearsal::metrics::{CollectContext, Family, Labels, Registry, RegistryOptions};

use super::OURS;
use super::case::{METADATA, exporter};

const NAME: &str = "reports_total";
const LABEL: &str = "scheduleId";

/// Registry of one library.
pub struct PeerRegistry {
    /// Reads every value into plain data; `None` if the library can't.
    pub snapshot: Option<Box<dyn Fn()>>,
    /// Writes the exposition; `None` if the library can't.
    pub page: Option<Box<dyn Fn(&mut dyn Write)>>,
    /// Records into one of the series.
    pub record: Arc<dyn Fn() + Send + Sync>,
}

/// Constructor of a registry with this number of series.
pub type Fill = fn(usize) -> PeerRegistry;

/// All libraries, with this project's first.
pub const LIBRARIES: [(&str, Fill); 7] = [
    (OURS, rehearsal),
    ("metrics-util", metrics_util),
    ("metrics-exporter-prometheus", exporter_prometheus),
    ("prometheus", prometheus),
    ("prometheus-client", prometheus_client),
    ("opentelemetry_sdk", opentelemetry_sdk),
    ("measured", measured),
];

fn schedule(number: usize) -> String {
    format!("schedule-{number:07}")
}

fn key(number: usize) -> Key {
    Key::from_parts(NAME, vec![Label::new(LABEL, schedule(number))])
}

fn rehearsal(series: usize) -> PeerRegistry {
    let registry = Registry::with_options(RegistryOptions {
        series_max: series,
        ..RegistryOptions::default()
    });
    let counter = |number| {
        let pairs = [(LABEL.into(), schedule(number).into())];
        let labels = Labels::new(NAME, pairs).expect("a valid label");
        let counter = registry.counter(&Family::counter(NAME), labels);
        counter.expect("a new series")
    };
    (0..series).for_each(|number| counter(number).add(number as u64));
    let first = counter(0);
    let read = registry.clone();
    PeerRegistry {
        snapshot: Some(Box::new(move || {
            std::hint::black_box(read.snapshot(&CollectContext::default()));
        })),
        page: Some(Box::new(move |out| {
            let mut writer = ExpositionWriter::new(ExpositionFormat::Text, out);
            registry.visit(&CollectContext::default(), &mut writer);
            writer.finish().expect("it takes everything");
        })),
        record: Arc::new(move || first.increment()),
    }
}

fn metrics_util(series: usize) -> PeerRegistry {
    use metrics_util::registry::{AtomicStorage, Registry};
    let registry = Registry::new(AtomicStorage);
    let counter = |number| {
        let cell = registry.get_or_create_counter(&key(number), Arc::clone);
        metrics::Counter::from_arc(cell)
    };
    (0..series).for_each(|number| counter(number).increment(number as u64));
    let first = counter(0);
    let snapshot = move || {
        use std::sync::atomic::Ordering::Relaxed;
        let handles = registry.get_counter_handles().into_iter();
        let values: Vec<_> = handles
            .map(|(key, cell)| (key, cell.load(Relaxed)))
            .collect();
        std::hint::black_box(values);
    };
    PeerRegistry {
        snapshot: Some(Box::new(snapshot)),
        page: None,
        record: Arc::new(move || first.increment(1)),
    }
}

fn exporter_prometheus(series: usize) -> PeerRegistry {
    let recorder = exporter();
    let counter = |number| recorder.register_counter(&key(number), &METADATA);
    (0..series).for_each(|number| counter(number).increment(number as u64));
    let first = counter(0);
    let handle = recorder.handle();
    PeerRegistry {
        snapshot: None,
        page: Some(Box::new(move |out| {
            out.write_all(handle.render().as_bytes())
                .expect("it takes everything");
        })),
        record: Arc::new(move || first.increment(1)),
    }
}

fn prometheus(series: usize) -> PeerRegistry {
    let registry = prometheus::Registry::new();
    let options = prometheus::Opts::new(NAME, "help");
    let counters = prometheus::IntCounterVec::new(options, &[LABEL]).expect("valid labels");
    registry
        .register(Box::new(counters.clone()))
        .expect("a new name");
    let counter = |number| counters.with_label_values(&[&schedule(number)]);
    (0..series).for_each(|number| counter(number).inc_by(number as u64));
    let first = counter(0);
    let read = registry.clone();
    PeerRegistry {
        snapshot: Some(Box::new(move || {
            std::hint::black_box(read.gather());
        })),
        page: Some(Box::new(move |mut out| {
            let encoder = prometheus::TextEncoder::new();
            encoder
                .encode(&registry.gather(), &mut out)
                .expect("it takes everything");
        })),
        record: Arc::new(move || first.inc()),
    }
}

fn prometheus_client(series: usize) -> PeerRegistry {
    type Counters = ClientFamily<[(&'static str, String); 1], ClientCounter>;
    let counters = Counters::default();
    let mut registry = prometheus_client::registry::Registry::default();
    registry.register("reports", "help", counters.clone());
    for number in 0..series {
        let counter = counters.get_or_create(&[(LABEL, schedule(number))]);
        counter.inc_by(number as u64);
    }
    let first = counters.get_or_create(&[(LABEL, schedule(0))]).clone();
    PeerRegistry {
        snapshot: None,
        page: Some(Box::new(move |out| {
            let mut page = String::new();
            prometheus_client::encoding::text::encode(&mut page, &registry)
                .expect("a text takes everything");
            out.write_all(page.as_bytes()).expect("it takes everything");
        })),
        record: Arc::new(move || _ = first.inc()),
    }
}

/// Reader that can be shared with its provider.
#[derive(Clone, Debug)]
struct Shared(Arc<ManualReader>);

impl MetricReader for Shared {
    fn register_pipeline(&self, pipeline: std::sync::Weak<Pipeline>) {
        self.0.register_pipeline(pipeline);
    }

    fn collect(&self, metrics: &mut ResourceMetrics) -> OTelSdkResult {
        self.0.collect(metrics)
    }

    fn force_flush(&self) -> OTelSdkResult {
        self.0.force_flush()
    }

    fn shutdown_with_timeout(&self, timeout: std::time::Duration) -> OTelSdkResult {
        self.0.shutdown_with_timeout(timeout)
    }

    fn temporality(&self, kind: InstrumentKind) -> Temporality {
        self.0.temporality(kind)
    }
}

fn opentelemetry_sdk(series: usize) -> PeerRegistry {
    let reader = Shared(Arc::new(ManualReader::builder().build()));
    let roomy = move |_: &opentelemetry_sdk::metrics::Instrument| {
        let stream = Stream::builder().with_cardinality_limit(series + 1);
        stream.build().ok()
    };
    let provider = SdkMeterProvider::builder()
        .with_reader(reader.clone())
        .with_view(roomy)
        .build();
    let counter = provider.meter("peers").u64_counter(NAME).build();
    for number in 0..series {
        counter.add(number as u64, &[KeyValue::new(LABEL, schedule(number))]);
    }
    let first = [KeyValue::new(LABEL, schedule(0))];
    PeerRegistry {
        snapshot: Some(Box::new(move || {
            // The provider must outlive the reads of its series.
            let _alive = &provider;
            let mut metrics = ResourceMetrics::default();
            reader.collect(&mut metrics).expect("a running reader");
            std::hint::black_box(metrics);
        })),
        page: None,
        record: Arc::new(move || counter.add(1, &first)),
    }
}

#[derive(Clone, Copy, measured::LabelGroup)]
#[label(set = ScheduleSet)]
struct Schedule<'a> {
    #[label(dynamic_with = measured::lasso::ThreadedRodeo, default)]
    schedule_id: &'a str,
}

#[derive(measured::MetricGroup)]
struct Reports {
    /// help
    reports_total: measured::CounterVec<ScheduleSet>,
}

fn measured(series: usize) -> PeerRegistry {
    let reports = Arc::new(Reports {
        reports_total: measured::CounterVec::new(),
    });
    for number in 0..series {
        let schedule_id = &*schedule(number);
        reports
            .reports_total
            .inc_by(Schedule { schedule_id }, number as u64);
    }
    let (read, first) = (Arc::clone(&reports), schedule(0));
    PeerRegistry {
        snapshot: None,
        page: Some(Box::new(move |out| {
            let mut encoder = TextEncoder::new(std::io::BufWriter::with_capacity(1 << 16, out));
            read.collect_group_into(&mut encoder)
                .expect("it takes everything");
            encoder.flush().expect("it takes everything");
        })),
        record: Arc::new(move || {
            let schedule_id = &*first;
            reports.reports_total.inc(Schedule { schedule_id });
        }),
    }
}
