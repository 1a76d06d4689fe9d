//! Opens the HTML report in a real Chromium, driven by a Node script.
//!
//! `.ci/install` installs both programs. Without them the test is skipped, except in CI.

use std::path::{Path, PathBuf};
use std::process::Command;

use super::program::{run, scratch, text};

/// Maximum size of a report, bytes.
const PAGE_MAX: u64 = 1_000_000;

fn directory() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/browser")
}

fn file(name: &str) -> String {
    directory().join(name).display().to_string()
}

/// Name of a missing program, if any.
fn missing() -> Option<String> {
    let answers = |program: &str| Command::new(program).arg("--version").output().is_ok();
    if !answers("node") {
        return Some("there is no `node`".into());
    }
    if !answers("chromium") {
        return Some("there is no `chromium`".into());
    }
    let modules = directory().join("node_modules/playwright-core");
    (!modules.exists()).then(|| "`npm ci` was not run in tests/browser".into())
}

/// Rehearses the evening scenario and returns the path of its documents without extension.
fn rehearse(out: &Path, more: &[&str]) -> String {
    let scenario = file("evening.toml");
    let out = out.display().to_string();
    let arguments = [&["run", &scenario, "--out", &out], more].concat();
    let output = run(&arguments);
    assert!(output.status.success(), "{}", text(&output.stderr));
    format!("{out}/evening-3")
}

#[test]
fn html_report_in_chromium_shows_run() {
    if let Some(what) = missing() {
        assert!(std::env::var_os("CI").is_none(), "CI needs it: {what}");
        eprintln!("skipped: {what} on this machine; .ci/install installs it");
        return;
    }
    let out = scratch("browser");
    let evening = rehearse(&out, &[]);
    let bench = format!("{evening}-bench.html");
    let dashboard = file("dashboard.json");
    let made = run(&[
        "report",
        &evening,
        "--dashboard",
        &dashboard,
        "--out",
        &bench,
    ]);
    assert!(made.status.success(), "{}", text(&made.stderr));
    let output = Command::new("node")
        .current_dir(directory())
        .arg("report.mjs")
        .args([bench, format!("{evening}.json"), format!("{evening}.html")])
        .arg(&out)
        .output()
        .unwrap();
    let said = text(&output.stdout);
    assert!(
        output.status.success() && said.ends_with("the report holds\n"),
        "{said}{}",
        text(&output.stderr)
    );
}

#[test]
fn html_report_of_week_is_below_one_megabyte() {
    let evening = rehearse(&scratch("browser-week"), &["--set", "duration=7d"]);
    let page = std::fs::metadata(format!("{evening}.html")).unwrap();
    assert!(page.len() < PAGE_MAX, "{} bytes", page.len());
}
