//! `rehearsal admin processes`

use rehearsal::service::AdminConnection;
use rehearsal::worker::model::Mode;
use serde_json::json;

use super::listing::{AdminOutput, Listing, unanswered};
use crate::cli::error::CliError;

/// Maximum number of incarnations that are listed.
const SHOWN_MAX: usize = 100;

/// Lists incarnations, the last heartbeat first.
pub async fn list(connection: &AdminConnection) -> Result<AdminOutput, CliError> {
    let incarnations = connection.ports.store.incarnations(SHOWN_MAX).await;
    let columns = &[
        "process",
        "number",
        "aliveAt",
        "stopping",
        "activeAnalysis",
        "activeRefresh",
    ];
    let mut list = Listing::new("processes", columns);
    for incarnation in incarnations.map_err(unanswered)? {
        let [analysis, refresh] =
            Mode::ALL.map(|mode| json!(incarnation.active_runs[mode.index()]));
        list.add([
            json!(incarnation.id.process),
            json!(incarnation.id.number),
            json!(incarnation.alive_at),
            json!(incarnation.is_stopping),
            analysis,
            refresh,
        ]);
    }
    Ok(AdminOutput::Listing(list))
}
