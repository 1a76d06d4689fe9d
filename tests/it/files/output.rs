//! Outputs: none replaces another file silently, or an input at all.

use std::fs;
use std::path::Path;
use std::process::Command;

use super::{error_of, name_of, small, start_sweep, sweep};
use crate::program::{rehearsal, rehearsal_under, run, scratch, text};

const TINY: &str = "tests/scenarios/tiny.toml";

/// Content of all regular files of a directory.
fn contents(directory: &Path) -> Vec<(String, Vec<u8>)> {
    let entries = fs::read_dir(directory).unwrap().flatten();
    let files = entries
        .map(|entry| entry.path())
        .filter(|path| path.is_file());
    let mut contents: Vec<_> = files
        .map(|path| (name_of(&path), fs::read(&path).unwrap()))
        .filter(|(name, _)| !name.ends_with("/.lock"))
        .collect();
    contents.sort();
    contents
}

#[test]
fn existing_outputs_stay_unless_they_are_forced() {
    let (directory, scenario) = small("files-existing");
    let path = |name: &str| name_of(&directory.join(name));
    let [runs, result, merged] = ["runs", "result", "merged"].map(path);
    let [page, new, man, tests] = ["page.html", "new.toml", "man", "tests"].map(path);
    let recording = format!("{runs}/tiny-3.run");
    let commands: [(&[&str], i32); 7] = [
        (&["run", TINY, "--out", &runs], 11),
        (
            &[
                "sweep",
                &scenario,
                "--seeds",
                "0..3",
                "--profile",
                "none",
                "--out",
                &result,
            ],
            0,
        ),
        (&["sweep", "merge", &result, "--out", &merged], 0),
        (&["report", &recording, "--out", &page], 0),
        (&["scenario", "new", "x", "--out", &new], 0),
        (&["man", "--out", &man], 0),
        (&["alerts", TINY, "--unit-tests", &tests], 0),
    ];
    for (command, code) in commands {
        error_of(command, code);
        let before = contents(&directory);
        let refused = error_of(command, 2);
        assert!(refused.contains("--force"), "{command:?}: {refused}");
        assert_eq!(contents(&directory), before, "{command:?}");
        error_of(&[command, &["--force"]].concat(), code);
    }
    // A plot and a trace are refused before the work.
    for command in [
        &["replay", TINY, "--chrome", &page][..],
        &[
            "alerts",
            TINY,
            "--tune",
            "SchedulerRunStuck for=1m..2m",
            "",
            "--picture",
            &page,
        ],
    ] {
        error_of(command, 2);
    }
}

#[test]
fn output_that_is_an_input_is_refused_even_if_forced() {
    let (directory, scenario) = small("files-input");
    let path = |name: &str| name_of(&directory.join(name));
    let [result, runs] = ["result", "runs"].map(path);
    sweep(
        &scenario,
        Path::new(&result),
        &["--seeds", "0..2", "--profile", "none"],
        0,
    );
    error_of(&["run", TINY, "--out", &runs], 11);
    let recording = format!("{runs}/tiny-3.run");
    // The same file under another name.
    let link = path("link.toml");
    std::os::unix::fs::symlink(&scenario, &link).unwrap();
    let file = format!("{result}/sweep.json");
    for command in [
        &["sweep", "merge", &result, "--out", &result][..],
        &["sweep", "merge", &file, "--out", &result],
        &["report", &recording, "--out", &recording],
        &["replay", &scenario, "--chrome", &link],
        &["shrink", &scenario, "--out", &scenario],
    ] {
        let refused = error_of(&[command, &["--force"]].concat(), 2);
        assert!(refused.contains("is an input"), "{command:?}: {refused}");
    }
    assert_eq!(fs::read_to_string(&scenario).unwrap(), *super::SMALL);
}

#[test]
fn default_outputs_have_unused_names() {
    let (directory, scenario) = small("files-default");
    let in_directory = |arguments: &[&str]| {
        let output = rehearsal(arguments).current_dir(&directory).output();
        let output = output.unwrap();
        assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
    };
    let seeds = |seeds: &'static str| ["sweep", &scenario, "--profile", "none", "--seeds", seeds];
    in_directory(&seeds("0..1"));
    in_directory(&seeds("0..2"));
    // The last of them is resumed.
    in_directory(&[&seeds("0..3")[..], &["--resume"]].concat());
    let count = |name: &str| {
        let result = rehearsal::sweep::read_result(&directory.join("reports").join(name));
        result.unwrap().seeds.len()
    };
    assert_eq!((count("sweep-small"), count("sweep-small-2")), (1, 3));
    assert!(!directory.join("reports/sweep-small-3").exists());

    let runs = directory.join("runs");
    error_of(&["run", TINY, "--out", &name_of(&runs)], 11);
    let page = fs::read(runs.join("tiny-3.html")).unwrap();
    let output = run(&["report", &name_of(&runs)]);
    assert!(text(&output.stdout).ends_with("runs/tiny-3-2.html\n"));
    assert_eq!(fs::read(runs.join("tiny-3-2.html")).unwrap(), page);
}

