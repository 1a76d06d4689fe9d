//! Mutated files: every command ends with a documented exit code and an error that names the file.
//!
//! `REHEARSAL_MUTATIONS` is the number of mutated files; `.ci/nightly` has more of them.

mod commands;
mod document;
#[path = "../../fuzz/src/lib.rs"]
mod readers;
mod text;
mod tree;

use std::fs;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use proptest::prelude::*;
use proptest::test_runner::{Config, RngAlgorithm, TestCaseError, TestRng, TestRunner};

use crate::program::{all_commands, run, scratch, text as utf8};
use crate::scenario_files::{Validator, sound_files};
use commands::{COMMANDS, Input, Workplace};
use document::{Document, Format, Node};
use text::TextMutation;
use tree::TreeMutation;

/// Time after which a reader hangs, in a debug build on a busy machine.
const HANG: Duration = Duration::from_secs(20);

/// Changes of a document: of its parsed tree first, of its text afterwards.
#[derive(Clone, Debug)]
struct Changes {
    tree: Vec<TreeMutation>,
    text: Vec<TextMutation>,
}

fn changes() -> impl Strategy<Value = Changes> {
    let trees = prop::collection::vec(tree::mutation(), 0..3);
    // Most broken texts are noticed by the parser, so only few are.
    let texts = prop_oneof![
        5 => Just(Vec::new()),
        1 => prop::collection::vec(text::mutation(), 1..4),
    ];
    (trees, texts).prop_map(|(tree, text)| Changes { tree, text })
}

impl Changes {
    /// The document with these changes.
    fn apply(&self, document: &Document) -> Vec<u8> {
        let mut changed = document.clone();
        for mutation in &self.tree {
            mutation.apply(&mut changed.root);
        }
        let text = changed.render();
        let texts = self.text.iter();
        let text = texts.fold(text, |text, mutation| mutation.apply(&text));
        document.format.pack(text)
    }
}

/// Runs a check of many mutated files, the same in each run.
fn check<S: Strategy>(
    cases: u32,
    inputs: &S,
    check: impl Fn(S::Value) -> Result<(), TestCaseError>,
) {
    let config = Config {
        cases,
        failure_persistence: None,
        max_shrink_iters: 60,
        ..Config::default()
    };
    let random = TestRng::deterministic_rng(RngAlgorithm::ChaCha);
    let mut runner = TestRunner::new_with_rng(config, random);
    if let Err(failure) = runner.run(inputs, check) {
        panic!("{failure}");
    }
}

/// Number of mutated files that commands get.
fn mutations() -> u32 {
    let stated = std::env::var("REHEARSAL_MUTATIONS").ok();
    stated.map_or(120, |count| count.parse().unwrap())
}

/// One of several threads that share the commands: each has its own.
fn check_commands(name: &str, is_own: impl Fn(usize) -> bool) {
    let own: Vec<usize> = (0..COMMANDS.len()).filter(|index| is_own(*index)).collect();
    let cases = mutations().div_ceil(2);
    let workplace = Workplace::new(scratch(name));
    let inputs = (
        prop::sample::select(own),
        any::<prop::sample::Index>(),
        changes(),
    );
    check(cases, &inputs, |(command, document, changes)| {
        let command = &COMMANDS[command];
        let documents = workplace.documents(command.input);
        let input = changes.apply(document.get(documents));
        workplace
            .check(command, &input)
            .map_err(TestCaseError::fail)
    });
    println!("{name}: {}", workplace.counts());
}

#[test]
fn commands_with_mutated_files_end_as_documented() {
    check_commands("mutations-even", |index| index % 2 == 0);
}

#[test]
fn other_commands_with_mutated_files_end_as_documented() {
    check_commands("mutations-odd", |index| index % 2 == 1);
}

/// Reader of a kind of file, in this process.
fn reader(input: Input) -> fn(&[u8]) {
    match input {
        Input::Scenario | Input::Bug => readers::bug,
        Input::Rules => |bytes| {
            readers::rules(bytes);
            readers::template(bytes);
        },
        Input::Dashboard => readers::dashboard,
        Input::Recording => readers::recording,
        Input::SweepResult | Input::SweepRows | Input::Report => readers::sweep,
        Input::Trace | Input::Distribution => readers::trace,
    }
}

