//! Shell completions and man pages: each covers every command of the program.

use std::collections::BTreeSet;
use std::fs;

use super::program::{all_commands, run, scratch, text};

/// The shells for which `rehearsal completions` prints a script.
const SHELLS: [&str; 5] = ["bash", "elvish", "fish", "powershell", "zsh"];

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
