//! Sources of series.

pub(crate) mod memory_store;
pub(crate) mod queryable;
pub(crate) mod recording;