#[test]
fn readers_of_mutated_files_never_panic_or_hang() {
    let workplace = Workplace::new(scratch("mutations-readers"));
    let inputs: Vec<Input> = COMMANDS.iter().map(|command| command.input).collect();
    let inputs = (
        prop::sample::select(inputs),
        any::<prop::sample::Index>(),
        changes(),
    );
    check(2 * mutations(), &inputs, |(input, document, changes)| {
        let bytes = changes.apply(document.get(workplace.documents(input)));
        let began = Instant::now();
        reader(input)(&bytes);
        prop_assert!(began.elapsed() < HANG, "{:?}", began.elapsed());
        Ok(())
    });
}

#[test]
fn sums_of_the_largest_counts_of_a_sweep_result_do_not_overflow() {
    let workplace = Workplace::new(scratch("mutations-counts"));
    for document in workplace.documents(Input::SweepResult) {
        let mut numbers = 0;
        for index in 0..document.root.count() {
            let mut changed = document.clone();
            let node = changed.root.nth(index);
            if matches!(node, Node::Bare(_)) {
                *node = Node::Bare(u64::MAX.to_string());
                readers::sweep(&changed.render());
                numbers += 1;
            }
        }
        assert!(numbers > 100, "{numbers} numbers");
    }
}

/// Commands whose argument is no file: the name of a scenario, and that of a shell.
const WITHOUT_FILE: [&str; 2] = ["scenario new", "completions"];

#[test]
fn every_command_that_reads_a_file_gets_mutated_ones() {
    let mut reading = Vec::new();
    for path in all_commands() {
        let words: Vec<&str> = path.iter().map(String::as_str).collect();
        let help = run(&[&words[..], &["--help"]].concat());
        let name = path.join(" ");
        if utf8(&help.stdout).contains("\nArguments:\n") && !WITHOUT_FILE.contains(&name.as_str()) {
            reading.push(name);
        }
    }
    assert!(reading.len() >= 8, "{reading:?}");
    for name in reading {
        let start = format!("{name} ");
        let is_tested = COMMANDS
            .iter()
            .any(|command| command.words.starts_with(&start));
        assert!(is_tested, "`{name}` reads files, and gets no mutated one");
    }
}

#[test]
fn commands_accept_the_files_that_are_mutated() {
    let workplace = Workplace::new(scratch("mutations-none"));
    for command in &COMMANDS {
        for document in workplace.documents(command.input) {
            let input = document.format.pack(document.render());
            workplace.check(command, &input).unwrap();
            assert_eq!(workplace.refused(), 0, "{command:?}: {}", workplace.said());
        }
    }
}

#[test]
fn mutated_scenarios_never_panic_and_accepted_satisfy_schema() {
    let files: Vec<PathBuf> = sound_files();
    let documents = files.iter().map(|path| {
        let text = fs::read_to_string(path).unwrap();
        Document::parse(Format::Toml, &text)
    });
    let documents: Vec<Document> = documents.collect();
    let overrides = prop::collection::vec("[a-z.]{1,12}=[a-z0-9\"{}\\[\\]]{0,8}", 0..2);
    let inputs = (prop::sample::select(documents), changes(), overrides);
    check(400, &inputs, |(document, changes, overrides)| {
        let text = String::from_utf8_lossy(&changes.apply(&document)).into_owned();
        let loader = rehearsal::check::scenario_loader(&overrides);
        match loader.parse("mutated.toml", &text, None) {
            Ok(_) if overrides.is_empty() => {
                prop_assert_eq!(Validator::new().check(&text), Ok(()));
            }
            Ok(_) => {}
            Err(problems) => {
                prop_assert!(problems.count() > 0);
                let message = problems.render(true);
                prop_assert!(!message.contains("can't be read"), "{}", message);
            }
        }
        Ok(())
    });
}
