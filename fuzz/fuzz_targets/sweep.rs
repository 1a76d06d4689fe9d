//! Reading any result of a sweep with any rows ends in a text, a comparison or an error.
//!
//! A zero byte separates `sweep.json` from `seeds.jsonl`.

#![no_main]

use libfuzzer_sys::fuzz_target;
use rehearsal::comparison::{self, Comparison, ComparisonSide};
use rehearsal::sweep::{SweepResult, read_sweep, text};
use rehearsal_fuzz::{FOLDER, two_files, write};

fuzz_target!(|input: &[u8]| {
    let (result, rows) = two_files(input);
    let path = write("sweep.json", result);
    write("seeds.jsonl", rows);
    let _ = read_sweep(&FOLDER);
    let Ok(result) = std::str::from_utf8(result) else {
        return;
    };
    let Ok(mut result) = SweepResult::parse(&path, result) else {
        return;
    };
    text(&result, |_| None);
    let _ = result.clone().merge(result.clone());
    let _ = result.exit_code();
    // A fuzzer can't guess the checksum of the rows.
    result.row_checksum = None;
    write("sweep.json", result.to_json().as_bytes());
    if let Ok((result, rows)) = read_sweep(&FOLDER) {
        let side = ComparisonSide::of_sweep("a".into(), &result, rows);
        if let Ok(comparison) = Comparison::of(&side, &side) {
            comparison::text(&comparison);
            comparison.to_json();
        }
    }
});
