//! Window of virtual time around a violation.

use std::time::Duration;

use crate::model::Timestamp;

/// Interval of virtual time around an instant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ReplayWindow {
    /// First instant.
    pub from: Timestamp,
    /// Instant of the violation.
    pub centre: Timestamp,
    /// Last instant.
    pub until: Timestamp,
}

impl ReplayWindow {
    /// Creates the window that extends by `reach` before and after `centre`.
    pub fn around(centre: Timestamp, reach: Duration) -> Self {
        Self {
            from: centre.before(reach),
            centre,
            until: centre.after(reach),
        }
    }

    /// Returns whether an instant is in the window.
    pub fn contains(&self, at: Timestamp) -> bool {
        (self.from..=self.until).contains(&at)
    }
}
