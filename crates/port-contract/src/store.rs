//! Properties of the store's reads, and of its writes that are no commits.

mod baselines;
mod documents;
mod exports;
mod fence;
mod heartbeat;
mod incarnations;
mod intents;
mod lists;
mod outbox;
mod permits;
mod planning;
mod repair;
mod retention;

pub(crate) use self::permits::permits;
use crate::property::Check;
use crate::{Bench, Property, PropertyFamily};

pub(crate) fn properties<B: Bench>() -> Vec<Property<B>> {
    let parts = [
        lists::properties::<B>(),
        planning::properties::<B>(),
        fence::properties::<B>(),
        baselines::properties::<B>(),
        documents::properties::<B>(),
        exports::properties::<B>(),
        permits::properties::<B>(),
        intents::properties::<B>(),
        outbox::properties::<B>(),
        incarnations::properties::<B>(),
        heartbeat::properties::<B>(),
        repair::properties::<B>(),
        retention::properties::<B>(),
    ];
    parts.into_iter().flatten().collect()
}

/// Creates a property of the store.
const fn property<B: Bench>(
    name: &'static str,
    statement: &'static str,
    check: Check<B>,
) -> Property<B> {
    Property::new(PropertyFamily::Store, name, statement, check)
}
