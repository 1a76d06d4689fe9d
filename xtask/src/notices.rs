//! `cargo xtask notices`: the licences of everything in the program, from the sources of its
//! dependencies.

use std::collections::{BTreeMap, BTreeSet};
use std::env;
use std::fs;
use std::iter;
use std::path::{Path, PathBuf};

use crate::process::{Context, Failure, Result, cargo, output, root};

/// The notices, in the repository and in the image.
const NOTICES: &str = "deploy/THIRD-PARTY-NOTICES";

/// Supported platforms, as in `deny.toml`.
const TARGETS: [&str; 3] = [
    "x86_64-unknown-linux-gnu",
    "aarch64-unknown-linux-gnu",
    "aarch64-apple-darwin",
];

/// Beginnings of the names of files with licences, in capitals.
const LICENCE_FILES: [&str; 4] = ["LICENSE", "COPYING", "NOTICE", "UNLICENSE"];

/// Parts that are no packages: name, licence, and its file.
const BUNDLED: [(&str, &str, &str); 2] = [
    ("Rust standard library", "MIT OR Apache-2.0", "LICENSE"),
    ("uPlot", "MIT", "src/report/html/uPlot.LICENSE"),
];

const RULE: &str =
    "\n--------------------------------------------------------------------------------\n";

/// Package of the program.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Package {
    /// Name and version, as in `serde 1.0.0`.
    name: String,
    /// SPDX expression.
    licence: String,
}

/// Writes the notices, or with `--check` compares them.
pub fn main(arguments: &[&str]) -> Result<()> {
    let notices = notices()?;
    let path = root().join(NOTICES);
    match arguments {
        [] => fs::write(&path, notices).context(NOTICES),
        ["--check"] => compare(&fs::read_to_string(&path).context(NOTICES)?, &notices),
        _ => Err(Failure::new("usage: cargo xtask notices [--check]")),
    }
}

fn compare(written: &str, notices: &str) -> Result<()> {
    if written == notices {
        return Ok(());
    }
    let differences = changed_lines(written, notices);
    Err(Failure::new(format!(
        "{NOTICES} is not up to date; `cargo xtask notices` writes it:\n{differences}"
    )))
}

/// Lines that only one of the texts has.
fn changed_lines(written: &str, notices: &str) -> String {
    let [old, new] = [written, notices].map(|text| text.lines().collect::<BTreeSet<_>>());
    let removed = old.difference(&new).map(|line| format!("- {line}\n"));
    let added = new.difference(&old).map(|line| format!("+ {line}\n"));
    removed.chain(added).take(20).collect()
}

fn notices() -> Result<String> {
    let sources = sources()?;
    let apache = fs::read_to_string(root().join("LICENSE")).context("LICENSE")?;
    let mut listed = BTreeMap::new();
    let mut texts = BTreeMap::new();
    for package in packages()? {
        let files = licence_files(&source(&sources, &package.name)?)?;
        add_texts(&mut texts, &package, files, &apache)?;
        listed.insert(package.name, package.licence);
    }
    for (name, licence, file) in BUNDLED {
        let text = fs::read_to_string(root().join(file)).context(file)?;
        texts
            .entry(plain(&text))
            .or_insert_with(Vec::new)
            .push(name.to_owned());
        listed.insert(name.to_owned(), licence.to_owned());
    }
    Ok(render(&listed, &texts))
}

/// Packages in the program on any platform.
fn packages() -> Result<BTreeSet<Package>> {
    let mut packages = BTreeSet::new();
    for target in TARGETS {
        let mut tree = cargo();
        tree.args([
            "tree",
            "--locked",
            "--package",
            "rehearsal",
            "--edges",
            "normal",
        ]);
        tree.args([
            "--no-dedupe",
            "--prefix",
            "none",
            "--format",
            "{p}\t{l}",
            "--target",
            target,
        ]);
        packages.extend(output(&mut tree)?.lines().filter_map(package));
    }
    Ok(packages)
}

/// Package of a line of `cargo tree`; none if it is of this repository, which has a path.
fn package(line: &str) -> Option<Package> {
    let (name, licence) = line.split_once('\t')?;
    let name = name.trim_end_matches(" (proc-macro)");
    (!name.contains('(')).then(|| Package {
        name: name.replace(" v", " "),
        licence: licence.replace(" / ", " OR ").replace('/', " OR "),
    })
}

/// Directories of the registries with the sources of packages, after a download of all of them.
fn sources() -> Result<Vec<PathBuf>> {
    output(cargo().args(["fetch", "--locked"]))?;
    let home = env::var_os("CARGO_HOME").map(PathBuf::from);
    let home = home.or_else(|| Some(env::home_dir()?.join(".cargo")));
    let registries = home.unwrap_or_default().join("registry/src");
    let entries = fs::read_dir(&registries).context(registries.display())?;
    Ok(entries.flatten().map(|entry| entry.path()).collect())
}

