//! `/metrics` over HTTP, requested by hand and by a real Prometheus.

mod client;
mod load;
mod request;

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Sender, channel};
use std::thread;
use std::time::{Duration, Instant};

use rehearsal::live::MetricsEndpoint;
use rehearsal::metrics::exposition::{ExpositionFormat, render};
use rehearsal::metrics::{
    CollectContext, InstrumentWrites, Mode, Registry, SchedulerWorkerMetrics, SegmentStatus,
    WorkerMetricsOptions,
};
use rehearsal::model::IncarnationId;
use rehearsal::rehearsal::{Hooks, Progress, RunOptions, run_with};
use rehearsal::scenario::Loader;
use rehearsal::sim::world::WorldPorts;

use crate::prometheus::Prometheus;

/// Registry of a worker that has processed a segment.
fn worker_registry() -> Registry {
    let registry = Registry::new();
    let metrics = SchedulerWorkerMetrics::with_options(&registry, WorkerMetricsOptions::default());
    let metrics = metrics.expect("an empty registry takes every instrument");
    metrics.segment(Mode::AnalysisOnly, SegmentStatus::Completed);
    registry
}

/// Endpoint on a free port.
fn serve(registry: &Registry) -> MetricsEndpoint {
    MetricsEndpoint::start("127.0.0.1:0", registry.clone()).unwrap()
}

/// Sorted series of the project's exposition without quotes. Prometheus requests OpenMetrics.
fn shown(registry: &Registry) -> Vec<(String, f64)> {
    let page = render(
        ExpositionFormat::OpenMetrics,
        registry,
        &CollectContext::default(),
    );
    let lines = page.lines().filter(|line| line.starts_with("scheduler_"));
    let series = lines.filter_map(|line| {
        let (series, value) = line.rsplit_once(' ')?;
        Some((series.replace('"', ""), value.parse().ok()?))
    });
    let mut shown: Vec<_> = series.collect();
    shown.sort_by(|a, b| a.0.cmp(&b.0));
    shown
}

/// Series of Prometheus's API in the form of the exposition.
fn written(series: &serde_json::Value) -> Option<(String, f64)> {
    let labels = series["metric"].as_object()?;
    let name = labels.get("__name__")?.as_str()?;
    let own = labels
        .iter()
        .filter(|(name, _)| !matches!(name.as_str(), "__name__" | "instance" | "job" | "le"));
    let mut parts: Vec<String> = own
        .map(|(name, value)| format!("{name}={}", value.as_str().unwrap_or_default()))
        .collect();
    // The exposition has the bound at the end.
    parts.extend(
        labels
            .get("le")
            .and_then(|bound| Some(format!("le={}", bound.as_str()?))),
    );
    let text = if parts.is_empty() {
        name.to_owned()
    } else {
        format!("{name}{{{}}}", parts.join(","))
    };
    Some((text, series["value"][1].as_str()?.parse().ok()?))
}

/// Passes the registry of the first incarnation to the server.
struct Served(Sender<Registry>);

impl Hooks for Served {
    type Ports = WorldPorts;

    fn ports(&self, _incarnation: &IncarnationId, world: WorldPorts) -> WorldPorts {
        world
    }

    fn registry(&self, _incarnation: &IncarnationId) -> Registry {
        let registry = Registry::new();
        // Only the first is awaited.
        let _ = self.0.send(registry.clone());
        registry
    }
}

const HALFWAY: Duration = Duration::from_hours(84);

/// Scenario of one process over a virtual week that moves every metric.
const WEEK: &str = r#"
name = "week"
duration = "7d"
seed = 5

[fleet]
images = 400
components = 200

[[schedule]]
id = "nightly"
whenCron = "0 2 * * *"

[[schedule]]
id = "often"
whenCron = "*/20 * * * *"
mode = "contentRefresh"

[deltas]
probability = 0.3
"#;

#[test]
fn prometheus_scraping_endpoint_records_same_series() {
    let (sender, receiver) = channel();
    let scenario = Loader::default().parse("week.toml", WEEK, None).unwrap();
    let is_scraped = AtomicBool::new(false);
    thread::scope(|scope| {
        let simulation = scope.spawn(|| {
            let began = Instant::now();
            // Halfway, the rehearsal waits for a scrape, so that both run at the same time.
            let wait = |progress: Progress| {
                while progress.virtual_time > HALFWAY
                    && !is_scraped.load(Ordering::Relaxed)
                    && began.elapsed() < Duration::from_secs(60)
                {
                    thread::sleep(Duration::from_millis(10));
                }
            };
            run_with(Served(sender), &scenario, &RunOptions::default(), wait).unwrap()
        });
        let registry = receiver.recv_timeout(Duration::from_secs(30)).unwrap();
        let endpoint = serve(&registry);
        let Some(prometheus) = Prometheus::start("scraped", endpoint.address()) else {
            is_scraped.store(true, Ordering::Relaxed);
            return;
        };
        let mut midway = Vec::new();
        while midway.is_empty() && !simulation.is_finished() {
            midway = told(&prometheus);
            thread::sleep(Duration::from_millis(50));
        }
        is_scraped.store(true, Ordering::Relaxed);
        let finished = simulation.join().unwrap();
        assert!(finished.oracle.tally.images > 1_000);
        let due = shown(&registry);
        assert!(
            !midway.is_empty() && midway != due,
            "it was never scraped before the end"
        );
        await_equal(&prometheus, &due);
    });
}

/// Waits for a scrape after the last record.
fn await_equal(prometheus: &Prometheus, due: &[(String, f64)]) {
    assert!(due.len() > 100, "{} series", due.len());
    let began = Instant::now();
    loop {
        let told = told(prometheus);
        if told == due {
            return;
        }
        if began.elapsed() > Duration::from_secs(20) {
            let wrong = due.iter().zip(&told).find(|(due, told)| due != told);
            panic!("{} series due, {} told; {wrong:?}", due.len(), told.len());
        }
        thread::sleep(Duration::from_millis(200));
    }
}

/// Sorted series of the worker in Prometheus.
fn told(prometheus: &Prometheus) -> Vec<(String, f64)> {
    let all = prometheus
        .query("{__name__=~\"scheduler_.*\"}")
        .unwrap_or_default();
    let mut told: Vec<_> = all.iter().filter_map(written).collect();
    told.sort_by(|a, b| a.0.cmp(&b.0));
    told
}
