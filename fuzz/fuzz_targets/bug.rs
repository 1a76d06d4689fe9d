//! Any bug file ends in a case to replay or an error.

#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: &[u8]| rehearsal_fuzz::bug(input));
