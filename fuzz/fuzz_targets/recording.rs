//! Reading any recording and rendering its report ends in a page or an error.
//!
//! Text is packed before, as a fuzzer can't guess checksums.

#![no_main]

use std::io::Write;

use flate2::Compression;
use flate2::write::GzEncoder;
use libfuzzer_sys::fuzz_target;
use rehearsal::promql::Semantics;
use rehearsal::promql::rules::RuleFile;
use rehearsal::report::{Dashboard, html, read_recording};
use rehearsal_fuzz::write;

const DASHBOARD: &str = r#"{"panels": [
    {"type": "timeseries", "targets": [{"expr": "sum by (job) (rate({__name__=~\".+\"}[5m]))"}]},
    {"type": "stat", "targets": [{"expr": "up", "instant": true}]}
]}"#;

const RULES: &str = "groups: [{name: g, rules: [{alert: A, expr: up == 0, for: 1m}]}]";

fuzz_target!(|input: &[u8]| {
    let path = match input.starts_with(&[0x1f]) {
        true => write("fuzzed.run", input),
        false => {
            let mut packed = GzEncoder::new(Vec::new(), Compression::fast());
            packed.write_all(input).expect("memory");
            write("fuzzed.run", &packed.finish().expect("memory"))
        }
    };
    if let Ok((run, series)) = read_recording(&path) {
        let dashboard = Dashboard::parse(DASHBOARD).expect("a dashboard");
        let rules = RuleFile::parse(RULES, "rules.yaml", Semantics::default());
        html(&run, &series, &dashboard, &rules.expect("rules"));
    }
});
