//! Any file that a scenario refers to, an advisory trace or an empirical distribution, ends in a
//! scenario or in diagnostics.

#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: &[u8]| rehearsal_fuzz::trace(input));
