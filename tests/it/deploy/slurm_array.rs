//! The Slurm script, in the environment of an array task and on a real cluster.

use std::fs;
use std::path::Path;
use std::process::{Command, Output, Stdio};

use super::{
    Cluster, FINDINGS, SEEDS, check_failures, check_findings, merged, path_of, scenario,
    search_path, whole,
};
use crate::program::{signal, text};
use crate::slurm::Slurm;

/// The script with the variables of an array task.
struct Script;

impl Script {
    fn command(scenario: &Path, results: &Path, number: u32, tasks: u32) -> Command {
        let mut command = Command::new("bash");
        command
            .args([path_of("slurm.sh").as_path(), scenario, results])
            .env("PATH", search_path())
            .env("SLURM_ARRAY_TASK_ID", number.to_string())
            .env("SLURM_ARRAY_TASK_MIN", "1")
            .env("SLURM_ARRAY_TASK_COUNT", tasks.to_string())
            .env("SLURM_CPUS_PER_TASK", "1");
        command
    }
}

impl Cluster for Script {
    fn task(&self, scenario: &Path, results: &Path, number: u32, tasks: u32) -> Output {
        let mut command = Self::command(scenario, results, number, tasks);
        command.args(["--seeds", SEEDS]).output().unwrap()
    }
}

#[test]
fn slurm_script_tasks_merged_give_whole_sweep() {
    let (base, scenario) = scenario("deploy-slurm", "");
    let whole = whole(&base, &scenario);
    // A requeued finished task loses nothing and repeats nothing.
    for number in [1, 2, 3, 4, 2] {
        let output = Script.task(&scenario, &base, number, 4);
        assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
    }
    assert_eq!(merged(&base, 4), (whole, Some(0)));
}

#[test]
fn slurm_script_tasks_succeed_whatever_their_seeds_found() {
    check_findings("slurm", &Script);
}

#[test]
fn slurm_script_task_that_can_not_run_fails() {
    check_failures("slurm", &Script);
}

#[test]
fn slurm_script_task_that_is_interrupted_fails() {
    let (base, scenario) = scenario("deploy-slurm-interrupted", "");
    let mut command = Script::command(&scenario, &base, 1, 2);
    command.args(["--seeds", "0..100000000"]);
    command.stdout(Stdio::null()).stderr(Stdio::null());
    let mut task = command.spawn().unwrap();
    crate::files::wait_until(|| base.join("shard-1/sweep.json").exists());
    // The signal reaches the program: the script has replaced itself.
    assert!(signal("TERM", task.id()));
    assert_eq!(task.wait().unwrap().code(), Some(143));
}

#[test]
fn slurm_array_on_real_cluster_gives_whole_sweep_and_verdicts() {
    let (base, small) = scenario("deploy-array", "");
    let whole = whole(&base, &small);
    let Some(slurm) = Slurm::start(base.join("slurm")) else {
        return;
    };
    let script = path_of("slurm.sh");
    let job = |scenario: &Path, results: &Path, tasks: usize| {
        let array = format!("--array=1-{tasks}");
        let paths = [&script, scenario, results].map(|path| path.to_str().unwrap());
        let words = [&[&*array], &paths[..], &["--seeds", SEEDS]].concat();
        slurm.run(&base, &search_path(), &words)
    };
    let results = base.join("results");
    assert_eq!(job(&small, &results, 4), ["COMPLETED 0:0"; 4]);
    assert_eq!(merged(&results, 4), (whole, Some(0)));
    for (finding, more, verdict) in FINDINGS {
        let scenario = base.join(format!("{finding}.toml"));
        let small = fs::read_to_string(&small).unwrap();
        fs::write(&scenario, format!("{small}{more}")).unwrap();
        let results = base.join(finding);
        assert_eq!(
            job(&scenario, &results, 2),
            ["COMPLETED 0:0"; 2],
            "{finding}"
        );
        if verdict == 13 {
            super::plant_nondeterminism(&results.join("shard-1"));
            assert_eq!(
                job(&scenario, &results, 2),
                ["COMPLETED 0:0"; 2],
                "{finding}"
            );
        }
        assert_eq!(merged(&results, 2).1, Some(verdict), "{finding}");
    }
    let broken = base.join("broken.toml");
    fs::write(&broken, "broken = true\n").unwrap();
    assert_eq!(job(&broken, &base.join("broken"), 2), ["FAILED 2:0"; 2]);
}
