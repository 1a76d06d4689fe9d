//! Parsing any text as a query and evaluating it ends in a result or an error, never in a panic.

#![no_main]

use libfuzzer_sys::fuzz_target;
use rehearsal::metrics::Labels;
use rehearsal::promql::{AnswerKind, Engine, MemoryStore, Query, Semantics};
use std::sync::LazyLock;

static STORE: LazyLock<MemoryStore> = LazyLock::new(|| {
    let mut store = MemoryStore::default();
    for index in 0..6_usize {
        let pairs = [
            (
                "__name__",
                if index < 3 { "x" } else { "x_bucket" }.to_owned(),
            ),
            ("a", (index % 2).to_string()),
            ("le", (index + 1).to_string()),
        ];
        let mut labels = Vec::new();
        for (name, value) in pairs {
            labels.push((name.into(), value.into()));
        }
        let labels = Labels::of_pairs(labels);
        for sample in 0..60_i64 {
            let value = ((sample * (index as i64 + 1)) % 17) as f64;
            store.push(
                &labels,
                sample * 15_000,
                (sample % 13 != 5).then_some(value),
            );
        }
    }
    store
});

fuzz_target!(|text: &str| {
    for semantics in [Semantics::V3, Semantics::V3PromqlTest, Semantics::V2_42] {
        let Ok(query) = Query::parse(text, semantics) else {
            continue;
        };
        query.selectors();
        let engine = Engine::new(&*STORE);
        let _ = engine.instant(&query, 300_000);
        if matches!(query.answers(), AnswerKind::Scalar | AnswerKind::Vector) {
            let _ = engine.range(&query, 0, 600_000, 45_000);
        }
    }
});
