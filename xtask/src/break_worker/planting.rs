//! A copy of the repository whose worker has every defect, and a run-time choice among them.
//!
//! An expression `E` becomes `(if CHOSEN { D } else { E })`, a statement likewise. The copy stays
//! below `target/`, so that the next build is an incremental one.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;
use std::fs;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::process::Command;

use super::WORKER;
use super::defect::{Defect, Site};
use crate::process::{Context, Failure, Result, cargo, listed_files, root, run};

/// Environment variable with the name of the chosen defect.
pub const CHOICE: &str = "REHEARSAL_DEFECT";

/// Keyword of functions that run at compile time.
const CONST: &str = "const ";

/// Name of the copy's program, other than the repository's, so that both can share a target folder.
const PROGRAM: &str = "rehearsal-with-defects";

/// Build script of the copy's worker. A script sets the `cfg` for this package only; with
/// `RUSTFLAGS`, every dependency would be built again.
const BUILD_SCRIPT: &str = "//! Sets the cfg of the defects.\n\nfn main() {
    println!(\"cargo::rustc-check-cfg=cfg(rehearsal_defects)\");
    println!(\"cargo::rustc-cfg=rehearsal_defects\");
}
";

/// Build profile of the copy.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PlantedProfile {
    /// Optimised, without debug assertions, which would find defects.
    Optimised,
    /// As the tests are built, with their dependencies: compiled in a minute, slower sweeps.
    Debug,
}

impl PlantedProfile {
    /// Folder of the build's results.
    fn target(self) -> PathBuf {
        root().join(match self {
            Self::Optimised => "target/defects",
            Self::Debug => "target",
        })
    }

    /// Path of the program below the folder of the results.
    fn program(self) -> PathBuf {
        let folder = match self {
            Self::Optimised => "checked",
            Self::Debug => "debug",
        };
        self.target().join(folder).join(PROGRAM)
    }
}

/// A built copy with all defects.
pub struct PlantedCopy {
    folder: PathBuf,
    profile: PlantedProfile,
}

impl PlantedCopy {
    /// Writes the copy. Files that are the same as before keep their times.
    pub fn create(defects: &[Defect], profile: PlantedProfile) -> Result<Self> {
        let copy = Self {
            folder: root().join("target/defects/copy"),
            profile,
        };
        let planted = plant_all(defects)?;
        for file in listed_files()? {
            let original = root().join(&file);
            let text = match Path::new(&file).strip_prefix(WORKER) {
                Ok(below) => planted.get(below),
                Err(_) => None,
            };
            match text {
                Some(text) => copy.write(&file, text.as_bytes())?,
                None => copy.write(&file, &fs::read(&original).context(original.display())?)?,
            }
        }
        copy.rename_program()?;
        let choice = format!("{WORKER}/defect.rs");
        copy.write(&choice, choice_module(defects).as_bytes())?;
        let script = Path::new(WORKER).with_file_name("build.rs");
        copy.write(&script.to_string_lossy(), BUILD_SCRIPT.as_bytes())?;
        Ok(copy)
    }

    fn rename_program(&self) -> Result<()> {
        let path = root().join("Cargo.toml");
        let manifest = fs::read_to_string(&path).context(path.display())?;
        let bin = "[[bin]]\nname = \"rehearsal\"";
        let default = "default-run = \"rehearsal\"";
        if !manifest.contains(bin) || !manifest.contains(default) {
            let name = path.display();
            return Err(Failure::new(format!("{name} has no program `rehearsal`")));
        }
        let manifest = manifest
            .replace(bin, &format!("[[bin]]\nname = \"{PROGRAM}\""))
            .replace(default, &format!("default-run = \"{PROGRAM}\""));
        self.write("Cargo.toml", manifest.as_bytes())
    }

    fn write(&self, file: &str, content: &[u8]) -> Result<()> {
        let path = self.folder.join(file);
        if fs::read(&path).is_ok_and(|known| known == content) {
            return Ok(());
        }
        fs::create_dir_all(path.parent().expect("below the copy")).context(path.display())?;
        fs::write(&path, content).context(path.display())
    }

    /// Builds the program.
    pub fn build(&self) -> Result<()> {
        let mut build = cargo();
        build
            .args(["build", "--quiet", "--locked", "--bin", PROGRAM])
            .current_dir(&self.folder)
            .env("CARGO_TARGET_DIR", self.profile.target());
        if self.profile == PlantedProfile::Optimised {
            build
                .args(["--profile", "checked"])
                .env("CARGO_PROFILE_CHECKED_DEBUG_ASSERTIONS", "false")
                .env("CARGO_PROFILE_CHECKED_OVERFLOW_CHECKS", "false");
        }
        run(&mut build)
    }

    /// Returns the program with the chosen defect, or without one, in the copy's folder.
    pub fn program(&self, defect: Option<&str>) -> Command {
        let mut program = Command::new(self.profile.program());
        program.current_dir(&self.folder);
        match defect {
            Some(name) => program.env(CHOICE, name),
            None => program.env_remove(CHOICE),
        };
        program
    }
}

