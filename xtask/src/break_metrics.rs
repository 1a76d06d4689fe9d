//! `cargo xtask break-metrics`: breaks the metrics crate on purpose, once for each property, and
//! requires that property's test to fail.
//!
//! A property that holds despite its breakage is not tested. Works on a copy.

mod table;

use std::fs;
use std::process::Command;

use crate::process::{Context, Failure, Result, Scratch, cargo, root};

/// Test suite of a property.
#[derive(Clone, Copy)]
enum Suite {
    /// Integration tests of the metrics crate.
    Metrics,
    /// Integration tests of the worker, which registers every kind of instrument.
    Worker,
    /// Unit tests of the metrics crate.
    Lib,
    /// Unit tests of the metrics crate on a model checker's atomics.
    Loom,
}

/// Change that a test must detect.
struct Breakage {
    file: &'static str,
    text: &'static str,
    by: &'static str,
    suite: Suite,
    test: &'static str,
}

const fn breakage(
    file: &'static str,
    text: &'static str,
    by: &'static str,
    suite: Suite,
    test: &'static str,
) -> Breakage {
    Breakage {
        file,
        text,
        by,
        suite,
        test,
    }
}

/// Runs all breakages, or those whose test names contain the argument.
pub fn main(arguments: &[&str]) -> Result<()> {
    let only = match *arguments {
        [] => "",
        [only] => only,
        _ => return Err(Failure::new("usage: cargo xtask break-metrics [NAME]")),
    };
    let copy = Scratch::new("broken")?;
    copy.copy_repository()?;
    let chosen = table::BREAKAGES
        .iter()
        .filter(|breakage| breakage.test.contains(only));
    let mut blind = Vec::new();
    for breakage in chosen {
        let outcome = breakage.try_in(&copy)?;
        println!("{:16}{}", outcome.as_str(), breakage.test);
        if outcome != Outcome::Seen {
            blind.push(breakage.test);
        }
    }
    match blind.is_empty() {
        true => Ok(()),
        false => Err(Failure::new(format!(
            "not shown to notice anything: {}",
            blind.join(", ")
        ))),
    }
}

/// Result of one breakage.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Outcome {
    Seen,
    NotSeen,
    /// The replaced text does not exist in the file.
    NothingBroken,
    DoesNotBuild,
}

impl Outcome {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Seen => "seen",
            Self::NotSeen => "NOT SEEN",
            Self::NothingBroken => "nothing broken",
            Self::DoesNotBuild => "does not build",
        }
    }
}

impl Breakage {
    /// Applies the change to the copy, runs the test, and reverts the change.
    fn try_in(&self, copy: &Scratch) -> Result<Outcome> {
        let file = copy.path().join(self.file);
        let whole = fs::read_to_string(&file).context(file.display())?;
        let broken = whole.replace(self.text, self.by);
        if broken == whole {
            return Ok(Outcome::NothingBroken);
        }
        fs::write(&file, broken).context(file.display())?;
        let tested = self.command(copy).output().context("cargo");
        fs::write(&file, whole).context(file.display())?;
        let tested = tested?;
        let printed = [tested.stdout, tested.stderr].concat();
        let is_named = String::from_utf8_lossy(&printed).contains(self.test);
        Ok(match (tested.status.success(), is_named) {
            (true, _) => Outcome::NotSeen,
            (false, true) => Outcome::Seen,
            (false, false) => Outcome::DoesNotBuild,
        })
    }

    fn command(&self, copy: &Scratch) -> Command {
        // Some breakages make a test hang.
        let mut command = Command::new("timeout");
        let target = root().join("target/broken");
        command
            .arg("300")
            .arg(cargo().get_program())
            .args(["test", "--quiet", "--package"]);
        match self.suite {
            Suite::Metrics => command.args(["rehearsal-metrics", "--test", "it"]),
            Suite::Worker => command.args(["rehearsal-worker", "--test", "it"]),
            Suite::Lib => command.args(["rehearsal-metrics", "--lib"]),
            Suite::Loom => command
                .args(["rehearsal-metrics", "--lib", "--release"])
                .env("RUSTFLAGS", "--cfg rehearsal_loom"),
        };
        command
            .arg(self.test)
            .current_dir(copy.path())
            .env("CARGO_TARGET_DIR", target);
        command
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn breakage_occurs_in_its_file() {
        for Breakage {
            file, text, test, ..
        } in table::BREAKAGES
        {
            let source = fs::read_to_string(root().join(file)).unwrap();
            assert!(source.contains(text), "{test}: `{text}` is not in {file}");
        }
    }
}
