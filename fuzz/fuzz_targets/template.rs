//! Any template of an annotation ends in a text or an error.

#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: &[u8]| rehearsal_fuzz::template(input));
