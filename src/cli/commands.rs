//! Commands, one file for each: it parses the arguments, calls the library and prints.

pub mod admin;
pub mod alerts;
pub mod compare;
pub mod completions;
pub mod man;
pub mod replay;
pub mod report;
pub mod run;
pub mod scenario;
pub mod shrink;
pub mod sweep;
pub mod worker;
