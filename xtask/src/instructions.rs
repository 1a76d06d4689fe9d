//! `cargo xtask instructions`: the gate on instruction counts.
//!
//! The checked-in baseline holds for one toolchain and one set of processor features. Anywhere else
//! the revision before the change is built and measured in the same job, which takes twice as long
//! but needs no baseline for each machine. Instructions are compared and not times, because CI's
//! machines are shared: there, times differ by more than the 3 % that must not pass.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::baseline::{self, CountBaseline, Counts};
use crate::callgrind::count;
use crate::compare::compare;
use crate::process::{
    Context, Failure, Result, Scratch, cargo_without_lto, git, on_all_cores, output, root, run,
};

const PACKAGE: &str = "benches/instructions";
const PROGRAM: &str = "rehearsal-instructions";
const BASELINE: &str = "benches/instructions/baseline.tsv";

/// Counts, and compares with the baseline, or with a revision.
pub fn main(arguments: &[&str]) -> Result<()> {
    let scratch = Scratch::new("instructions")?;
    let machine = baseline::machine()?;
    let path = root().join(BASELINE);
    let mut known = baseline::read(&path)?;
    println!("{machine}");
    match *arguments {
        ["--update"] => {
            let found = measure(root(), &scratch)?;
            if let Some(expected) = known.get(&machine) {
                print!("{}", compare(expected, &found).report);
            }
            // Counts of another machine are not those of this version.
            known = CountBaseline::from([(machine, found)]);
            fs::write(&path, baseline::text(&known)).context(path.display())
        }
        [] => match known.get(&machine) {
            Some(expected) => judge(expected, &measure(root(), &scratch)?),
            None => {
                println!("the baseline has no counts of this machine");
                against_base(&known, &scratch)
            }
        },
        ["--against", revision] => against(revision, &known, &scratch),
        _ => Err(Failure::new(
            "usage: cargo xtask instructions [--update | --against REVISION]",
        )),
    }
}

fn judge(expected: &Counts, found: &Counts) -> Result<()> {
    let comparison = compare(expected, found);
    print!("{}", comparison.report);
    match comparison.failed.is_empty() {
        true => Ok(()),
        false => Err(Failure::new(format!(
            "more instructions than 3 % above the expected ones: {}\n\
             if that is intended, `cargo xtask instructions --update` writes the baseline anew",
            comparison.failed.join(", ")
        ))),
    }
}

/// Compares this version with the revision before the change, unless the clone lacks it.
fn against_base(known: &CountBaseline, scratch: &Scratch) -> Result<()> {
    let Some(base) = base()? else {
        println!(
            "NOT COMPARED: the clone is shallow; `git fetch --unshallow` brings the revision \
             before this one"
        );
        return Ok(());
    };
    against(&base, known, scratch)
}

/// Measures a revision, and compares this version with it.
fn against(revision: &str, known: &CountBaseline, scratch: &Scratch) -> Result<()> {
    let source = scratch.path().join("base");
    println!("measuring {revision} as well");
    output(
        git()
            .args(["worktree", "add", "--detach"])
            .arg(&source)
            .arg(revision),
    )?;
    let expected = measure_revision(&source, known, scratch);
    // A failure above is the one to report.
    let _ = output(git().args(["worktree", "remove", "--force"]).arg(&source));
    let found = measure(root(), scratch)?;
    match expected? {
        Some(mut expected) => {
            // Only the baseline says whether a benchmark may go.
            expected.retain(|benchmark, _| found.contains_key(benchmark));
            judge(&expected, &found)
        }
        None => {
            println!("{revision} has no benchmarks to compare with");
            Ok(())
        }
    }
}

/// Counts of another revision, with the growth that this version's baseline allows. `None` if the
/// revision has no benchmarks.
fn measure_revision(
    source: &Path,
    known: &CountBaseline,
    scratch: &Scratch,
) -> Result<Option<Counts>> {
    if !source.join(PACKAGE).exists() {
        return Ok(None);
    }
    let mut counts = measure(source, scratch)?;
    allow_declared(&mut counts, &baseline::read(&source.join(BASELINE))?, known);
    Ok(Some(counts))
}

/// Scales counts by the baseline's changes: `--update` on one machine must hold on all machines.
fn allow_declared(counts: &mut Counts, before: &CountBaseline, now: &CountBaseline) {
    for (machine, now) in now {
        let Some(before) = before.get(machine) else {
            continue;
        };
        for (benchmark, count) in &mut *counts {
            if let (Some(before), Some(now)) = (before.get(benchmark), now.get(benchmark)) {
                count.per_unit *= now.per_unit / before.per_unit;
            }
        }
    }
}

/// Revision that a change is compared with: where its branch began, or the commit before it.
/// `None` in a shallow clone, which has neither.
fn base() -> Result<Option<String>> {
    let head = output(git().args(["rev-parse", "HEAD"]))?;
    let changed = output(git().args(["status", "--porcelain", "--untracked-files=no"]))?;
    for branch in ["origin/main", "main"] {
        match output(git().args(["merge-base", "HEAD", branch])) {
            Ok(base) if base != head || !changed.is_empty() => return Ok(Some(base)),
            _ => {}
        }
    }
    let shallow = output(git().args(["rev-parse", "--is-shallow-repository"]))?;
    match output(git().args(["rev-parse", "--verify", "HEAD~1"])) {
        Ok(parent) => Ok(Some(parent)),
        Err(_) if shallow == "true" => Ok(None),
        Err(failure) => Err(failure),
    }
}

/// Builds the benchmarks of a source tree and runs each of them under Callgrind.
fn measure(source: &Path, scratch: &Scratch) -> Result<Counts> {
    let program = build(source, scratch.path())?;
    let names = output(Command::new(&program).env_clear())?;
    let names: Vec<&str> = names.lines().collect();
    let counts = on_all_cores(&names, |benchmark| {
        Ok((
            (*benchmark).to_owned(),
            count(&program, benchmark, scratch.path())?,
        ))
    });
    counts.into_iter().collect()
}

/// Builds a source tree's benchmarks, and moves the program so that the next build does not
/// overwrite it.
fn build(source: &Path, scratch: &Path) -> Result<PathBuf> {
    // One target folder for all trees: dependencies are built once.
    let target = root().join("target");
    run(cargo_without_lto()
        .args([
            "build",
            "--release",
            "--locked",
            "--quiet",
            "--manifest-path",
        ])
        .arg(source.join(PACKAGE).join("Cargo.toml"))
        .arg("--target-dir")
        .arg(&target))?;
    let built = target.join("release").join(PROGRAM);
    let program = scratch.join(PROGRAM);
    fs::copy(&built, &program).context(built.display())?;
    Ok(program)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::callgrind::Count;

    fn counts(per_unit: f64) -> Counts {
        let functions = BTreeMap::from([("run".to_owned(), per_unit)]);
        Counts::from([(
            "event".to_owned(),
            Count {
                per_unit,
                functions,
            },
        )])
    }

    #[test]
    fn growth_declared_on_another_machine_is_allowed() {
        let before = CountBaseline::from([("there".to_owned(), counts(100.0))]);
        let now = CountBaseline::from([("there".to_owned(), counts(110.0))]);
        let mut expected = counts(200.0);
        allow_declared(&mut expected, &before, &now);
        assert!(judge(&expected, &counts(220.0)).is_ok());
        assert!(judge(&expected, &counts(230.0)).is_err());
    }
}
