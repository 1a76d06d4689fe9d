//! `sweep`, `sweep merge` and `shrink`: results are independent of the distribution of seeds, of
//! interruptions and of damaged files.

mod constant_keys;
mod expectation;
mod hooked;

use std::fs;
use std::path::Path;
use std::process::Stdio;
use std::sync::LazyLock;
use std::thread;
use std::time::Duration;

use rehearsal::check::scenario_loader;
use rehearsal::report::Verdict;
use rehearsal::sweep::{Bug, SeedRow, SweepResult, read_result, read_sweep};

use super::program::{self, NO_CRASH, rehearsal, run, scratch, text};

/// Small scenario with two schedules and two processes.
static SMALL: LazyLock<String> = LazyLock::new(|| format!("{}{SECOND}", program::SMALL));

const SECOND: &str = r#"
[[schedule]]
id = "seldom"
whenCron = "*/9 * * * *"
mode = "contentRefresh"

[workers]
processes = 2
"#;

/// Writes the small scenario with `more` appended, in a directory of its own.
fn file(name: &str, more: &str) -> std::path::PathBuf {
    let path = scratch(name).join("small.toml");
    fs::write(&path, format!("{}{more}", *SMALL)).unwrap();
    path
}

fn sweep(scenario: &Path, out: &Path, more: &[&str]) -> std::process::Output {
    let out = out.to_str().unwrap();
    let scenario = scenario.to_str().unwrap();
    run(&[&["sweep", scenario, "--out", out], more].concat())
}

fn written(directory: &Path, name: &str) -> String {
    fs::read_to_string(directory.join(name)).unwrap()
}

#[test]
fn merge_of_four_shards_equals_whole_sweep() {
    let (result, _) = shards_and_whole("sweep-shards", "", "0..22", 0);
    assert!(result.failures.is_empty());
}

#[test]
fn merge_of_four_shards_keeps_all_failures() {
    let (result, rows) = shards_and_whole("sweep-shards-failing", NO_CRASH, "0..60", 10);
    let [failure] = result.failures.as_slice() else {
        panic!("{} causes", result.failures.len());
    };
    let failed = rows.iter().filter(|row| row.verdict == Verdict::Fail);
    let failed: Vec<u64> = failed.map(|row| row.seed).collect();
    assert_eq!(failure.count, failed.len() as u64);
    // More failures than a result keeps per cause, so that merging has to drop some.
    assert_eq!(failure.seeds, failed[..20]);
}

/// Compares a whole sweep with the merge of four shards.
fn shards_and_whole(name: &str, more: &str, seeds: &str, code: i32) -> (SweepResult, Vec<SeedRow>) {
    let scenario = file(name, more);
    let base = scenario.parent().unwrap();
    let seeds = ["--seeds", seeds, "--rerun-every", "5"];
    let whole = base.join("whole");
    let output = sweep(&scenario, &whole, &seeds);
    assert_eq!(output.status.code(), Some(code), "{}", text(&output.stdout));
    let parts: Vec<_> = (1..=4).map(|i| base.join(format!("part-{i}"))).collect();
    for (index, part) in parts.iter().enumerate() {
        let shard = format!("{}/4", index + 1);
        let jobs = (index % 2 + 1).to_string();
        let more = [&seeds[..], &["--shard", &shard, "--jobs", &jobs]].concat();
        assert_eq!(sweep(&scenario, part, &more).status.code(), Some(code));
    }
    // The order of the shards has no effect.
    let mut words = vec!["sweep", "merge"];
    words.extend(parts.iter().rev().map(|part| part.to_str().unwrap()));
    let merged = base.join("merged");
    words.extend(["--out", merged.to_str().unwrap()]);
    let output = run(&words);
    assert_eq!(output.status.code(), Some(code), "{}", text(&output.stderr));
    for name in ["sweep.json", "seeds.jsonl"] {
        assert_eq!(written(&merged, name), written(&whole, name), "{name}");
    }
    let last = text(&output.stdout).lines().last().unwrap();
    assert!(
        last.contains(&format!(" scenario=small seeds={} ", seeds[1])),
        "{last}"
    );
    read_sweep(&merged).unwrap()
}

