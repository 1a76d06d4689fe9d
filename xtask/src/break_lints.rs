//! `cargo xtask break-lints`: violates each Clippy rule of the libraries and requires Clippy to
//! report it.
//!
//! A rule with a misspelt path, or one that a crate's `clippy.toml` no longer applies, would fail
//! silently. Works on a copy. Paths of crates that are not dependencies can't be violated.

use std::fmt::Write as _;
use std::fs;
use std::path::Path;

use crate::process::{Context, Failure, Result, Scratch, cargo, root};

/// Crates without a clock, randomness and a runtime.
const PURE: [&str; 2] = ["metrics", "worker"];

/// Casts that must be named conversions, with their lints.
const CASTS: [(&str, &str); 4] = [
    ("u64 as u8", "cast_possible_truncation"),
    ("u64 as f64", "cast_precision_loss"),
    ("i64 as u64", "cast_sign_loss"),
    ("u64 as i64", "cast_possible_wrap"),
];

/// Breaks every rule of every pure crate.
pub fn main() -> Result<()> {
    let copy = Scratch::new("broken")?;
    copy.copy_repository()?;
    let mut blind = Vec::new();
    for name in PURE {
        let folder = copy.path().join("crates").join(name);
        let (code, expected) = violations(&folder)?;
        let library = folder.join("src/lib.rs");
        let whole = fs::read_to_string(&library).context(library.display())?;
        fs::write(&library, format!("{whole}\n{code}")).context(library.display())?;
        let printed = clippy(&copy, name)?;
        for message in expected {
            let is_seen = printed.contains(&message);
            println!(
                "{:10}{name}: {message}",
                if is_seen { "seen" } else { "NOT SEEN" }
            );
            if !is_seen {
                blind.push(format!("{name}: {message}"));
            }
        }
    }
    match blind.is_empty() {
        true => Ok(()),
        false => Err(Failure::new(format!(
            "Clippy does not notice:\n{}",
            blind.join("\n")
        ))),
    }
}

/// Output of Clippy for a crate in the copy.
fn clippy(copy: &Scratch, name: &str) -> Result<String> {
    let package = format!("rehearsal-{name}");
    let output = cargo()
        .args(["clippy", "--quiet", "--lib", "--package", &package])
        .current_dir(copy.path())
        .env("CARGO_TARGET_DIR", root().join("target/broken"))
        .output()
        .context("cargo clippy")?;
    let printed = String::from_utf8_lossy(&output.stderr).into_owned();
    match printed.contains("error[E") {
        true => Err(Failure::new(format!(
            "the violations do not build:\n{printed}"
        ))),
        false => Ok(printed),
    }
}

/// Code that violates each rule once, with the expected message.
fn violations(folder: &Path) -> Result<(String, Vec<String>)> {
    let rules = folder.join("clippy.toml");
    let rules = fs::read_to_string(&rules).context(rules.display())?;
    let (types, methods) = rules
        .split_once("disallowed-methods")
        .ok_or_else(|| Failure::new("clippy.toml disallows no methods"))?;
    let mut code =
        String::from("/// Deliberate violations.\npub fn violations(u64: u64, i64: i64) {\n");
    let mut expected = Vec::new();
    for path in std_paths(types) {
        let parameters = parameters(path);
        let _ = writeln!(code, "let _: Option<{path}{parameters}> = None;");
        expected.push(format!("use of a disallowed type `{path}`"));
    }
    for path in std_paths(methods) {
        let arguments = arguments(path);
        let _ = writeln!(code, "let _ = {path}({arguments});");
        expected.push(format!("use of a disallowed method `{path}`"));
    }
    for (cast, lint) in CASTS {
        let _ = writeln!(code, "let _ = {cast};");
        expected.push(format!("#{lint}"));
    }
    code.push_str("}\n");
    Ok((code, expected))
}

/// Paths of the standard library in a list of `clippy.toml`.
fn std_paths(list: &str) -> impl Iterator<Item = &str> {
    let paths = list
        .split("path = \"")
        .skip(1)
        .filter_map(|rest| rest.split('"').next());
    paths.filter(|path| path.starts_with("std::"))
}

/// Parameters without which a type is not complete.
fn parameters(path: &str) -> &'static str {
    match path.rsplit("::").next() {
        Some("HashMap") => "<u8, u8>",
        Some("HashSet") => "<u8>",
        _ => "",
    }
}

/// Arguments with which a function may be called.
fn arguments(path: &str) -> &'static str {
    match path {
        "std::thread::sleep" => "std::time::Duration::ZERO",
        "std::thread::spawn" => "|| ()",
        "std::thread::scope" => "|_| ()",
        "std::thread::Builder::spawn" => "std::thread::Builder::new(), || ()",
        "std::fs::write" => "\"\", \"\"",
        "std::env::args" | "std::time::Instant::now" | "std::time::SystemTime::now" => "",
        _ => "\"\"",
    }
}
