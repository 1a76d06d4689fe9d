//! Parsing and expanding any template of an annotation ends in a text or an error.

#![no_main]

use libfuzzer_sys::fuzz_target;
use rehearsal::metrics::Labels;
use rehearsal::promql::rules::Template;

const VALUES: [f64; 8] = [
    0.0,
    -0.0,
    1.5,
    -1e-300,
    1e300,
    f64::NAN,
    f64::INFINITY,
    f64::NEG_INFINITY,
];

fuzz_target!(|text: &str| {
    let Ok(template) = text.parse::<Template>() else {
        return;
    };
    let labels = [("job", "a"), ("seconds", "90"), ("name", "\u{202e}\u{0}")];
    let labels = labels.map(|(name, value)| (name.into(), value.into()));
    let labels = Labels::of_pairs(labels.to_vec());
    for value in VALUES {
        let _ = template.expand(&labels, value);
    }
});
