//! Counters whose labels are given with each record.

use std::sync::Arc;

use metrics::with_local_recorder;
use opentelemetry::KeyValue;
use opentelemetry::metrics::MeterProvider;
use prometheus_client::metrics::counter::Counter as ClientCounter;
use prometheus_client::metrics::family::Family as ClientFamily;
use rehearsal::metrics::{
    DynamicFamily, Family, Mode, Registry, InstrumentWrites, SchedulerWorkerMetrics, SegmentStatus,
};

use super::OURS;
use super::case::{Case, Work, exporter, name, repeat, telemetry};

/// All cases with labels.
pub fn cases() -> Vec<Case> {
    let mut cases = closed();
    cases.extend(open());
    cases
}

const MODES: [&str; 2] = ["analysisOnly", "contentRefresh"];

fn mode(number: u64) -> usize {
    number as usize % MODES.len()
}

#[derive(Clone, Copy, measured::FixedCardinalityLabel)]
enum MeasuredMode {
    AnalysisOnly,
    ContentRefresh,
}

#[derive(Clone, Copy, measured::FixedCardinalityLabel)]
enum MeasuredStatus {
    Completed,
    PersistFailed,
    RunMissing,
}

#[derive(Clone, Copy, measured::LabelGroup)]
#[label(set = ClosedSet)]
struct Closed {
    mode: MeasuredMode,
    status: MeasuredStatus,
}

/// Two labels from static sets, as enums if the library supports them.
fn closed() -> Vec<Case> {
    let operation = "counter by two static labels";
    let provider = telemetry();
    vec![
        Case::new(operation, OURS, |_| {
            let metrics = SchedulerWorkerMetrics::new(&Registry::new());
            let metrics = metrics.expect("an empty registry takes every instrument");
            repeat(move |number| metrics.segment(Mode::ALL[mode(number)], SegmentStatus::Completed))
        }),
        Case::new(operation, "measured", |_| {
            let counters = measured::CounterVec::<ClosedSet>::dense();
            let modes = [MeasuredMode::AnalysisOnly, MeasuredMode::ContentRefresh];
            repeat(move |number| {
                let (mode, status) = (modes[mode(number)], MeasuredStatus::Completed);
                counters.inc(Closed { mode, status });
            })
        }),
        Case::new(operation, "prometheus", |place| {
            let options = prometheus::Opts::new(name(place), "help");
            let counters = prometheus::IntCounterVec::new(options, &["mode", "status"]);
            let counters = counters.expect("valid labels");
            repeat(move |number| {
                let values = [MODES[mode(number)], "Completed"];
                counters.with_label_values(&values).inc();
            })
        }),
        Case::new(operation, "prometheus-client", |_| {
            type Two = [(&'static str, &'static str); 2];
            let counters = ClientFamily::<Two, ClientCounter>::default();
            repeat(move |number| {
                let labels = [("mode", MODES[mode(number)]), ("status", "Completed")];
                counters.get_or_create(&labels).inc();
            })
        }),
        Case::new(operation, "opentelemetry_sdk", |place| {
            let counter = provider.meter("peers").u64_counter(name(place)).build();
            let attributes = MODES.map(|mode| {
                let status = KeyValue::new("status", "Completed");
                [KeyValue::new("mode", mode), status]
            });
            repeat(move |number| counter.add(1, &attributes[mode(number)]))
        }),
    ]
}

#[derive(Clone, Copy, measured::LabelGroup)]
#[label(set = OpenSet)]
struct OpenLabel<'a> {
    #[label(dynamic_with = measured::lasso::ThreadedRodeo, default)]
    schedule: &'a str,
}

/// One label with dynamic values, looked up by text: one of 64.
fn open() -> Vec<Case> {
    let operation = "counter by a dynamic label";
    let schedules: Vec<String> = (0..64).map(|n| format!("schedule-{n:04}")).collect();
    let schedules: Arc<[String]> = schedules.into();
    let schedule = |number: u64, schedules: &[String]| number as usize % schedules.len();
    let registry = Registry::new();
    let exported = Arc::new(exporter());
    let provider = telemetry();
    let each = |record: Box<dyn Fn(&str) + Send + Sync>| -> Work {
        let schedules = Arc::clone(&schedules);
        repeat(move |number| record(&schedules[schedule(number, &schedules)]))
    };
    vec![
        Case::new(operation, OURS, |place| {
            let mut open =
                DynamicFamily::counters(&registry, Family::counter(name(place)), "scheduleId");
            for schedule in &*schedules {
                open.get(schedule).expect("a valid label");
            }
            let schedules = Arc::clone(&schedules);
            Arc::new(move |operations| {
                // A handle cache belongs to a thread; this one contains every schedule.
                let mut open = open.clone();
                for number in 0..operations {
                    let schedule = &schedules[schedule(std::hint::black_box(number), &schedules)];
                    open.get(schedule).expect("a valid label").increment();
                }
            })
        }),
        Case::new(operation, "metrics-exporter-prometheus", |_| {
            let (exported, schedules) = (Arc::clone(&exported), Arc::clone(&schedules));
            Arc::new(move |operations| {
                with_local_recorder(&*exported, || {
                    for number in 0..operations {
                        let schedule = schedules[schedule(number, &schedules)].clone();
                        metrics::counter!("open_total", "scheduleId" => schedule).increment(1);
                    }
                });
            })
        }),
        Case::new(operation, "prometheus", |place| {
            let options = prometheus::Opts::new(name(place), "help");
            let counters = prometheus::IntCounterVec::new(options, &["scheduleId"]);
            let counters = counters.expect("valid labels");
            each(Box::new(move |schedule| {
                counters.with_label_values(&[schedule]).inc()
            }))
        }),
        Case::new(operation, "prometheus-client", |_| {
            type One = [(&'static str, String); 1];
            let counters = ClientFamily::<One, ClientCounter>::default();
            each(Box::new(move |schedule| {
                let labels = [("scheduleId", schedule.to_owned())];
                counters.get_or_create(&labels).inc();
            }))
        }),
        Case::new(operation, "opentelemetry_sdk", |place| {
            let counter = provider.meter("peers").u64_counter(name(place)).build();
            each(Box::new(move |schedule| {
                counter.add(1, &[KeyValue::new("scheduleId", schedule.to_owned())]);
            }))
        }),
        Case::new(operation, "measured", |_| {
            let counters = measured::CounterVec::<OpenSet>::new();
            each(Box::new(move |schedule| {
                counters.inc(OpenLabel { schedule })
            }))
        }),
    ]
}
