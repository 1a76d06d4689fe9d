//! Any result of a sweep with any rows ends in a text, a comparison or an error.

#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: &[u8]| rehearsal_fuzz::sweep(input));
