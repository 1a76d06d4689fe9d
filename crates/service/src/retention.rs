//! Retention: what is over for long enough is purged from the store.

use std::time::Duration;

use rehearsal_sqlite::{PurgeLimits, SqliteStore};
use tokio::time::sleep;

/// Time between two purges. Each process with the role `sweeper` does it; more than one does no
/// harm.
const INTERVAL: Duration = Duration::from_secs(3600);

/// Purges for ever, at once and then every hour.
pub async fn purge_regularly(store: SqliteStore, limits: PurgeLimits) {
    loop {
        match store.purge(limits).await {
            Ok(purged) => {
                let (runs, exports, tokens) = (purged.runs, purged.exports, purged.tokens);
                if runs + exports + tokens > 0 {
                    tracing::info!(runs, exports, tokens, "old documents purged");
                }
            }
            // The store's monitor says what is wrong.
            Err(error) => tracing::debug!(%error, "old documents stay for another hour"),
        }
        sleep(INTERVAL).await;
    }
}
