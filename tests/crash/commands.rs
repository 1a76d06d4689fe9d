//! Commands that write files, with small inputs.

use std::fs;
use std::path::Path;

use crate::check::copy;
use crate::fixture::Fixture;

/// A command that writes into a directory.
pub struct WritingCommand {
    /// Words of the command, and options that make it another one.
    pub name: &'static str,
    /// Arguments in which `IN` is the directory of the inputs and `OUT` that of the outputs.
    arguments: &'static str,
    /// Further argument of the first run.
    first: &'static str,
    /// Further argument of the run that repairs.
    again: &'static str,
    /// Directory of the inputs from which the outputs are continued.
    continued: Option<&'static str>,
    /// Whether a file is replaced by better ones while the command runs.
    pub replaces: bool,
}

const FINAL: WritingCommand = WritingCommand {
    name: "",
    arguments: "",
    first: "--force",
    again: "--force",
    continued: None,
    replaces: false,
};

/// Arguments of the sweep.
const SWEEP: &str = "IN/small.toml --seeds 10..18 --out OUT";

/// Every writing command. `every_writing_command_is_disturbed` compares it with the help.
pub const COMMANDS: [WritingCommand; 11] = [
    WritingCommand {
        name: "run",
        arguments: "IN/small.toml --reproducible --openmetrics --out OUT",
        ..FINAL
    },
    WritingCommand {
        name: "sweep",
        arguments: SWEEP,
        again: "--resume",
        replaces: true,
        ..FINAL
    },
    WritingCommand {
        name: "report",
        arguments: "IN/run --reproducible --out OUT/page.html",
        ..FINAL
    },
    WritingCommand {
        name: "sweep --resume",
        arguments: SWEEP,
        first: "",
        again: "",
        continued: Some("begun"),
        replaces: true,
    },
    WritingCommand {
        name: "shrink",
        arguments: "IN/bug.toml --seeds 0 --out OUT/small.scenario.toml",
        replaces: true,
        ..FINAL
    },
    WritingCommand {
        name: "sweep merge",
        arguments: "IN/begun IN/rest --out OUT",
        ..FINAL
    },
    WritingCommand {
        name: "replay",
        arguments: "IN/bug.toml --chrome OUT/trace.json",
        ..FINAL
    },
    WritingCommand {
        name: "alerts",
        arguments: "IN/small.toml --unit-tests OUT",
        ..FINAL
    },
    WritingCommand {
        name: "alerts --tune",
        arguments: "SchedulerRunStuck threshold=600..900 IN/small.toml --picture OUT/plot.svg",
        ..FINAL
    },
    WritingCommand {
        name: "scenario new",
        arguments: "fresh --out OUT/fresh.toml",
        ..FINAL
    },
    WritingCommand {
        name: "man",
        arguments: "--out OUT",
        ..FINAL
    },
];

impl WritingCommand {
    /// Empties the directory of the outputs, or fills it with what the command continues.
    pub fn prepare(&self, fixture: &Fixture, out: &Path) {
        for entry in fs::read_dir(out).unwrap().flatten() {
            let path = entry.path();
            match path.is_dir() {
                true => fs::remove_dir_all(path).unwrap(),
                false => fs::remove_file(path).unwrap(),
            }
        }
        if let Some(begun) = self.continued {
            copy(&fixture.inputs().join(begun), out);
        }
    }

    /// Words of the command line.
    pub fn words(&self, fixture: &Fixture, out: &Path) -> Vec<String> {
        self.with(self.first, fixture, out)
    }

    /// Words of the command line that repairs the outputs.
    pub fn repair(&self, fixture: &Fixture, out: &Path) -> Vec<String> {
        self.with(self.again, fixture, out)
    }

    fn with(&self, more: &str, fixture: &Fixture, out: &Path) -> Vec<String> {
        let line = [self.name, self.arguments, more].join(" ");
        words(&line, &fixture.inputs(), out)
    }
}

/// Words of a line in which `IN` and `OUT` are these directories.
pub fn words(line: &str, inputs: &Path, out: &Path) -> Vec<String> {
    let [inputs, out] = [inputs, out].map(|path| path.display().to_string());
    let words = line.split_whitespace();
    let words = words.map(|word| word.replace("IN", &inputs).replace("OUT", &out));
    words.collect()
}
