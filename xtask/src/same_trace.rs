//! `cargo xtask same-trace`: requires the same trace from builds with different code generation.

use std::fs;

use crate::process::{Context, Failure, Result, cargo, output, root};

/// Compares the traces of `quickstart` without and with optimisation, and without and with native
/// instructions.
pub fn main() -> Result<()> {
    let builds = [
        Build::new("opt-level 0", "dev"),
        Build::new("opt-level 3", "release"),
        Build {
            is_native: true,
            unoptimised: optimised_packages()?,
            ..Build::new("opt-level 0, native", "dev")
        },
        Build {
            is_native: true,
            ..Build::new("opt-level 3, native", "release")
        },
    ];
    let mut expected = None;
    for build in builds {
        let found = build.last_line()?;
        println!("{:22} {found}", build.name);
        let expected = expected.get_or_insert_with(|| found.clone());
        if !found.starts_with("PASS") || found != *expected {
            return Err(Failure::new("the trace differs, or there is none"));
        }
    }
    Ok(())
}

/// Code generation options of a build.
struct Build {
    name: &'static str,
    profile: &'static str,
    is_native: bool,
    /// Dependencies that the profile optimises and this build does not.
    unoptimised: Vec<String>,
}

impl Build {
    const fn new(name: &'static str, profile: &'static str) -> Self {
        Self {
            name,
            profile,
            is_native: false,
            unoptimised: Vec::new(),
        }
    }

    /// Last line that the program prints of `quickstart`.
    fn last_line(&self) -> Result<String> {
        let mut command = cargo();
        command.args(["run", "--locked", "--quiet", "--package=rehearsal"]);
        command.args(["--profile", self.profile]);
        for package in &self.unoptimised {
            command
                .arg("--config")
                .arg(format!("profile.dev.package.{package}.opt-level=0"));
        }
        if self.is_native {
            command.env("RUSTFLAGS", "-C target-cpu=native");
            command.args(["--target-dir", "target/native"]);
        }
        let text = output(command.args(["--", "run", "scenarios/quickstart.toml"]))?;
        Ok(text.lines().last().unwrap_or_default().to_owned())
    }
}

/// Dependencies that the `dev` profile optimises.
fn optimised_packages() -> Result<Vec<String>> {
    let manifest = root().join("Cargo.toml");
    let manifest = fs::read_to_string(&manifest).context(manifest.display())?;
    let names = manifest
        .lines()
        .filter_map(|line| line.strip_suffix(" = { opt-level = 2 }"));
    let names: Vec<String> = names.map(str::to_owned).collect();
    match names.is_empty() {
        true => Err(Failure::new(
            "Cargo.toml names no package as `NAME = { opt-level = 2 }`",
        )),
        false => Ok(names),
    }
}
