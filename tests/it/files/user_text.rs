//! Texts of users in outputs for others: terminals, `JUnit` readers and browsers.

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
    for command in [
        &["run", &path, "--out", &out][..],
        &["sweep", &path, "--seeds", "13..20", "--out", &out],
        &["alerts", &path, "--rules", &rules],
        &["run", "no\u{1b}[2Jfile.toml"],
        &["run", &path, "--set", "no\u{202e}\u{1b}]0;x\u{7}=1"],
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
    let policy = "http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; ";
    assert!(first.contains(policy));
}
