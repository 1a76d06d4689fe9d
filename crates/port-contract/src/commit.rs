//! Properties of commits.

mod atomicity;
mod conflicts;
mod idempotency;
mod interruptions;
mod order;
mod queue_reset;
mod refusals;

use crate::property::Check;
use crate::{Bench, Property, PropertyFamily};

pub(crate) fn properties<B: Bench>() -> Vec<Property<B>> {
    let parts = [
        conflicts::properties::<B>(),
        refusals::properties::<B>(),
        idempotency::properties::<B>(),
        atomicity::properties::<B>(),
        interruptions::properties::<B>(),
        order::properties::<B>(),
        queue_reset::properties::<B>(),
    ];
    parts.into_iter().flatten().collect()
}

/// Creates a property of commits.
const fn property<B: Bench>(
    name: &'static str,
    statement: &'static str,
    check: Check<B>,
) -> Property<B> {
    Property::new(PropertyFamily::Commit, name, statement, check)
}
