//! Tests of `deploy/`: sweeps by the Slurm script and by the Kubernetes manifest, and the image.

mod image;
mod kubernetes;
mod linters;
mod slurm_array;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use rehearsal::sweep::{FailureCause, SeedFailure, SweepFailure, read_sweep};

use super::program::{NO_CRASH, PROGRAM, SMALL, run, scratch, text};

/// Number of seeds of these sweeps.
const SEEDS: &str = "0..10";

/// Expectation that no seed meets.
const NEVER: &str = r#"
[[expect]]
name = "each process is scraped twice at once"
query = 'min(up) == 2'
when = "sometimes"
under = "any-profile"
"#;

/// Way of running the tasks of a sweep.
trait Cluster {
    /// Output of the task with this number, counted from 1. Its shard is in `results/shard-N`.
    fn task(&self, scenario: &Path, results: &Path, number: u32, tasks: u32) -> Output;
}

fn path_of(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("deploy")
        .join(name)
}

fn deployed(name: &str) -> String {
    fs::read_to_string(path_of(name)).unwrap()
}

/// `PATH` with the program's directory first.
fn search_path() -> String {
    let program = Path::new(PROGRAM);
    let path = std::env::var("PATH").unwrap();
    format!("{}:{path}", program.parent().unwrap().display())
}

/// Scratch directory with a scenario.
fn scenario(name: &str, more: &str) -> (PathBuf, PathBuf) {
    let base = scratch(name);
    let scenario = base.join("small.toml");
    fs::write(&scenario, format!("{SMALL}{more}")).unwrap();
    (base, scenario)
}

/// Result of one sweep over all seeds.
fn whole(base: &Path, scenario: &Path) -> String {
    let out = base.join("whole");
    let [scenario, directory] = [scenario, &out].map(|path| path.to_str().unwrap());
    run(&["sweep", scenario, "--seeds", SEEDS, "--out", directory]);
    fs::read_to_string(out.join("sweep.json")).unwrap()
}

/// Merges the shards in a directory. Returns the result and the exit code.
fn merged(results: &Path, shards: usize) -> (String, Option<i32>) {
    let parts = (0..=shards).map(|n| results.join(format!("shard-{n}")));
    let parts: Vec<PathBuf> = parts.filter(|part| part.exists()).collect();
    assert_eq!(parts.len(), shards);
    let mut words = vec!["sweep", "merge"];
    words.extend(parts.iter().map(|part| part.to_str().unwrap()));
    let out = results.join("merged");
    words.extend(["--out", out.to_str().unwrap()]);
    let output = run(&words);
    let result = fs::read_to_string(out.join("sweep.json"));
    let result = result.unwrap_or_else(|_| panic!("{}", text(&output.stderr)));
    (result, output.status.code())
}

/// Findings of a sweep: the name, the text after the small scenario, and the exit code.
const FINDINGS: [(&str, &str, i32); 4] = [
    ("fail", NO_CRASH, 10),
    ("miss", NEVER, 11),
    ("vacuous", "\n[gates]\nimages = 1000000000\n", 12),
    ("not-deterministic", "", 13),
];

/// Writes into the result of a shard that its first seed gave two traces.
fn plant_nondeterminism(shard: &Path) {
    let (mut result, rows) = read_sweep(shard).unwrap();
    result.failures.push(SweepFailure {
        cause: FailureCause::nondeterminism(),
        count: 1,
        seeds: vec![rows[0].seed],
        soonest_seed: rows[0].seed,
        soonest: SeedFailure::nondeterminism(),
        trace: rows[0].trace.clone(),
    });
    fs::write(shard.join("sweep.json"), result.to_json()).unwrap();
}

/// Each finding is the result of a task that succeeds, and the exit code of `merge`.
fn check_findings(name: &str, cluster: &impl Cluster) {
    for (finding, more, verdict) in FINDINGS {
        let (base, scenario) = scenario(&format!("deploy-{name}-{finding}"), more);
        let succeed = || {
            for number in [1, 2] {
                let output = cluster.task(&scenario, &base, number, 2);
                let code = output.status.code();
                assert_eq!(code, Some(0), "{finding}: {}", text(&output.stderr));
            }
        };
        succeed();
        if verdict == 13 {
            let shards = [0, 1, 2].map(|n| base.join(format!("shard-{n}")));
            plant_nondeterminism(shards.iter().find(|shard| shard.exists()).unwrap());
            succeed();
        }
        assert_eq!(merged(&base, 2).1, Some(verdict), "{finding}");
    }
}

/// A task that can't run its seeds fails.
fn check_failures(name: &str, cluster: &impl Cluster) {
    let (base, scenario) = scenario(&format!("deploy-{name}-broken"), "\nbroken = true\n");
    let output = cluster.task(&scenario, &base, 1, 2);
    assert_eq!(output.status.code(), Some(2), "{}", text(&output.stderr));
    let output = cluster.task(&base.join("absent.toml"), &base, 1, 2);
    assert_eq!(output.status.code(), Some(1), "{}", text(&output.stderr));
}

/// Whether this program is on the machine. In CI that it is not is a failure.
fn is_installed(program: &Path) -> bool {
    let is_there = Command::new(program).arg("--version").output().is_ok();
    if !is_there {
        let program = program.display();
        assert!(std::env::var_os("CI").is_none(), "CI needs {program}");
        eprintln!("skipped: there is no {program}; .ci/install installs it");
    }
    is_there
}
