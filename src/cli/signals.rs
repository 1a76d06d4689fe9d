//! Signals: SIGINT and SIGTERM end the program, also as process 1 of a container, where the kernel
//! has no default action. SIGXFSZ has none either: a size limit is a write error.

use std::io;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use signal_hook::consts::{SIGINT, SIGTERM};
use signal_hook::flag;

/// Whether the next signal ends the program at once.
static IS_LAST: AtomicBool = AtomicBool::new(true);

/// Number of the last signal.
static NUMBER: AtomicUsize = AtomicUsize::new(0);

/// Base of exit codes after a signal, as in shells.
const BASE: u8 = 128;

/// Installs the handlers. A signal ends the program at once, until [`defer`] is called.
pub fn install() -> io::Result<()> {
    for signal in [SIGINT, SIGTERM] {
        flag::register_conditional_shutdown(signal, i32::from(BASE) + signal, &IS_LAST)?;
        flag::register(signal, &IS_LAST)?;
        flag::register_usize(signal, &NUMBER, usize::try_from(signal).unwrap_or_default())?;
    }
    #[cfg(unix)]
    {
        static IGNORED: AtomicBool = AtomicBool::new(false);
        flag::register(signal_hook::consts::SIGXFSZ, &IGNORED)?;
    }
    Ok(())
}

/// Defers the end: the first signal only sets the flag, the second one ends the program at once.
pub fn defer() -> &'static AtomicBool {
    IS_LAST.store(false, Ordering::SeqCst);
    &IS_LAST
}

/// Exit code of the program after a signal.
pub fn exit_code() -> u8 {
    let number = NUMBER.load(Ordering::SeqCst);
    BASE.saturating_add(u8::try_from(number).unwrap_or_default())
}
