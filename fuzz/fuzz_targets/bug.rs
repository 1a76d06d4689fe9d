//! Reading any bug file ends in a case to replay or an error.

#![no_main]

use libfuzzer_sys::fuzz_target;
use rehearsal::replay::ReplayCase;
use rehearsal::sweep::Bug;
use rehearsal_fuzz::write;

fuzz_target!(|input: &[u8]| {
    let path = write("bug.toml", input);
    let Ok(case) = ReplayCase::read(&path) else {
        return;
    };
    case.start();
    if let Some(bug) = case.bug {
        let again = Bug::parse(&path, &bug.to_toml());
        assert_eq!(again.expect("a bug file"), bug);
    }
});
