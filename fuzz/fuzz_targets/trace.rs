//! Reading any file that a scenario refers to, an advisory trace or an empirical distribution, ends
//! in a scenario or in diagnostics.

#![no_main]

use libfuzzer_sys::fuzz_target;
use rehearsal::check::scenario_loader;
use rehearsal_fuzz::{FOLDER, write};

const SCENARIO: &str = "name = \"fuzzed\"\nduration = \"1h\"\nstart = 2024-05-06T00:00:00Z\n\
                        [fleet]\nimages = 2\n[[schedule]]\nid = \"s\"\nwhenCron = \"0 * * * *\"\n";

const USES: [&str; 3] = [
    "[advisories]\ntrace = { file = \"input\", from = 1900-01-01 }\n",
    "[latency]\nstore = { kind = \"empirical\", file = \"input\" }\n",
    "[deltas]\nnewFindings = { kind = \"empirical\", file = \"input\" }\n",
];

fuzz_target!(|input: &[u8]| {
    write("input", input);
    for text in USES {
        let text = format!("{SCENARIO}{text}");
        let read = scenario_loader(&[]).parse("fuzzed.toml", &text, Some(&FOLDER));
        if let Err(diagnostics) = read {
            let message = diagnostics.render(true);
            // Otherwise the target would look at the scenario instead of the file.
            assert!(message.contains("`input` can't be used"), "{message}");
        }
    }
});