fn source(registries: &[PathBuf], package: &str) -> Result<PathBuf> {
    let name = package.replace(' ', "-");
    let mut sources = registries.iter().map(|registry| registry.join(&name));
    let source = sources.find(|source| source.is_dir());
    source.ok_or_else(|| Failure::new(format!("no source of {package} in the registry")))
}

/// Texts of the licences in the source of a package.
fn licence_files(source: &Path) -> Result<Vec<String>> {
    let mut texts = Vec::new();
    for entry in fs::read_dir(source).context(source.display())?.flatten() {
        let (path, name) = (entry.path(), entry.file_name());
        let name = name.to_string_lossy().to_uppercase();
        let is_code = path
            .extension()
            .is_some_and(|it| it == "toml" || it == "rs");
        if LICENCE_FILES.iter().any(|start| name.starts_with(start)) && !is_code {
            texts.push(fs::read_to_string(&path).context(path.display())?);
        }
    }
    Ok(texts)
}

/// Adds the texts of a package. One without texts is used under the Apache licence.
fn add_texts(
    texts: &mut BTreeMap<String, Vec<String>>,
    package: &Package,
    files: Vec<String>,
    apache: &str,
) -> Result<()> {
    let Package { name, licence } = package;
    let files = match files.is_empty() {
        false => files,
        true if licence.split(" OR ").any(|one| one == "Apache-2.0") => vec![apache.to_owned()],
        true => {
            let message =
                format!("{name} ({licence}) has no text of its licence: add it to BUNDLED");
            return Err(Failure::new(message));
        }
    };
    for text in files {
        let packages = texts.entry(plain(&text)).or_default();
        if packages.last() != Some(name) {
            packages.push(name.clone());
        }
    }
    Ok(())
}

/// Text without differences that mean nothing: line ends, indentation and empty lines at the ends.
fn plain(text: &str) -> String {
    let lines: Vec<&str> = text.lines().map(str::trim).collect();
    lines.join("\n").trim_matches(['\n', '\u{feff}']).to_owned()
}

fn render(listed: &BTreeMap<String, String>, texts: &BTreeMap<String, Vec<String>>) -> String {
    let head = "Rehearsal contains the following third-party software. `cargo xtask notices` has\n\
                written this file from the sources of the packages.\n\n";
    let packages = listed
        .iter()
        .map(|(name, licence)| format!("{name}: {licence}\n"));
    let texts = texts
        .iter()
        .map(|(text, packages)| format!("{RULE}{}\n\n{text}\n", packages.join(", ")));
    let parts = iter::once(head.to_owned()).chain(packages).chain(texts);
    parts.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts_of(licence: &str, files: &[&str]) -> Result<BTreeMap<String, Vec<String>>> {
        let mut texts = BTreeMap::new();
        let package = Package {
            name: "a 1.0.0".into(),
            licence: licence.into(),
        };
        let files = files.iter().map(|text| (*text).to_owned()).collect();
        add_texts(&mut texts, &package, files, "Apache\n").map(|()| texts)
    }

    #[test]
    fn packages_are_those_of_registries() {
        let of_registry = package("a-b v1.0.0+x\tMIT/Apache-2.0").unwrap();
        assert_eq!(of_registry.name, "a-b 1.0.0+x");
        assert_eq!(of_registry.licence, "MIT OR Apache-2.0");
        assert!(package("derive v1.0.0 (proc-macro)\tMIT").is_some());
        assert_eq!(package("own v0.1.0 (/somewhere)\tApache-2.0"), None);
    }

    #[test]
    fn equal_texts_appear_once() {
        let texts = texts_of("MIT", &["  One\r\n", "One\n\n", "Two"]).unwrap();
        let names = vec!["a 1.0.0".to_owned()];
        assert_eq!(
            texts,
            BTreeMap::from([("One".into(), names.clone()), ("Two".into(), names)])
        );
    }

    #[test]
    fn package_without_text_has_the_apache_licence_or_is_an_error() {
        let texts = texts_of("MIT OR Apache-2.0", &[]).unwrap();
        assert!(texts.contains_key("Apache"));
        assert!(texts_of("MIT", &[]).is_err());
    }

    #[test]
    fn missing_dependency_is_named() {
        let listed = BTreeMap::from([("a 1.0.0".to_owned(), "MIT".to_owned())]);
        let written = render(&BTreeMap::new(), &BTreeMap::new());
        let failure = compare(&written, &render(&listed, &BTreeMap::new())).unwrap_err();
        assert!(failure.to_string().contains("+ a 1.0.0: MIT"), "{failure}");
    }
}
