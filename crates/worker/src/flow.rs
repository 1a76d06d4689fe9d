//! Flow control: whether a task may go on, and how long it waits.
//!
//! Leases bound how long one process owns a message. Permits bound a schedule's request rate over
//! the fleet. Backoff, timeouts and wake-ups bound the waits in between. None of them reads a clock
//! or draws a random number itself: both come from the ports.

pub mod backoff;
pub mod lease;
pub mod permits;
pub mod reusable_timeout;
pub mod wake;
