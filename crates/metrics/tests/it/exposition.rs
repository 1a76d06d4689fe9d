//! Two parsers that were written apart read the same from one page.

use std::collections::BTreeMap;

use proptest::prelude::*;
use rehearsal_metrics::exposition::{ExpositionFormat, ExpositionLine, parse, render};
use rehearsal_metrics::{CollectContext, Family, Labels, Registry};
use rehearsal_metrics_laws::Exposition;

/// Page of up-down counters with these label values.
fn page(values: &BTreeMap<String, i64>) -> String {
    let registry = Registry::new();
    let family = Family::up_down("jobs");
    for (label, value) in values {
        let pair = ("queue".into(), label.clone().into());
        let labels = Labels::new("jobs", [pair]).expect("a valid name");
        let cell = registry.up_down(&family, labels).expect("a new series");
        cell.add(*value);
    }
    render(
        ExpositionFormat::Text,
        &registry,
        &CollectContext::default(),
    )
}

proptest! {
    #[test]
    fn page_is_read_alike_by_both_parsers(
        values in prop::collection::btree_map(".{0,8}", -9..9_i64, 0..6),
    ) {
        let page = page(&values);
        let expected = Exposition::parse(&page).expect("a rendered page");
        let mut count = 0;
        for line in parse(&page) {
            let ExpositionLine::Sample(sample) = line.expect("a rendered page") else {
                continue;
            };
            let labels = sample.labels.iter();
            let labels: Vec<_> = labels.map(|(name, value)| (*name, &**value)).collect();
            prop_assert_eq!(expected.get(sample.name, &labels), Some(sample.value));
            count += 1;
        }
        prop_assert_eq!(count, expected.iter().count());
        prop_assert!(count >= values.len());
    }
}
