//! Checks of the capacity of the store and of the queues.

use super::SemanticValidator;
use crate::scenario::Duration;
use crate::scenario::document::KeyPath;

/// Time after which every call fails, wherever it waits.
const CALL_TIMEOUT: Duration = Duration::from_secs(5);

impl SemanticValidator<'_> {
    pub(super) fn check_services(&mut self) {
        let store = self.scenario.store.as_ref();
        let store = store.map(|store| (store.connections_per_process, store.connection_timeout));
        let queue = self.scenario.queue.as_ref();
        let queue = queue.map(|queue| (queue.connections_per_process, queue.connection_timeout));
        for (section, limits) in [("store", store), ("queue", queue)] {
            if let Some((connections, Some(timeout))) = limits {
                self.check_connection_timeout(section, connections, timeout);
            }
        }
    }

    fn check_connection_timeout(
        &mut self,
        section: &str,
        connections: Option<u32>,
        timeout: Duration,
    ) {
        let path = KeyPath::root().key(section);
        if connections.is_none() {
            let title = "`connectionTimeout` has no effect";
            let help = Some("state `connectionsPerProcess`, or leave it out".to_owned());
            let place = path.key("connectionTimeout");
            self.report_with(&place, title, "no call waits for a connection", help);
        }
        let least = Duration::from_millis(1);
        self.check_range(&path, "connectionTimeout", timeout, least, CALL_TIMEOUT);
    }
}