/// Returns the module that knows the choice.
fn choice_module(defects: &[Defect]) -> String {
    let names = defects.iter().map(|defect| &defect.name);
    let names: Vec<_> = names.map(|name| format!("    {name:?},\n")).collect();
    format!(
        "//! The choice of a defect.\n\
         static NAMES: [&str; {}] = [\n{}];\n\
         static CHOSEN: std::sync::LazyLock<usize> = std::sync::LazyLock::new(|| {{\n    \
             let Ok(chosen) = std::env::var(\"{CHOICE}\") else {{ return usize::MAX }};\n    \
             NAMES.iter().position(|name| *name == chosen).expect(\"the defect is known\")\n\
         }});\n\
         pub fn is(number: usize) -> bool {{\n    *CHOSEN == number\n}}\n",
        defects.len(),
        names.concat()
    )
}

/// Returns the planted files by their paths below the worker's sources.
///
/// # Errors
/// A text does not occur exactly once, or two sites overlap.
pub fn plant_all(defects: &[Defect]) -> Result<BTreeMap<PathBuf, String>> {
    let mut by_file: BTreeMap<&str, Vec<(usize, &Defect, &Site)>> = BTreeMap::new();
    for (number, defect) in defects.iter().enumerate() {
        for site in &defect.sites {
            let sites = by_file.entry(&site.file).or_default();
            sites.push((number, defect, site));
        }
    }
    let mut planted = BTreeMap::new();
    for (file, sites) in by_file {
        let path = root().join(WORKER).join(file);
        let original = fs::read_to_string(&path).context(path.display())?;
        planted.insert(PathBuf::from(file), plant(&original, &sites)?);
    }
    let library = root().join(WORKER).join("lib.rs");
    let library = fs::read_to_string(&library).context(library.display())?;
    let library = library.replacen("mod context;", "mod context;\nmod defect;", 1);
    // Defects leave variables and functions unused.
    let library = format!("#![allow(warnings)]\n{library}");
    planted.insert(PathBuf::from("lib.rs"), library);
    Ok(planted)
}

/// Replaces the sites of a file by choices. Functions with a choice can't be `const`.
fn plant(original: &str, sites: &[(usize, &Defect, &Site)]) -> Result<String> {
    let mut edits: Vec<(Range<usize>, String)> = Vec::new();
    let mut constants = BTreeSet::new();
    for (number, defect, site) in sites {
        let range = place(original, site).map_err(|reason| {
            Failure::new(format!("{} in {}: {reason}", defect.name, site.file))
        })?;
        constants.extend(const_before(original, range.start));
        let part = &original[range.clone()];
        edits.push((range, choice(*number, &defect.name, part, &site.by)));
    }
    let constants = constants.into_iter();
    edits.extend(constants.map(|at| (at..at + CONST.len(), String::new())));
    edits.sort_by_key(|(range, _)| range.start);
    let mut planted = String::new();
    let mut end = 0;
    for (range, by) in edits {
        if range.start < end {
            let line = original[..range.start].lines().count();
            return Err(Failure::new(format!("two sites overlap in line {line}")));
        }
        let _ = write!(planted, "{}{by}", &original[end..range.start]);
        end = range.end;
    }
    planted.push_str(&original[end..]);
    Ok(planted)
}

/// Returns where the replaced part of a site is.
fn place(original: &str, site: &Site) -> std::result::Result<Range<usize>, String> {
    let (before, part, after) = site.parts();
    let whole = [before, part, after].concat();
    let mut places = original.match_indices(&whole);
    match (places.next(), places.next()) {
        (Some((at, _)), None) => {
            let start = at + before.len();
            Ok(start..start + part.len())
        }
        (None, _) => Err(format!("`{whole}` does not occur")),
        (Some(_), Some(_)) => Err(format!("`{whole}` occurs more than once")),
    }
}

/// Returns where the keyword of a `const fn` that contains this place is.
fn const_before(original: &str, place: usize) -> Option<usize> {
    let function = original[..place].rfind("fn ")?;
    let is_const = original[..function].ends_with(CONST);
    is_const.then(|| function - CONST.len())
}

fn choice(number: usize, name: &str, part: &str, by: &str) -> String {
    let by = by.trim_end();
    if part.is_empty() {
        return format!("{by}\n");
    }
    let chosen = format!("cfg!(rehearsal_defects) && crate::defect::is({number} /* {name} */)");
    match part.ends_with(';') {
        true => format!("if {chosen} {{ {by} }} else {{ {part} }}"),
        false => format!("(if {chosen} {{ {by} }} else {{ {part} }})"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn expressions_and_statements_become_choices() {
        let defects = super::super::defect::parse(
            "@ a.rs\n= one\nDoes.\n- if «a» {\n+ b\n- c();\n+\n= two\nDoes.\n- «»fn\n+ mod d {}\n",
        )
        .unwrap();
        let sites: Vec<_> = [(0, 0), (0, 1), (1, 0)]
            .map(|(number, site)| {
                let defect: &Defect = &defects[number];
                (number, defect, &defect.sites[site])
            })
            .into();
        let planted = plant("const fn x() { if a { c(); } }", &sites).unwrap();
        let is = |number, name| {
            format!("cfg!(rehearsal_defects) && crate::defect::is({number} /* {name} */)")
        };
        let is = is(0, "one");
        assert_eq!(
            planted,
            format!(
                "mod d {{}}\nfn x() {{ if (if {is} {{ b }} else {{ a }}) {{ \
                 if {is} {{  }} else {{ c(); }} }} }}"
            )
        );
    }
}
