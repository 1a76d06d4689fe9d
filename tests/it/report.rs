//! `rehearsal report`: accepted and refused inputs, and the content of the page.

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::Output;
use std::sync::OnceLock;

use flate2::Compression;
use flate2::write::GzEncoder;

use super::program::{run, scratch, text};

/// Files of `run --out` for a small scenario.
fn recorded() -> &'static Path {
    static MADE: OnceLock<PathBuf> = OnceLock::new();
    MADE.get_or_init(|| {
        let out = scratch("report");
        let output = run(&["run", "tests/scenarios/tiny.toml", "--out", &name(&out)]);
        // One of the expectations is not met.
        assert_eq!(output.status.code(), Some(11), "{}", text(&output.stderr));
        out
    })
}

fn name(path: &Path) -> String {
    path.display().to_string()
}

/// Path of the recording.
fn recording() -> PathBuf {
    let entries = fs::read_dir(recorded()).unwrap().flatten();
    let mut paths = entries.map(|entry| entry.path());
    paths
        .find(|path| path.extension().is_some_and(|it| it == "run"))
        .unwrap()
}

/// Error text of a command that would write the page beside this scratch file.
fn report(run_: &str, more: &[&str], page: &Path) -> Output {
    run(&[&["report", run_, "--out", &name(page)], more].concat())
}

fn refused(output: &Output) -> &str {
    assert_eq!(output.status.code(), Some(2), "{}", text(&output.stderr));
    text(&output.stderr)
}

#[test]
fn report_from_recording_json_or_directory_is_identical() {
    let recording = recording();
    let scratch = scratch("report-same");
    let first = fs::read_to_string(recording.with_extension("html")).unwrap();
    for (number, named) in [&recording, &recording.with_extension("json"), recorded()]
        .into_iter()
        .enumerate()
    {
        let page = scratch.join(format!("{number}.html"));
        let output = report(&name(named), &[], &page);
        assert!(output.status.success(), "{}", text(&output.stderr));
        let said = text(&output.stdout);
        assert!(said.starts_with("MISS scenario=tiny seed="), "{said}");
        assert!(
            fs::read_to_string(&page).unwrap() == first,
            "{} gives another page",
            named.display()
        );
    }
}

#[test]
fn report_without_script_shows_results_and_replay_command() {
    let page = fs::read_to_string(recording().with_extension("html")).unwrap();
    let (frame, _) = page.split_once("<script").unwrap();
    for told in [
        "?</span> MISS",
        "planner-conservation",
        "differ from their defaults",
        "Latency percentiles",
        "rehearsal run tests/scenarios/tiny.toml --seed",
    ] {
        assert!(frame.contains(told), "{told}");
    }
    assert!(
        frame.contains("aria-label=\"not exercised\""),
        "determinism needs two runs"
    );
}

#[test]
fn report_of_invalid_recording_is_refused_with_remedy() {
    let scratch = scratch("report-refused");
    let page = scratch.join("page.html");
    let whole = fs::read(recording()).unwrap();

    let cut = scratch.join("cut.run");
    fs::write(&cut, &whole[..whole.len() / 2]).unwrap();
    let output = report(&name(&cut), &[], &page);
    let said = refused(&output);
    assert!(said.contains("cut.run is damaged: "), "{said}");
    assert!(
        said.contains("make it again with `rehearsal run --out`"),
        "{said}"
    );

    let mut flipped = whole.clone();
    let middle = flipped.len() / 2;
    flipped[middle] ^= 1;
    let bent = scratch.join("bent.run");
    fs::write(&bent, flipped).unwrap();
    let output = report(&name(&bent), &[], &page);
    assert!(refused(&output).contains("bent.run is damaged: "));

    let output = report("Cargo.toml", &[], &page);
    assert!(refused(&output).contains("Cargo.toml is no recording of a run: it is not gzipped"));

    let output = report(&name(&scratch.join("absent.run")), &[], &page);
    assert_eq!(output.status.code(), Some(1));
    assert!(text(&output.stderr).contains("can't read"));

    let output = report("src", &[], &page);
    assert!(refused(&output).contains("there is no recording in it"));
    for copy in ["a.run", "b.run"] {
        fs::write(scratch.join(copy), b"").unwrap();
    }
    let output = report(&name(&scratch), &[], &page);
    assert!(refused(&output).contains("name one of a.run, b.run, bent.run, cut.run"));
    assert!(!page.exists());
}

#[test]
fn report_of_other_schema_version_is_refused() {
    let scratch = scratch("report-newer");
    let newer = scratch.join("newer.run");
    let mut file = GzEncoder::new(fs::File::create(&newer).unwrap(), Compression::fast());
    file.write_all(br#"{"schema":"rehearsal.recording@9"}"#)
        .unwrap();
    file.finish().unwrap();
    let output = report(&name(&newer), &[], &scratch.join("page.html"));
    let said = refused(&output);
    let expected = "its schema is `rehearsal.recording@9`; this version reads \
                    `rehearsal.recording@2` and `rehearsal.recording@1`";
    assert!(said.contains(expected), "{said}");
}

#[test]
fn report_with_invalid_dashboard_or_rules_is_refused() {
    let scratch = scratch("report-dashboards");
    let page = scratch.join("page.html");
    let recording = name(&recording());
    for (file, content, reason) in [
        (
            "perses.json",
            r#"{"kind": "Dashboard", "spec": {"panels": {}, "layouts": []}}"#,
            "it is a dashboard of Perses",
        ),
        (
            "kibana.json",
            r#"{"attributes": {"panelsJSON": "[]"}}"#,
            "it is a saved object of Kibana",
        ),
        ("text.json", "panels: []", "is not JSON"),
    ] {
        let path = scratch.join(file);
        fs::write(&path, content).unwrap();
        let output = report(&recording, &["--dashboard", &name(&path)], &page);
        let said = refused(&output);
        assert!(said.contains(file) && said.contains(reason), "{said}");
    }
    let output = report(&recording, &["--rules", "Cargo.toml"], &page);
    assert!(refused(&output).contains("Cargo.toml"));
    assert!(!page.exists());
}