#[test]
fn scenarios_of_one_name_in_one_run_have_two_outputs() {
    let directory = scratch("files-same-name");
    let scenario = |file: &str, images: u32| {
        let path = directory.join(file);
        let text = super::SMALL.replace("images = 12", &format!("images = {images}"));
        fs::write(&path, text).unwrap();
        name_of(&path)
    };
    let (a, b) = (scenario("a.toml", 5), scenario("b.toml", 9));
    let out = directory.join("out");
    error_of(&["run", &a, &b, "--out", &name_of(&out)], 0);
    let images = |name: &str| {
        let report = fs::read_to_string(out.join(name)).unwrap();
        let report: serde_json::Value = serde_json::from_str(&report).unwrap();
        report["images"].clone()
    };
    assert_ne!(images("small-1.json"), images("small-1-2.json"));
    for extension in ["txt", "xml", "prom", "run", "html"] {
        assert!(out.join(format!("small-1-2.{extension}")).exists());
    }
    let tests = name_of(&directory.join("tests"));
    let refused = error_of(&["alerts", &a, &b, "--unit-tests", &tests], 2);
    assert!(
        refused.contains("two scenarios are named `small`"),
        "{refused}"
    );
}

#[test]
fn second_process_in_a_directory_names_the_first() {
    let (directory, scenario) = small("files-lock");
    let out = directory.join("out");
    let mut first = start_sweep(&scenario, &out);
    let holder = format!("{} is in use by process {} on ", out.display(), first.id());
    let path = name_of(&out);
    for command in [
        &["sweep", &scenario, "--out", &path, "--resume"][..],
        &["sweep", &scenario, "--out", &path, "--force"],
        &["sweep", "merge", &scenario, "--out", &path, "--force"],
        &["run", TINY, "--out", &path],
    ] {
        let refused = error_of(command, 1);
        assert!(refused.contains(&holder), "{command:?}: {refused}");
    }
    // Its death releases the lock.
    first.kill().unwrap();
    first.wait().unwrap();
    sweep(&scenario, &out, &["--seeds", "0..1", "--resume"], 10);
}

#[test]
fn output_that_is_no_regular_file_is_refused() {
    for path in ["/dev/null", "tests"] {
        let refused = error_of(&["scenario", "new", "x", "--force", "--out", path], 1);
        assert!(refused.contains("it is not a regular file"), "{refused}");
    }
    assert!(!fs::metadata("/dev/null").unwrap().is_file());
}

#[test]
fn rule_that_is_no_file_name_needs_a_name_for_its_plot() {
    let directory = scratch("files-rule");
    let rules = directory.join("rules.yaml");
    let escape = "groups: [{name: g, rules: [{alert: ../../x, expr: up > 1}]}]";
    fs::write(&rules, escape).unwrap();
    let rules = name_of(&rules);
    let command = [
        "alerts",
        TINY,
        "--rules",
        &rules,
        "--tune",
        "../../x",
        "threshold=1..2",
    ];
    let refused = error_of(&command, 2);
    assert!(
        refused.contains("name the plot with --picture"),
        "{refused}"
    );
}

#[test]
fn file_is_synced_before_its_rename_and_the_directory_after_it() {
    let out = name_of(&scratch("files-trace").join("new.toml"));
    let mut strace = Command::new("strace");
    strace.args(["-e", "trace=openat,fsync,rename,renameat2,link,linkat"]);
    let mut traced = rehearsal_under(strace, &["scenario", "new", "x", "--out", &out]);
    let Ok(output) = traced.output() else {
        eprintln!("skipped: there is no strace on this machine");
        return;
    };
    let calls = text(&output.stderr);
    let (_, calls) = calls
        .split_once(".tmp\", O_RDWR|O_CREAT|O_EXCL")
        .expect(calls);
    let names = calls
        .lines()
        .skip(1)
        .filter_map(|line| line.split('(').next());
    let names: Vec<&str> = names.filter(|name| !name.starts_with('+')).collect();
    assert_eq!(names, ["fsync", "renameat2", "openat", "fsync"], "{calls}");
}

#[test]
fn temporary_files_of_killed_programs_are_removed() {
    let directory = scratch("files-drafts");
    let [abandoned, in_use, other, foreign] = [
        ".new.toml.aaaaaa.tmp",
        ".new.toml.bbbbbb.tmp",
        ".other.toml.cccccc.tmp",
        ".new.toml.tmp",
    ]
    .map(|name| directory.join(name));
    for path in [&abandoned, &in_use, &other, &foreign] {
        fs::write(path, "").unwrap();
    }
    let writer = fs::File::open(&in_use).unwrap();
    writer.lock().unwrap();
    let out = name_of(&directory.join("new.toml"));
    assert!(
        run(&["scenario", "new", "new", "--out", &out])
            .status
            .success()
    );
    assert!(!abandoned.exists());
    for path in [&in_use, &other, &foreign] {
        assert!(path.exists(), "{}", path.display());
    }
}
