//! Properties of commits.

mod atomicity;
mod conflicts;
mod idempotency;
mod interruptions;
mod order;
mod refusals;

use crate::{Bench, Property};

pub(crate) fn properties<B: Bench>() -> Vec<Property<B>> {
    let parts = [
        conflicts::properties::<B>(),
        refusals::properties::<B>(),
        idempotency::properties::<B>(),
        atomicity::properties::<B>(),
        interruptions::properties::<B>(),
        order::properties::<B>(),
    ];
    parts.into_iter().flatten().collect()
}
