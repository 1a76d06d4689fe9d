//! Messages that can't be worked.

use super::Disposition;
use super::context::Context;
use super::ending::end_run;
use super::ports::{Lease, Ports};
use crate::model::commit::EndReason;

/// The body of a message, if it may be worked. A message past the delivery limit first ends its run
/// in `Error` and is then set aside.
///
/// # Errors
/// How to end the hold: the message is past the limit, or can't be read this time.
pub async fn readable<'l, P: Ports, M>(
    context: &Context<P>,
    lease: &'l Lease<M>,
) -> Result<&'l M, Disposition> {
    let limit = context.options.max_delivery_attempts;
    let reason = match &lease.body {
        Ok(body) if lease.attempt <= limit => return Ok(body),
        Ok(_) => format!("given up after {limit} deliveries that led to nothing"),
        Err(_) if lease.attempt < limit => return Err(Disposition::Nack),
        Err(error) => error.to_string(),
    };
    match end_run(
        context,
        &lease.run,
        EndReason::Poisoned,
        &reason,
        lease.delivery,
    )
    .await
    {
        true => Err(Disposition::DeadLetter(reason.into())),
        false => Err(Disposition::ReleaseAfterBackoff),
    }
}
