//! Tests of `deploy/`: the Kubernetes manifest's structure, and sweeps by its command and by the
//! Slurm script.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

use super::program::{run, scratch, text};
use super::slurm::Slurm;

/// Number of seeds of these sweeps.
const SEEDS: &str = "0..10";

const SCENARIO: &str = "name = \"tiny\"\nduration = \"5m\"\n[fleet]\nimages = 5\n\
                        [[schedule]]\nid = \"s\"\nwhenCron = \"*/4 * * * *\"\n";

fn deployed(name: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("deploy")
        .join(name);
    fs::read_to_string(path).unwrap()
}

fn manifest() -> (Value, Value) {
    let documents: Vec<Value> = serde_saphyr::from_multiple(&deployed("kubernetes.yaml")).unwrap();
    let [claim, job] = documents.try_into().expect("two documents");
    (claim, job)
}

/// Directory, scenario, and result of a sweep over all seeds.
fn whole(name: &str) -> (PathBuf, PathBuf, String) {
    let base = scratch(name);
    let scenario = base.join("tiny.toml");
    fs::write(&scenario, SCENARIO).unwrap();
    let out = base.join("whole");
    let words = [
        "sweep",
        scenario.to_str().unwrap(),
        "--seeds",
        SEEDS,
        "--out",
    ];
    run(&[&words[..], &[out.to_str().unwrap()]].concat());
    let result = fs::read_to_string(out.join("sweep.json")).unwrap();
    (base, scenario, result)
}

/// Merges the shards in a directory.
fn merged(results: &Path, shards: usize) -> String {
    let parts = (0..=shards).map(|n| results.join(format!("shard-{n}")));
    let parts: Vec<PathBuf> = parts.filter(|part| part.exists()).collect();
    assert_eq!(parts.len(), shards);
    let mut words = vec!["sweep", "merge"];
    words.extend(parts.iter().map(|part| part.to_str().unwrap()));
    let out = results.join("merged");
    words.extend(["--out", out.to_str().unwrap()]);
    let output = run(&words);
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
    fs::read_to_string(out.join("sweep.json")).unwrap()
}

/// `PATH` with the program's directory first.
fn search_path() -> String {
    let program = Path::new(env!("CARGO_BIN_EXE_rehearsal"));
    let path = std::env::var("PATH").unwrap();
    format!("{}:{path}", program.parent().unwrap().display())
}

#[test]
fn manifest_completions_equal_shards() {
    let (claim, job) = manifest();
    assert_eq!(
        (&claim["apiVersion"], &claim["kind"]),
        (&"v1".into(), &"PersistentVolumeClaim".into())
    );
    assert_eq!(
        (&job["apiVersion"], &job["kind"]),
        (&"batch/v1".into(), &"Job".into())
    );
    let spec = &job["spec"];
    assert_eq!(spec["completionMode"], "Indexed");
    let pod = &spec["template"]["spec"];
    // Required by Kubernetes with `backoffLimitPerIndex`.
    assert_eq!(pod["restartPolicy"], "Never");
    let container = &pod["containers"][0];
    let image = format!("rehearsal:{}", env!("CARGO_PKG_VERSION"));
    assert_eq!(container["image"], image.as_str());
    let shards = container["env"].as_array().unwrap().iter();
    let shards = shards
        .clone()
        .find(|variable| variable["name"] == "REHEARSAL_SHARDS");
    let shards: u64 = shards.unwrap()["value"].as_str().unwrap().parse().unwrap();
    assert_eq!(spec["completions"], shards);
    let names = |list: &Value| -> Vec<String> {
        let list = list.as_array().unwrap().iter();
        list.map(|item| item["name"].as_str().unwrap().to_owned())
            .collect()
    };
    assert_eq!(names(&container["volumeMounts"]), names(&pod["volumes"]));
    let claimed = &pod["volumes"][1]["persistentVolumeClaim"]["claimName"];
    assert_eq!(*claimed, claim["metadata"]["name"]);
}

#[test]
fn manifest_pods_merged_give_whole_sweep() {
    let (base, scenario, whole) = whole("deploy-kubernetes");
    let (_, job) = manifest();
    let container = &job["spec"]["template"]["spec"]["containers"][0];
    let script = container["args"][0].as_str().unwrap();
    let script = script
        .replace("/scenarios/quickstart.toml", scenario.to_str().unwrap())
        .replace("/results", base.to_str().unwrap())
        .replace("0..1000000", SEEDS);
    for index in 0..3 {
        let output = Command::new("/bin/sh")
            .args(["-c", &script])
            .env("PATH", search_path())
            .env("JOB_COMPLETION_INDEX", index.to_string())
            .env("REHEARSAL_SHARDS", "3")
            .output()
            .unwrap();
        assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
    }
    assert_eq!(merged(&base, 3), whole);
}

#[test]
fn slurm_script_tasks_merged_give_whole_sweep() {
    let (base, scenario, whole) = whole("deploy-slurm");
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("deploy/slurm.sh");
    let task = |task: &str| {
        Command::new("bash")
            .args([&script, &scenario, &base])
            .args(["--seeds", SEEDS])
            .env("PATH", search_path())
            .env("SLURM_ARRAY_TASK_ID", task)
            .env("SLURM_ARRAY_TASK_MIN", "1")
            .env("SLURM_ARRAY_TASK_COUNT", "4")
            .env("SLURM_CPUS_PER_TASK", "1")
            .output()
            .unwrap()
    };
    for number in ["1", "2", "3", "4"] {
        let output = task(number);
        assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
    }
    // A requeued finished task loses nothing and repeats nothing.
    assert_eq!(task("2").status.code(), Some(0));
    assert_eq!(merged(&base, 4), whole);
}

#[test]
fn slurm_array_on_real_cluster_gives_whole_sweep() {
    let (base, scenario, whole) = whole("deploy-array");
    let Some(slurm) = Slurm::start(base.join("slurm")) else {
        return;
    };
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("deploy/slurm.sh");
    let words = ["--array=1-4", script.to_str().unwrap()];
    let of_script = [scenario.to_str().unwrap(), "results", "--seeds", SEEDS];
    slurm.run(&base, &search_path(), &[&words[..], &of_script].concat());
    assert_eq!(merged(&base.join("results"), 4), whole);
}
