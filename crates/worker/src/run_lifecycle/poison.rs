//! Poison messages: those that led to nothing too often, or whose body cannot be read.

use super::end_run::end_run;
use crate::context::WorkerContext;
use crate::flow::lease::Disposition;
use crate::model::commit::EndReason;
use crate::ports::{Lease, Ports};

/// Returns the body of a message that may be worked. A message past the delivery limit first ends
/// its run in `Error`. It becomes a dead letter only after that: the other order would leave a run
/// open without a message if the process died in between.
///
/// # Errors
/// Disposition of a message that is past the limit, or that cannot be read this time.
pub async fn readable<'l, P: Ports, M>(
    context: &WorkerContext<P>,
    lease: &'l Lease<M>,
) -> Result<&'l M, Disposition> {
    let limit = context.options.max_delivery_attempts;
    let reason = match &lease.body {
        Ok(body) if lease.attempt <= limit => return Ok(body),
        Ok(_) => format!("given up after {limit} deliveries that led to nothing"),
        Err(_) if lease.attempt < limit => return Err(Disposition::Nack),
        Err(error) => error.to_string(),
    };
    let poisoned = EndReason::Poisoned;
    match end_run(context, &lease.run, poisoned, &reason, lease.delivery).await {
        true => Err(Disposition::DeadLetter(reason.into())),
        false => Err(Disposition::ReleaseAfterBackoff),
    }
}
