//! Reading any dashboard and rendering it over a run ends in a page or an error.

#![no_main]

use libfuzzer_sys::fuzz_target;
use rehearsal::promql::Semantics;
use rehearsal::promql::rules::RuleFile;
use rehearsal::report::{Dashboard, html};
use rehearsal_fuzz::RUN;

fuzz_target!(|text: &str| {
    if let Ok(dashboard) = Dashboard::parse(text) {
        let rules = RuleFile::parse("groups: []", "none.yaml", Semantics::default());
        let (run, series) = &*RUN;
        html(
            run,
            series,
            &dashboard,
            &rules.expect("an empty file of rules"),
        );
    }
});