#[test]
fn merge_of_overlapping_or_different_sweeps_is_refused() {
    let scenario = file("sweep-mismatch", "");
    let base = scenario.parent().unwrap();
    let [a, b, c] = ["a", "b", "c"].map(|name| base.join(name));
    sweep(&scenario, &a, &["--seeds", "0..3"]);
    sweep(&scenario, &b, &["--seeds", "2..4"]);
    sweep(&scenario, &c, &["--seeds", "5..6", "--profile", "light"]);
    let path = |path: &Path| path.to_str().unwrap().to_owned();
    let shared = run(&["sweep", "merge", &path(&a), &path(&b)]);
    assert_eq!(shared.status.code(), Some(2));
    let message = text(&shared.stderr);
    assert!(
        message.contains("seed 2 is in more than one of them"),
        "{message}"
    );
    let different = run(&["sweep", "merge", &path(&a), &path(&c)]);
    assert_eq!(different.status.code(), Some(2));
    let message = text(&different.stderr);
    let expected = "profile is `swarm` in one and `light` in the other";
    assert!(message.contains(expected), "{message}");
}

#[test]
fn sweep_after_kill_resumes() {
    let scenario = file("sweep-resume", "");
    let base = scenario.parent().unwrap();
    let (whole, cut) = (base.join("whole"), base.join("cut"));
    sweep(&scenario, &whole, &["--seeds", "3..12"]);
    sweep(&scenario, &cut, &["--seeds", "3..8"]);
    // State after an abort: a running seed and half a line.
    fs::write(cut.join("running.txt"), "8\n9\n").unwrap();
    let rows = written(&cut, "seeds.jsonl") + "{\"seed\":8,\"verd";
    fs::write(cut.join("seeds.jsonl"), rows).unwrap();
    // A restart would lose the first two.
    let output = sweep(&scenario, &cut, &["--seeds", "5..12", "--resume"]);
    let message = text(&output.stderr);
    assert!(
        message.contains("interrupted while it ran seed 9"),
        "{message}"
    );
    assert_eq!(written(&cut, "sweep.json"), written(&whole, "sweep.json"));
    assert_eq!(read_sweep(&cut).unwrap(), read_sweep(&whole).unwrap());
    assert!(!cut.join("running.txt").exists());

    let other = sweep(&scenario, &cut, &["--resume", "--set", "fleet.images=3"]);
    assert_eq!(other.status.code(), Some(2));
    let message = text(&other.stderr);
    assert!(
        message.contains("has the result of another sweep: --set is ``"),
        "{message}"
    );
    assert_eq!(written(&cut, "sweep.json"), written(&whole, "sweep.json"));
}

#[test]
fn sweep_after_interrupt_resumes_to_whole_result() {
    let scenario = file("sweep-interrupt", "");
    let base = scenario.parent().unwrap();
    let (whole, cut) = (base.join("whole"), base.join("cut"));
    let path = scenario.to_str().unwrap();
    let words = ["sweep", path, "--seeds", "0..100000", "--out"];
    let mut sweeping = rehearsal(&[&words[..], &[cut.to_str().unwrap()]].concat());
    let mut child = sweeping.stdout(Stdio::null()).spawn().unwrap();
    let has_seeds = || read_result(&cut).is_ok_and(|result| !result.seeds.is_empty());
    while !has_seeds() {
        assert_eq!(child.try_wait().unwrap(), None);
        thread::sleep(Duration::from_millis(20));
    }
    // Not SIGINT, which background processes of a script ignore.
    child.kill().unwrap();
    assert!(!child.wait().unwrap().success());
    let tried = read_result(&cut).unwrap().seeds.len();
    let seeds = format!("0..{}", tried + 3);
    sweep(&scenario, &cut, &["--seeds", &seeds, "--resume"]);
    sweep(&scenario, &whole, &["--seeds", &seeds]);
    for name in ["sweep.json", "seeds.jsonl"] {
        assert_eq!(written(&cut, name), written(&whole, name), "{name}");
    }
}

