//! Any recording ends in a page or an error.

#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: &[u8]| rehearsal_fuzz::recording(input));
