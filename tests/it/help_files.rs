//! Shell completions and man pages: each covers every command of the program.

use std::collections::BTreeSet;
use std::fs;

use super::program::{run, scratch, text};

/// The shells for which `rehearsal completions` prints a script.
const SHELLS: [&str; 5] = ["bash", "elvish", "fish", "powershell", "zsh"];

/// The commands that the help of this command lists, `help` itself left out.
fn commands_below(command: &[&str]) -> Vec<String> {
    let output = run(&[command, &["--help"]].concat());
    assert!(output.status.success());
    let help = text(&output.stdout);
    let Some((_, list)) = help.split_once("\nCommands:\n") else {
        return Vec::new();
    };
    let (list, _) = list.split_once("\n\n").unwrap_or((list, ""));
    let names = list.lines().filter_map(|line| {
        let name = line.strip_prefix("  ")?;
        let starts_entry = !name.starts_with(' ');
        starts_entry.then(|| name.split(' ').next().unwrap().to_owned())
    });
    names.filter(|name| name != "help").collect()
}

/// Every command with its parents, such as `scenario check`.
fn all_commands() -> Vec<Vec<String>> {
    let mut all = Vec::new();
    for name in commands_below(&[]) {
        let below = commands_below(&[&name]);
        all.extend(below.into_iter().map(|sub| vec![name.clone(), sub]));
        all.push(vec![name]);
    }
    assert!(all.len() >= 14, "the help lists too few commands: {all:?}");
    all
}

#[test]
fn completions_of_each_shell_name_every_command() {
    let names: BTreeSet<String> = all_commands().into_iter().flatten().collect();
    for shell in SHELLS {
        let output = run(&["completions", shell]);
        assert!(output.status.success(), "{shell}");
        let script = text(&output.stdout);
        for name in &names {
            assert!(script.contains(name.as_str()), "{shell}: no `{name}`");
        }
        assert!(script.contains("profile"), "{shell}: no options");
    }
}

#[test]
fn completions_of_an_unknown_shell_give_exit_code_2() {
    let output = run(&["completions", "tcsh"]);
    assert_eq!(output.status.code(), Some(2));
    let message = text(&output.stderr);
    for shell in SHELLS {
        assert!(message.contains(shell), "{message}");
    }
}

#[test]
fn man_pages_exist_for_every_command() {
    let directory = scratch("man").join("new");
    let output = run(&["man", "--out", directory.to_str().unwrap()]);
    assert!(output.status.success());
    let page = |name: &str| {
        let path = directory.join(format!("{name}.1"));
        fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
    };
    assert!(page("rehearsal").contains("virtual time"));
    for command in all_commands() {
        let name = format!("rehearsal-{}", command.join("-"));
        let page = page(&name);
        assert!(page.contains(".SH SYNOPSIS"), "{name}");
        assert!(page.contains(".SH DESCRIPTION"), "{name}");
    }
}

#[test]
fn man_pages_without_a_writable_directory_give_exit_code_1() {
    let output = run(&["man", "--out", "/dev/null/man"]);
    assert_eq!(output.status.code(), Some(1));
    assert!(text(&output.stderr).starts_with("error: can't write /dev/null/man: "));
}