#[test]
fn sweep_with_damaged_seed_line_reports_it() {
    let scenario = file("sweep-damaged-row", "");
    let out = scenario.parent().unwrap().join("out");
    sweep(&scenario, &out, &["--seeds", "0..3"]);
    let damaged = written(&out, "seeds.jsonl").replacen("\"seed\":1", "\"seed\":one", 1);
    fs::write(out.join("seeds.jsonl"), &damaged).unwrap();
    for words in [&["--resume"][..], &["--resume", "--seeds", "0..5"]] {
        let output = sweep(&scenario, &out, words);
        assert_eq!(output.status.code(), Some(2));
        let message = text(&output.stderr);
        assert!(message.contains("seeds.jsonl"), "{message}");
        assert!(message.contains("line 2 is damaged"), "{message}");
        assert_eq!(written(&out, "seeds.jsonl"), damaged);
    }
}

#[test]
fn sweep_killed_before_first_result_restarts() {
    let scenario = file("sweep-fresh", "");
    let out = scenario.parent().unwrap().join("out");
    fs::create_dir_all(&out).unwrap();
    fs::write(out.join("running.txt"), "0\n").unwrap();
    let output = sweep(&scenario, &out, &["--seeds", "0..2", "--resume"]);
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
    assert_eq!(read_sweep(&out).unwrap().1.len(), 2);
}

#[test]
fn sweep_with_damaged_or_foreign_result_refuses_it() {
    let scenario = file("sweep-damaged", "");
    let directory = scenario.parent().unwrap().join("out");
    sweep(&scenario, &directory, &["--seeds", "0..2"]);
    let result = directory.join("sweep.json");
    let sound = fs::read_to_string(&result).unwrap();
    for (content, expected) in [
        (sound[..sound.len() / 2].to_owned(), "it is damaged (EOF"),
        (
            sound.replace("sweep@2", "sweep@9"),
            "its schema is `rehearsal.sweep@9`",
        ),
        ("[1, 2]".to_owned(), "it has no `schema`"),
        (
            sound.replace("\"verdicts\"", "\"verdict\""),
            "unknown field `verdict`",
        ),
    ] {
        fs::write(&result, &content).unwrap();
        for words in [
            vec!["sweep", "merge", result.to_str().unwrap()],
            vec![
                "sweep",
                scenario.to_str().unwrap(),
                "--resume",
                "--out",
                directory.to_str().unwrap(),
            ],
        ] {
            let output = run(&words);
            assert_eq!(output.status.code(), Some(2), "{words:?}");
            let message = text(&output.stderr);
            assert!(message.contains(expected), "{message}");
            assert!(message.contains("sweep.json"), "{message}");
            assert_eq!(fs::read_to_string(&result).unwrap(), content);
        }
    }
}

