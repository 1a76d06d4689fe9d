//! Texts of users in outputs for others: terminals, `JUnit` readers and browsers.

use std::collections::BTreeMap;
use std::fs;

use super::{name_of, small};
use crate::program::{rehearsal, run, scratch, text};

#[test]
fn terminal_text_has_no_control_characters_of_users() {
    let directory = scratch("files-control");
    let scenario = directory.join("esc.toml");
    let hostile = r"\u001b]0;title\u0007 \u001b[2J \u001b[8m \u202e end";
    let head = format!("description = \"{hostile}\"\n[fleet]");
    let content = super::SMALL.replace("[fleet]", &head);
    fs::write(
        &scenario,
        content.replace("name = \"every", &format!("name = \"{hostile}")),
    )
    .unwrap();
    let (path, out) = (name_of(&scenario), name_of(&directory.join("out")));
    let rules = directory.join("rules.yaml");
    let alert = r#"groups: [{name: g, rules: [{alert: "A\e]0;x\a", expr: vector(1)}]}]"#;
    fs::write(&rules, alert).unwrap();
    let rules = name_of(&rules);
    let hostile_name = name_of(&directory.join("\u{1b}]0;x\u{7}\u{202e}.toml"));
    // Parsers quote what they read.
    let quoted = |name: &str, content: &str| {
        let path = directory.join(name);
        fs::write(&path, content).unwrap();
        name_of(&path)
    };
    let hostile_rules = quoted("quoted.yaml", "groups: [{\"\\e]0;x\\a\u{202e}\": 1}]");
    let hostile_bug = quoted("bug.toml", "schema = \"\\u001b]0;x\\u0007\u{202e}\"");
    for command in [
        &["run", &path, "--out", &out][..],
        &["sweep", &path, "--seeds", "13..20", "--out", &out],
        &["alerts", &path, "--rules", &rules],
        &["run", "no\u{1b}[2Jfile.toml"],
        &["run", &path, "--set", "no\u{202e}\u{1b}]0;x\u{7}=1"],
        &["run", &path, "--no\u{202e}\u{1b}]0;x\u{7}"],
        &["no\u{202e}\u{1b}]0;x\u{7}"],
        &["sweep", &path, "--seeds", "\u{202e}\u{1b}]0;x\u{7}"],
        &["scenario", "new", "fine", "--out", &hostile_name],
        &["scenario", "check", &hostile_name],
        &["compare", &hostile_name, &path, "--seeds", "0..2"],
        &["alerts", &path, "--rules", &hostile_rules],
        &["alerts", &hostile_name, "--rules", &hostile_name],
        &["replay", &hostile_bug],
        &["report", &out, "--dashboard", &hostile_bug],
    ] {
        let output = rehearsal(command)
            .env("CLICOLOR_FORCE", "1")
            .output()
            .unwrap();
        for stream in [&output.stdout, &output.stderr] {
            let shown = text(stream);
            for mark in ["\u{1b}]", "\u{1b}[2J", "\u{1b}[8m", "\u{7}", "\u{202e}"] {
                assert!(!shown.contains(mark), "{command:?}: {mark:?} in {shown:?}");
            }
        }
    }
    let written = fs::read_to_string(directory.join("out/small-1.txt")).unwrap();
    assert!(!written.contains(|c: char| c.is_control() && c != '\n'));
}

#[test]
fn junit_has_an_error_for_an_unreadable_scenario() {
    let (_, scenario) = small("files-junit");
    let wrong = "tests/malformed/unknown-key-top.toml";
    let output = run(&["run", &scenario, wrong, "missing.toml", "--format", "junit"]);
    let xml = text(&output.stdout);
    assert_eq!(xml.matches("<error ").count(), 2, "{xml}");
    for name in [wrong, "missing.toml"] {
        assert!(
            xml.contains(&format!("<testsuite name=\"{name}\" tests=\"1\"")),
            "{xml}"
        );
    }
}

#[test]
fn junit_has_only_characters_of_xml() {
    let (_, scenario) = small("files-junit-text");
    let hostile = super::SMALL.replace(
        "name = \"every",
        r#"name = "\u0000\u0008\uFFFE\uFFFF]]>&every"#,
    );
    fs::write(&scenario, hostile).unwrap();
    let output = run(&["run", &scenario, "--format", "junit"]);
    let xml = text(&output.stdout);
    assert!(xml.contains("]]&gt;&amp;every"), "{xml}");
    let is_foreign = |c: char| matches!(c, '\0'..='\u{8}' | '\u{fffe}' | '\u{ffff}');
    assert!(!xml.contains(is_foreign), "{xml}");
}

#[test]
fn reproducible_pages_of_one_scenario_are_identical_and_load_nothing() {
    let (directory, scenario) = small("files-page");
    let page = |name: &str| {
        let out = directory.join(name);
        run(&["run", &scenario, "--out", &name_of(&out)]);
        let page = name_of(&out.join("page.html"));
        let output = run(&["report", &name_of(&out), "--reproducible", "--out", &page]);
        assert!(output.status.success(), "{}", text(&output.stderr));
        fs::read_to_string(page).unwrap()
    };
    let first = page("first");
    assert!(first == page("second"));
    let policy = "http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; \
                  script-src 'sha256-";
    assert!(first.contains(policy));
    assert!(!first.contains("'unsafe-inline'"));
}

#[test]
fn reproducible_runs_of_one_scenario_have_identical_documents() {
    let (directory, scenario) = small("files-reproducible");
    let documents = |name: &str| {
        let out = directory.join(name);
        let out_name = name_of(&out);
        let output = run(&[
            "run",
            &scenario,
            "--reproducible",
            "--openmetrics",
            "--out",
            &out_name,
        ]);
        assert!(output.status.success(), "{}", text(&output.stderr));
        assert!(!text(&output.stdout).contains("real time"));
        let entries = fs::read_dir(&out).unwrap().flatten();
        let names = entries.map(|entry| entry.file_name().into_string().unwrap());
        let names = names.filter(|name| name != ".lock");
        let read = |name: String| (name.clone(), fs::read(out.join(&name)).unwrap());
        (output.stdout, names.map(read).collect::<BTreeMap<_, _>>())
    };
    let (first, second) = (documents("first"), documents("second"));
    assert_eq!(first.1.len(), 7);
    for (name, content) in &first.1 {
        assert!(*content == second.1[name], "{name} differs");
    }
    assert_eq!(first.0, second.0);
}
