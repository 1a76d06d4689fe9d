//! Counting a benchmark's instructions with Callgrind, by function.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::process::Command;

use crate::process::{Context, Failure, Result, output};

/// Instructions of one benchmark.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Count {
    /// Instructions per measured unit.
    pub per_unit: f64,
    /// Instructions per unit by function, without callees.
    pub functions: BTreeMap<String, f64>,
}

/// Callgrind, to which the program and its arguments are to be added. It writes its counts into a
/// file.
pub fn callgrind(counts: &Path) -> Command {
    let mut command = Command::new("valgrind");
    command
        .args(["--tool=callgrind", "--quiet", "--dump-line=no"])
        .arg(format!("--callgrind-out-file={}", counts.display()))
        // The user's environment must not change the path through a program.
        .env_clear();
    command
}

/// Runs a benchmark of `program` and counts the instructions between its two marks.
pub fn count(program: &Path, benchmark: &str, scratch: &Path) -> Result<Count> {
    let file = scratch.join(benchmark);
    let units = output(
        callgrind(&file)
            .arg("--zero-before=*::measurement_begins")
            .arg("--dump-before=*::measurement_ends")
            .arg(program)
            .arg(benchmark)
            .current_dir(scratch),
    )?;
    let units: u32 = units.parse().context(format!("units of {benchmark}"))?;
    // The first dump is that of the second mark. The file without a number is that of the program's
    // end.
    let dump = format!("{}.1", file.display());
    let dump = fs::read_to_string(&dump).context(dump)?;
    let mut functions = self_costs(&dump).context(format!("Callgrind's counts of {benchmark}"))?;
    functions
        .values_mut()
        .for_each(|cost| *cost /= f64::from(units));
    let per_unit = functions.values().sum();
    Ok(Count {
        per_unit,
        functions,
    })
}

/// Cost of each function in a Callgrind file, without its callees.
///
/// Lines that begin with a position are costs. The line after `calls=` is the cost of a callee.
/// Names are compressed: `(7) name` defines the name of `(7)` in later lines.
fn self_costs(dump: &str) -> Result<BTreeMap<String, f64>> {
    let mut names: BTreeMap<&str, &str> = BTreeMap::new();
    let mut costs: BTreeMap<String, f64> = BTreeMap::new();
    let mut function = "";
    let mut is_callee = false;
    for line in dump.lines() {
        if let Some(name) = line
            .strip_prefix("fn=")
            .or_else(|| line.strip_prefix("cfn="))
        {
            let (id, text) = name.split_once(' ').unwrap_or((name, ""));
            if !text.is_empty() {
                names.insert(id, text);
            }
            if line.starts_with("fn=") {
                let known = names.get(id).copied();
                function = known.ok_or_else(|| Failure::new(format!("no name for {id}")))?;
            }
        } else if line.starts_with("calls=") {
            is_callee = true;
        } else if line.starts_with(|first: char| first.is_ascii_digit() || "+-*".contains(first)) {
            let cost = line.split(' ').nth(1).unwrap_or_default();
            let cost: f64 = cost.parse().context(format!("cost in the line `{line}`"))?;
            if !std::mem::take(&mut is_callee) {
                *costs.entry(plain(function).to_owned()).or_default() += cost;
            }
        }
    }
    match costs.is_empty() {
        true => Err(Failure::new(
            "no costs: the benchmark never reached its second mark",
        )),
        false => Ok(costs),
    }
}

/// A function's name without Callgrind's number for the depth of a recursion.
fn plain(function: &str) -> &str {
    match function.rsplit_once('\'') {
        Some((name, depth)) if depth.bytes().all(|byte| byte.is_ascii_digit()) => name,
        _ => function,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const DUMP: &str = "\
# callgrind format
version: 1
positions: line
events: Ir

ob=(1) /target/release/rehearsal-instructions
fl=(1) kernel.rs
fn=(1) kernel::run
0 20
cob=(2) /lib/libc.so.6
cfn=(2) malloc
calls=3 0
0 300
+0 5

fn=(2)
0 300
fn=(3) kernel::run'2
0 1
totals: 326
";

    #[test]
    fn self_costs_leave_out_callees() {
        let costs = self_costs(DUMP).unwrap();
        let expected = [("kernel::run", 26.0), ("malloc", 300.0)];
        assert_eq!(
            costs,
            expected.map(|(name, cost)| (name.into(), cost)).into()
        );
    }

    #[test]
    fn self_costs_of_an_empty_dump_are_an_error() {
        assert!(self_costs("events: Ir\n").is_err());
    }
}
