//! Properties of queues, checked on the runner queue unless they say otherwise.

mod answers;
mod dead_letters;
mod depth;
mod enqueue;
mod lease;
pub(crate) mod lease_client;
mod release;
mod wait;

use crate::property::Check;
use crate::{Bench, Property, PropertyFamily};

pub(crate) fn properties<B: Bench>() -> Vec<Property<B>> {
    let parts = [
        enqueue::properties::<B>(),
        lease::properties::<B>(),
        wait::properties::<B>(),
        answers::properties::<B>(),
        release::properties::<B>(),
        dead_letters::properties::<B>(),
        depth::properties::<B>(),
    ];
    parts.into_iter().flatten().collect()
}

/// Creates a property of queues.
const fn property<B: Bench>(
    name: &'static str,
    statement: &'static str,
    check: Check<B>,
) -> Property<B> {
    Property::new(PropertyFamily::Queue, name, statement, check)
}
