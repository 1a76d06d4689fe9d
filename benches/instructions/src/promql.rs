//! Cost of a query over a month that is scraped every 15 s.

use rehearsal_convert::Nearest;
use std::hint::black_box;

use rehearsal::metrics::{Labels, TimeSeriesStore};
use rehearsal::promql::{Engine, Query, Semantics};

use crate::{measurement_begins, measurement_ends};

const INTERVAL_MS: i64 = 15_000;
const SCRAPES: i64 = 30 * 86_400_000 / INTERVAL_MS;
const END_MS: i64 = SCRAPES * INTERVAL_MS;

/// Counter of three processes and two modes that changes at every fourth scrape.
fn recording() -> TimeSeriesStore {
    let mut recording = TimeSeriesStore::new("bench");
    let names = ["worker-0", "worker-1", "worker-2"];
    let instances = names.map(|name| recording.instance(name));
    let modes = ["analysisOnly", "contentRefresh"].map(|mode| {
        let labels = Labels::new("bench", [("mode".into(), mode.into())]);
        labels.expect("a valid label")
    });
    for scrape in 1..=SCRAPES {
        for instance in instances {
            let total = (scrape / 4 * 3).nearest_f64();
            let page = modes.iter().map(|labels| ("images_total", labels, total));
            let scraped = recording.scrape_values(instance, scrape * INTERVAL_MS, page);
            scraped.expect("rising times");
        }
    }
    recording
}

/// Evaluates a rate at each scrape of the month. Returns the number of steps.
pub fn rate() -> u64 {
    let recording = recording();
    let engine = Engine::new(&recording);
    let text = "sum by (mode) (rate(images_total[5m]))";
    let query = Query::parse(text, Semantics::V3).expect("a query");
    measurement_begins();
    let found = black_box(engine.range(&query, 0, END_MS, INTERVAL_MS));
    measurement_ends();
    assert!(found.is_ok());
    SCRAPES as u64
}
