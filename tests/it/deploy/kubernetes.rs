//! The Kubernetes manifest: its structure, and its command as pods run it.

use std::path::Path;
use std::process::Output;

use serde_json::Value;

use super::{Cluster, SEEDS, check_failures, check_findings, deployed, merged, scenario, whole};
use crate::program::{rehearsal, text};

/// The claim and the job.
pub fn manifest() -> (Value, Value) {
    let documents: Vec<Value> = serde_saphyr::from_multiple(&deployed("kubernetes.yaml")).unwrap();
    let [claim, job] = documents.try_into().expect("two documents");
    (claim, job)
}

/// Container of the job's pods.
pub fn container(job: &Value) -> &Value {
    &job["spec"]["template"]["spec"]["containers"][0]
}

/// The arguments of a pod, in which Kubernetes replaces `$(NAME)` by a variable of the container.
fn arguments(index: u32) -> Vec<String> {
    let (_, job) = manifest();
    let container = container(&job);
    let variables = container["env"].as_array().unwrap();
    let index_of = &variables[1]["valueFrom"]["fieldRef"]["fieldPath"];
    assert_eq!(variables[1]["name"], "JOB_COMPLETION_INDEX");
    assert_eq!(
        *index_of,
        "metadata.annotations['batch.kubernetes.io/job-completion-index']"
    );
    let expand = |argument: &Value| {
        let argument = argument.as_str().unwrap();
        argument.replace("$(JOB_COMPLETION_INDEX)", &index.to_string())
    };
    let arguments = container["args"].as_array().unwrap().iter().map(expand);
    arguments.collect()
}

/// The container's program with the variables of a pod.
struct Pods;

impl Cluster for Pods {
    fn task(&self, scenario: &Path, results: &Path, number: u32, tasks: u32) -> Output {
        let index = number - 1;
        let arguments = arguments(index).into_iter().map(|argument| {
            argument
                .replace("/scenarios/quickstart.toml", scenario.to_str().unwrap())
                .replace("/results", results.to_str().unwrap())
                .replace("0..1000000", SEEDS)
        });
        rehearsal(&[])
            .args(arguments)
            .env("JOB_COMPLETION_INDEX", index.to_string())
            .env("REHEARSAL_SHARDS", tasks.to_string())
            .output()
            .unwrap()
    }
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
    let container = container(&job);
    let image = format!("rehearsal:{}", env!("CARGO_PKG_VERSION"));
    assert_eq!(container["image"], image.as_str());
    let shards = &container["env"][0];
    assert_eq!(shards["name"], "REHEARSAL_SHARDS");
    let shards: u64 = shards["value"].as_str().unwrap().parse().unwrap();
    assert_eq!(spec["completions"], shards);
    let names = |list: &Value| -> Vec<String> {
        let list = list.as_array().unwrap().iter();
        list.map(|item| item["name"].as_str().unwrap().to_owned())
            .collect()
    };
    let pod = &spec["template"]["spec"];
    assert_eq!(names(&container["volumeMounts"]), names(&pod["volumes"]));
    let claimed = &pod["volumes"][1]["persistentVolumeClaim"]["claimName"];
    assert_eq!(*claimed, claim["metadata"]["name"]);
}

#[test]
fn manifest_pods_have_no_privileges() {
    let (_, job) = manifest();
    let pod = &job["spec"]["template"]["spec"];
    assert_eq!(pod["automountServiceAccountToken"], false);
    let of_pod = &pod["securityContext"];
    assert_eq!(of_pod["runAsNonRoot"], true);
    assert_eq!(of_pod["seccompProfile"]["type"], "RuntimeDefault");
    let of_container = &container(&job)["securityContext"];
    assert_eq!(of_container["allowPrivilegeEscalation"], false);
    assert_eq!(of_container["readOnlyRootFilesystem"], true);
    assert_eq!(
        of_container["capabilities"]["drop"],
        serde_json::json!(["ALL"])
    );
}

#[test]
fn manifest_counts_no_eviction_and_ends_on_usage_errors() {
    let (_, job) = manifest();
    let spec = &job["spec"];
    // Required by Kubernetes with `podFailurePolicy`.
    assert_eq!(spec["template"]["spec"]["restartPolicy"], "Never");
    assert_eq!(spec["podReplacementPolicy"], "Failed");
    let [evicted, usage] = &spec["podFailurePolicy"]["rules"].as_array().unwrap()[..] else {
        panic!("two rules");
    };
    assert_eq!(evicted["action"], "Ignore");
    assert_eq!(evicted["onPodConditions"][0]["type"], "DisruptionTarget");
    assert_eq!(usage["action"], "FailJob");
    let codes = &usage["onExitCodes"];
    assert_eq!(codes["containerName"], container(&job)["name"]);
    assert_eq!(
        (&codes["operator"], &codes["values"]),
        (&"In".into(), &serde_json::json!([2]))
    );
}

#[test]
fn manifest_pods_merged_give_whole_sweep() {
    let (base, scenario) = scenario("deploy-kubernetes", "");
    let whole = whole(&base, &scenario);
    for number in 1..=3 {
        let output = Pods.task(&scenario, &base, number, 3);
        assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
    }
    assert_eq!(merged(&base, 3), (whole, Some(0)));
}

#[test]
fn manifest_pods_succeed_whatever_their_seeds_found() {
    check_findings("kubernetes", &Pods);
}

#[test]
fn manifest_pod_that_can_not_run_fails() {
    check_failures("kubernetes", &Pods);
}
