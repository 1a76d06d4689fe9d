//! Inputs of the commands, and what each writes if nothing disturbs it.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::LazyLock;
use std::time::{Duration, Instant};

use crate::check::content;
use crate::commands::{COMMANDS, WritingCommand, words};
use crate::disturbance::Disturbance;
use crate::program::{NO_CRASH, SMALL, run, scratch, text};

/// Scenario that fails at once.
const TINY: &str = r#"
name = "tiny"
duration = "3m"
drain = "1m"
fleet = { images = 1, components = 1 }
workers = { processes = 1 }

[[schedule]]
id = "often"
whenCron = "* * * * *"

[[expect]]
name = "no process can be scraped"
query = 'max(up) == 0'
when = "always"
under = "any-profile"
"#;

/// The inputs are made once for all tests.
pub static FIXTURE: LazyLock<Fixture> = LazyLock::new(Fixture::new);

/// Inputs, and the undisturbed outputs of each command.
pub struct Fixture {
    directory: PathBuf,
    known: BTreeMap<&'static str, Known>,
}

/// Behaviour of a command that nothing disturbs.
pub struct Known {
    pub code: i32,
    pub time: Duration,
    /// Files by relative path.
    pub content: BTreeMap<String, Vec<u8>>,
    /// Whether a file is replaced by better ones while the command runs.
    pub replaces: bool,
}

impl Fixture {
    fn new() -> Self {
        let directory = scratch("crash");
        let mut fixture = Self {
            directory,
            known: BTreeMap::new(),
        };
        let inputs = fixture.inputs();
        fs::create_dir_all(&inputs).unwrap();
        fs::write(inputs.join("small.toml"), format!("{SMALL}{NO_CRASH}")).unwrap();
        fs::write(inputs.join("tiny.toml"), TINY).unwrap();
        for line in [
            "run IN/small.toml --out IN/run",
            "sweep IN/small.toml --seeds 10..14 --out IN/begun",
            "sweep IN/small.toml --seeds 14..18 --out IN/rest",
            // A bug that shrinks soon.
            "sweep IN/tiny.toml --profile none --seeds 0..1 --out IN/tiny",
        ] {
            run_to_end(&words(line, &inputs, &inputs));
        }
        append_part_of_row(&inputs.join("begun"));
        let bugs = fs::read_dir(inputs.join("tiny/bugs")).unwrap().flatten();
        let bug = bugs.map(|entry| entry.path()).min().expect("a seed fails");
        fs::copy(bug, inputs.join("bug.toml")).unwrap();
        for command in &COMMANDS {
            let known = fixture.undisturbed(command);
            fixture.known.insert(command.name, known);
        }
        fixture
    }

    /// Runs a command where nothing disturbs it.
    fn undisturbed(&self, command: &WritingCommand) -> Known {
        let out = self.directory.join("known").join(command.name);
        fs::create_dir_all(&out).unwrap();
        command.prepare(self, &out);
        let words = command.words(self, &out);
        let began = Instant::now();
        let code = run_to_end(&words);
        let content = content(&out);
        assert!(!content.is_empty(), "{words:?} writes nothing");
        Known {
            code,
            time: began.elapsed(),
            content,
            replaces: command.replaces,
        }
    }

    /// Behaviour of a command that nothing disturbs.
    pub fn known(&self, command: &WritingCommand) -> &Known {
        &self.known[command.name]
    }

    /// Directory of the inputs.
    pub fn inputs(&self) -> PathBuf {
        self.directory.join("inputs")
    }

    /// Directory of the outputs of a disturbance: as deep as the undisturbed ones, because bug
    /// files have relative paths.
    pub fn out(&self, disturbance: Disturbance) -> PathBuf {
        let out = self.directory.join("out").join(format!("{disturbance:?}"));
        fs::create_dir_all(&out).unwrap();
        out
    }
}

/// Exit code of a command that writes its outputs, whether it finds a failure or not.
fn run_to_end(words: &[String]) -> i32 {
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    let output = run(&words);
    let code = output.status.code().unwrap();
    let error = text(&output.stderr);
    assert!(matches!(code, 0 | 10), "{words:?}: {error}");
    code
}

/// Appends the first half of a row to those of a sweep, as an abort may do.
fn append_part_of_row(sweep: &Path) {
    let path = sweep.join("seeds.jsonl");
    let rows = fs::read_to_string(&path).unwrap();
    let row = rows.lines().last().unwrap();
    let (part, _) = row.split_at(row.len() / 2);
    fs::write(&path, format!("{rows}{part}")).unwrap();
}

/// Path of a file below a directory.
pub fn relative(path: &Path, directory: &Path) -> String {
    path.strip_prefix(directory).unwrap().display().to_string()
}
