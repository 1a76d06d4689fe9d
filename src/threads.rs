//! Work on several threads at once.

use std::io;
use std::thread;

/// Calls a function on `jobs` threads, of which the caller's is one. Waits for all.
///
/// # Errors
/// A thread can't be created. Threads that run are waited for.
pub(crate) fn on_threads(jobs: usize, work: impl Fn() + Sync) -> io::Result<()> {
    thread::scope(|scope| {
        for _ in 1..jobs {
            thread::Builder::new().spawn_scoped(scope, &work)?;
        }
        work();
        Ok(())
    })
}
