//! Many seeds of one scenario: which fail, of what cause, and what was covered.

mod bug;
mod cause;

pub use bug::{Bug, BugError};
pub use cause::{Cause, first_violation};