#[test]
fn sweep_with_failing_seeds_writes_one_bug_file_per_cause() {
    let scenario = file("sweep-failure", NO_CRASH);
    let out = scenario.parent().unwrap().join("out");
    let output = sweep(&scenario, &out, &["--seeds", "13..40"]);
    let shown = text(&output.stdout);
    assert_eq!(output.status.code(), Some(10), "{shown}");
    assert!(
        shown.contains("expectation: every process can always be scraped"),
        "{shown}"
    );
    let result = read_result(&out).unwrap();
    let [failure] = &result.failures[..] else {
        panic!("one cause: {:?}", result.failures);
    };
    assert_eq!(failure.count, result.verdicts.fail);
    assert!(!failure.soonest.drawn.is_empty());
    let path = out.join(format!("bugs/expectation-{}.toml", failure.soonest_seed));
    assert!(
        shown.contains(&format!("rehearsal shrink {}", path.display())),
        "{shown}"
    );
    let replay = format!("replay: rehearsal replay {}\n", path.display());
    assert!(shown.contains(&replay), "{shown}");
    let result = out.join("sweep.json");
    let output = run(&["sweep", "merge", result.to_str().unwrap()]);
    let replay = format!(
        "replay: rehearsal run {} --seed {} --profile swarm\n",
        scenario.display(),
        failure.soonest_seed
    );
    let merged = text(&output.stdout);
    assert!(merged.contains(&replay), "{merged}");
    let bug = Bug::read(&path).unwrap();
    assert_eq!(
        (bug.seed, &bug.cause),
        (failure.soonest_seed, &failure.cause)
    );
    let read = bug.scenario(&path).unwrap();
    assert_eq!(read.schedules.len(), 2);

    let output = run(&["shrink", path.to_str().unwrap()]);
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
    let small = path.with_extension("scenario.toml");
    let replay = format!("replay: rehearsal replay {}\n", small.display());
    assert!(text(&output.stdout).ends_with(&replay));
    for command in ["run", "replay"] {
        let again = run(&[command, small.to_str().unwrap()]);
        assert_eq!(again.status.code(), Some(10), "{}", text(&again.stdout));
    }
    let loader = scenario_loader(&[]);
    let shrunk = loader.load(&small).unwrap();
    let text = fs::read_to_string(&small).unwrap();
    assert_eq!(shrunk.faults.len() + shrunk.operations.len(), 1, "{text}");
    assert_eq!(
        (shrunk.schedules.len(), shrunk.fleet.images),
        (1, 1),
        "{text}"
    );
    assert_eq!(shrunk.workers.processes.list().len(), 1, "{text}");
}

#[test]
fn shrink_with_more_jobs_gives_same_scenario() {
    let scenario = file("shrink-jobs", NO_CRASH);
    let out = scenario.parent().unwrap().join("out");
    sweep(&scenario, &out, &["--seeds", "13..40"]);
    let entry = fs::read_dir(out.join("bugs")).unwrap().next().unwrap();
    let bug = entry.unwrap().path();
    let shrunk = |jobs: &str| {
        let small = out.join(format!("{jobs}.toml"));
        let words = ["shrink", bug.to_str().unwrap(), "--jobs", jobs, "--out"];
        let output = run(&[&words[..], &[small.to_str().unwrap()]].concat());
        assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
        fs::read_to_string(small).unwrap()
    };
    assert_eq!(shrunk("1"), shrunk("3"));
}

#[test]
fn sweep_beyond_event_budget_fails_seed_and_plateau_ends_it() {
    let scenario = file("sweep-ends", "");
    let out = scenario.parent().unwrap().join("out");
    let output = sweep(
        &scenario,
        &out,
        &["--seeds", "0..2", "--event-budget", "500"],
    );
    assert_eq!(output.status.code(), Some(10));
    assert_eq!(read_result(&out).unwrap().failures[0].cause.name, "budget");
    let more = |words: &[&str]| sweep(&scenario, &out, &[&["--force"], words].concat());
    let output = more(&["--until-plateau", "3"]);
    assert_eq!(output.status.code(), Some(0));
    let tried = read_result(&out).unwrap().seeds;
    let again = more(&["--until-plateau", "3", "--jobs", "1"]);
    assert_eq!(again.status.code(), Some(0));
    assert_eq!(
        read_result(&out).unwrap().seeds,
        tried,
        "however many jobs there are"
    );
    assert!(tried.len() < 1_000);
    more(&["--time", "1s", "--seeds", "0..100000"]);
    assert!((1..100_000).contains(&read_result(&out).unwrap().seeds.len()));
}

#[test]
fn sweep_with_meaningless_arguments_is_refused() {
    for (words, expected) in [
        (
            &["--seeds", "5..5"][..],
            "the start must be less than the end",
        ),
        (&["--seeds", "5"], "write 0..1000"),
        (&["--shard", "5/4"], "there is no shard 5 of 4"),
    ] {
        let output = run(&[&["sweep", "scenarios/quickstart.toml"], words].concat());
        assert_eq!(output.status.code(), Some(2));
        let message = text(&output.stderr);
        assert!(message.contains(expected), "{message}");
    }
}
