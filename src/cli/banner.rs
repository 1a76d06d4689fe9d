//! What a rehearsal is made of, said before it begins.

use rehearsal::scenario::{Scenario, differences};

use super::rehearse::Profile;

/// The seed, and every parameter that differs from its default.
pub fn banner(scenario: &Scenario, profile: Profile) -> String {
    let version = env!("CARGO_PKG_VERSION");
    let (name, seed) = (&scenario.name, scenario.seed);
    let profile = profile.kind().as_str();
    let head = format!("rehearsal {version}: {name}, seed {seed}, profile {profile}");
    let lines = differences(scenario).into_iter().map(|difference| {
        let default = match difference.default.as_str() {
            "" => String::new(),
            default => format!("  (default {default})"),
        };
        format!("  {} = {}{default}", difference.key, difference.value)
    });
    [head]
        .into_iter()
        .chain(lines)
        .collect::<Vec<_>>()
        .join("\n")
}
