//! Limits of the metrics endpoint that its user may change.

use std::time::Duration;

use tokio::sync::Semaphore;

/// Maximum numbers and times of clients.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct EndpointLimits {
    /// Maximum number of open connections. It is at most half of the process's open files.
    /// Further clients get 503.
    pub connections: usize,
    /// Maximum time between the start of a connection, or the head of a request, and the head of
    /// the next. Sending the response is included. Afterwards the connection is closed.
    ///
    /// The default is no usual scrape interval: a connection is either used again or closed well
    /// before the next scrape.
    pub request_time: Duration,
}

impl Default for EndpointLimits {
    fn default() -> Self {
        Self {
            connections: 2_048,
            request_time: Duration::from_secs(45),
        }
    }
}

impl EndpointLimits {
    /// Maximum number of connections: half of the process's open files are left to others.
    pub(super) fn open_connections(self) -> usize {
        #[cfg(unix)]
        let files = rustix::process::getrlimit(rustix::process::Resource::Nofile).current;
        #[cfg(not(unix))]
        let files: Option<u64> = None;
        let files = files.and_then(|files| usize::try_from(files).ok());
        let half = files.map_or(usize::MAX, |files| files / 2);
        self.connections.min(half).min(Semaphore::MAX_PERMITS)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    #[cfg(unix)]
    fn connections_take_at_most_half_of_the_open_files() {
        let open = |connections| {
            let limits = EndpointLimits {
                connections,
                ..EndpointLimits::default()
            };
            limits.open_connections()
        };
        assert_eq!(open(10), 10);
        let files = rustix::process::getrlimit(rustix::process::Resource::Nofile).current;
        let half = files.map(|files| usize::try_from(files / 2).unwrap());
        assert_eq!(open(usize::MAX), half.unwrap_or(Semaphore::MAX_PERMITS));
    }
}
