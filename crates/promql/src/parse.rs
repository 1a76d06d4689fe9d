//! Text to checked queries.

pub(crate) mod check;
pub(crate) mod duration;
pub(crate) mod expression;
pub(crate) mod functions;
pub(crate) mod query;
pub(crate) mod selector_info;
pub(crate) mod semantics;
pub(crate) mod syntax;
pub(crate) mod time_modifier;
