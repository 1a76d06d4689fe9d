//! A sweep's result and its rows belong together, and its names stay in its directory.

use std::fs;

use rehearsal::sweep::read_sweep;

use super::{error_of, name_of, small, start_sweep, sweep};

#[test]
fn rows_of_another_sweep_are_rejected() {
    let (directory, scenario) = small("files-rows");
    let [own, other, short, merged] =
        ["own", "other", "short", "merged"].map(|n| directory.join(n));
    let quiet = ["--profile", "none", "--seeds"];
    let sweep_of = |out: &std::path::Path, seeds: &str, more: &[&str]| {
        sweep(&scenario, out, &[&quiet[..], &[seeds], more].concat(), 0);
    };
    sweep_of(&own, "0..4", &[]);
    sweep_of(&other, "0..4", &["--set", "fleet.images=9"]);
    sweep_of(&short, "0..2", &[]);
    for (rows, expected) in [
        (&other, "its rows are of another sweep than sweep.json"),
        (&short, "is the result of 4 seeds, and 2 of them have a row"),
    ] {
        let mixed = directory.join("mixed");
        fs::create_dir_all(&mixed).unwrap();
        fs::copy(own.join("sweep.json"), mixed.join("sweep.json")).unwrap();
        fs::copy(rows.join("seeds.jsonl"), mixed.join("seeds.jsonl")).unwrap();
        let [mixed, own, merged] = [&mixed, &own, &merged].map(|path| name_of(path));
        for command in [
            &[
                "sweep", &scenario, "--out", &mixed, "--resume", "--seeds", "0..5",
            ][..],
            &["compare", &mixed, &own],
            &["sweep", "merge", &mixed],
            &[
                "sweep",
                "merge",
                &format!("{mixed}/sweep.json"),
                "--out",
                &merged,
            ],
        ] {
            let refused = error_of(command, 2);
            assert!(refused.contains(expected), "{command:?}: {refused}");
            assert!(refused.contains("seeds.jsonl"), "{refused}");
        }
    }
}

#[test]
fn killed_sweep_in_a_used_directory_leaves_no_rows_of_the_earlier_one() {
    let (directory, scenario) = small("files-stale");
    let other = directory.join("other.toml");
    fs::write(&other, super::SMALL.replace("\"small\"", "\"other\"")).unwrap();
    let out = directory.join("out");
    sweep(&scenario, &out, &["--seeds", "0..20"], 10);
    let path = name_of(&out);
    let mut forced = crate::program::rehearsal(&[
        "sweep",
        &name_of(&other),
        "--seeds",
        "0..100000",
        "--force",
        "--out",
        &path,
    ]);
    let mut forced = forced.stdout(std::process::Stdio::null()).spawn().unwrap();
    let is_other = || {
        let read = rehearsal::sweep::read_result(&out);
        read.is_ok_and(|result| result.subject.scenario == "other")
    };
    super::wait_until(is_other);
    forced.kill().unwrap();
    forced.wait().unwrap();
    let (result, rows) = read_sweep(&out).unwrap();
    assert_eq!(rows.len() as u64, result.seeds.len());
    let refused = error_of(&["sweep", &scenario, "--out", &path, "--resume"], 2);
    assert!(refused.contains("scenario is `other` in one and `small` in the other"));
    // Its bug files are gone as well, since the seeds of the new sweep have not failed yet.
    let bugs = fs::read_dir(out.join("bugs")).unwrap().count();
    assert_eq!(bugs, result.failures.len());
}

#[test]
fn sweep_killed_at_once_claims_no_seed_without_row() {
    let (directory, scenario) = small("files-killed");
    let out = directory.join("out");
    let mut child = start_sweep(&scenario, &out);
    child.kill().unwrap();
    child.wait().unwrap();
    let (result, rows) = read_sweep(&out).unwrap();
    assert_eq!(rows.len() as u64, result.seeds.len());
}

#[test]
fn cause_that_is_no_file_name_is_rejected() {
    let (directory, scenario) = small("files-escape");
    let (own, out) = (directory.join("own"), directory.join("out"));
    sweep(&scenario, &own, &["--seeds", "13..40"], 10);
    let result = own.join("sweep.json");
    let text = fs::read_to_string(&result).unwrap();
    let bug = fs::read_dir(own.join("bugs")).unwrap().next().unwrap();
    let bug = bug.unwrap().path();
    let bug_text = fs::read_to_string(&bug).unwrap();
    for name in ["../../escape", "/tmp/escape", "", "A", "a\u{1b}"] {
        let json = serde_json::to_string(name).unwrap();
        fs::write(&result, text.replace("\"expectation\"", &json)).unwrap();
        let (own, out) = (name_of(&own), name_of(&out));
        let refused = error_of(&["sweep", "merge", &own, "--out", &out], 2);
        assert!(refused.contains("is no name of a cause"), "{refused}");
        let name = json.replace("\\u001b", "\\u001B");
        fs::write(&bug, bug_text.replace("\"expectation\"", &name)).unwrap();
        let refused = error_of(&["shrink", &name_of(&bug)], 2);
        assert!(refused.contains("is no name of a cause"), "{refused}");
    }
    assert!(!out.join("bugs").exists());
    assert!(!directory.join("escape-13.toml").exists());
}
