//! Commands, one file for each: it parses the arguments, calls the library and prints.

#[cfg(feature = "service")]
pub mod admin;
pub mod alerts;
pub mod compare;
pub mod completions;
pub mod man;
pub mod replay;
pub mod report;
pub mod run;
pub mod scenario;
#[cfg(not(feature = "service"))]
pub mod service_feature;
pub mod shrink;
pub mod sweep;
#[cfg(feature = "service")]
pub mod worker;

#[cfg(not(feature = "service"))]
pub use service_feature::{self as admin, self as worker};
