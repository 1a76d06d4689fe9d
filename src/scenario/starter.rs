//! A scenario to start from.

use super::format::is_slug;

/// The text, with its name left open.
const TEMPLATE: &str = include_str!("starter.toml");

/// A commented scenario of this name; none if the name is not plain.
pub fn starter(name: &str) -> Option<String> {
    is_slug(name).then(|| TEMPLATE.replace("{name}", name))
}
