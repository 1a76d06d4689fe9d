//! Changes of a run that several services make: its end, its segments' release, and their messages.

pub mod concurrency_window;
pub mod end_run;
pub mod enqueue;
pub mod poison;
