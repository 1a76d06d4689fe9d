//! Commands with a mutated file, run within limits of time and memory.

use std::cell::Cell;
use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::Read;
use std::path::{Path, PathBuf};
use std::process::{Child, ExitStatus};
use std::thread;
use std::time::{Duration, Instant};

use flate2::read::GzDecoder;

use super::document::{Document, Format};
use crate::program::{NO_CRASH, SMALL, rehearsal_within, run, signal};

/// Exit codes that the README lists.
const CODES: [i32; 7] = [0, 1, 2, 10, 11, 12, 13];

/// Exit code after SIGTERM.
const TERMINATED: i32 = 143;

/// Maximum time of a command that simulates nothing, and of any command after a signal.
const TIME_MAX: Duration = Duration::from_secs(20);

/// Time after which a simulation is ended: a mutated scenario may be valid and large.
const PATIENCE: Duration = Duration::from_secs(5);

/// Maximum address space in KiB.
const MEMORY_KIB: u32 = 4 << 20;

/// Kind of a mutated file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Input {
    Scenario,
    Bug,
    Rules,
    Dashboard,
    Recording,
    Report,
    SweepResult,
    SweepRows,
    Trace,
    Distribution,
}

impl Input {
    /// Path of the file in the workplace.
    fn path(self) -> &'static str {
        match self {
            Self::Scenario | Self::Bug => "input.toml",
            Self::Rules => "input.yaml",
            Self::Dashboard | Self::Report => "input.json",
            Self::Recording => "input.run",
            Self::SweepResult => "out/sweep.json",
            Self::SweepRows => "out/seeds.jsonl",
            Self::Trace => "input.csv",
            Self::Distribution => "input.txt",
        }
    }

    /// Name that an error must have.
    fn name(self) -> &'static str {
        match self {
            Self::SweepResult | Self::SweepRows => "out",
            _ => self.path(),
        }
    }
}

/// Command that reads a mutated file.
#[derive(Debug)]
pub struct TestedCommand {
    pub words: &'static str,
    pub input: Input,
    is_simulation: bool,
}

const fn reads(words: &'static str, input: Input) -> TestedCommand {
    TestedCommand {
        words,
        input,
        is_simulation: false,
    }
}

const fn simulates(words: &'static str, input: Input) -> TestedCommand {
    TestedCommand {
        words,
        input,
        is_simulation: true,
    }
}

/// Every command that reads a file, with each kind of file.
pub const COMMANDS: [TestedCommand; 25] = [
    reads("scenario check input.toml", Input::Scenario),
    simulates("run input.toml --out out", Input::Scenario),
    simulates("run input.toml --format json", Input::Scenario),
    simulates(
        "run input.toml --format junit --profile light",
        Input::Scenario,
    ),
    simulates(
        "sweep input.toml --seeds 0..2 --jobs 1 --out out",
        Input::Scenario,
    ),
    simulates(
        "compare input.toml small.toml --seeds 0..1 --jobs 1",
        Input::Scenario,
    ),
    simulates("replay input.toml", Input::Scenario),
    simulates("shrink input.toml --out out/shrunk.toml", Input::Bug),
    simulates("alerts input.toml --unit-tests out", Input::Scenario),
    simulates("alerts small.toml --rules input.yaml", Input::Rules),
    simulates(
        "alerts small.toml --rules input.yaml --unit-tests out",
        Input::Rules,
    ),
    simulates(
        "alerts small.toml --rules input.yaml --tune SchedulerRunStuck for=1m..9m \
         --picture out/plot.svg",
        Input::Rules,
    ),
    reads(
        "report old.run --rules input.yaml --out out/page.html",
        Input::Rules,
    ),
    reads(
        "report old.run --dashboard input.json --out out/page.html",
        Input::Dashboard,
    ),
    reads("report input.run --out out/page.html", Input::Recording),
    reads("compare input.json old.json", Input::Report),
    reads("compare old.json input.json --format json", Input::Report),
    reads("sweep merge out --format json", Input::SweepResult),
    reads("compare out other", Input::SweepResult),
    simulates(
        "sweep small.toml --seeds 0..3 --jobs 1 --resume --out out",
        Input::SweepResult,
    ),
    simulates(
        "sweep small.toml --seeds 0..3 --jobs 1 --resume --out out",
        Input::SweepRows,
    ),
    reads("sweep merge out", Input::SweepRows),
    simulates("replay input.toml --chrome out/trace.json", Input::Bug),
    simulates("run trace.toml --format json", Input::Trace),
    reads("scenario check distribution.toml", Input::Distribution),
];

/// Directory of the commands, with the files that they read unchanged.
pub struct Workplace {
    base: PathBuf,
    work: PathBuf,
    documents: BTreeMap<Input, Vec<Document>>,
    kept: BTreeMap<PathBuf, Vec<u8>>,
    /// Number of commands, of those that refused the file, and of those that took too long.
    counts: Cell<[u32; 3]>,
}

fn read(path: &str) -> String {
    fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(path)).unwrap()
}

/// Rules with every kind of key.
const RULES: &str = "groups: [{name: g, interval: 30s, rules: [
  {record: 'job:up:min', expr: 'min by (job) (up)', labels: {team: a}},
  {alert: SchedulerRunStuck, expr: 'up < 1', for: 1m, keep_firing_for: 2m, labels: {severity: page},
   annotations: {summary: '{{ $labels.job }} since {{ $value | humanizeDuration }}'}}]}]";

const TRACE: &str = "[advisories]\ntrace = { file = \"input.csv\", from = 1999-01-01 }\n";

const DISTRIBUTION: &str = "[latency]\nstore = { kind = \"empirical\", file = \"input.txt\" }\n";

impl Workplace {
    /// Makes the directory.
    pub fn new(base: PathBuf) -> Self {
        let work = base.join("work");
        fs::create_dir_all(&work).unwrap();
        let small = format!("{SMALL}{NO_CRASH}");
        let old = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/compatibility/v0.1");
        fs::copy(old.join("compatibility-3.run"), work.join("old.run")).unwrap();
        fs::copy(old.join("compatibility-3.json"), work.join("old.json")).unwrap();
        for (name, text) in [
            ("small.toml", small.clone()),
            ("trace.toml", format!("{SMALL}{TRACE}")),
            ("distribution.toml", format!("{SMALL}{DISTRIBUTION}")),
        ] {
            fs::write(work.join(name), text).unwrap();
        }
        let mut workplace = Self {
            documents: documents(&small, &old),
            base,
            work,
            kept: BTreeMap::new(),
            counts: Cell::default(),
        };
        let scenario = workplace.work.join("small.toml");
        let other = workplace.work.join("other");
        let [scenario, other] = [&scenario, &other].map(|path| path.to_str().unwrap());
        run(&["sweep", scenario, "--seeds", "0..3", "--out", other]);
        for (input, format, file) in [
            (Input::SweepResult, Format::Json, "sweep.json"),
            (Input::SweepRows, Format::JsonLines, "seeds.jsonl"),
        ] {
            // A task continues in its own directory, so the path must be the same.
            let text = fs::read_to_string(Path::new(other).join(file)).unwrap();
            let text = text.replace(scenario, "small.toml");
            fs::write(Path::new(other).join(file), &text).unwrap();
            let documents = vec![Document::parse(format, &text)];
            workplace.documents.insert(input, documents);
        }
        workplace.kept = workplace.files();
        workplace
    }

    /// Valid files of a kind.
    pub fn documents(&self, input: Input) -> &[Document] {
        &self.documents[&input]
    }

    /// Runs a command with this file. Returns what is wrong about its end.
    pub fn check(&self, command: &TestedCommand, input: &[u8]) -> Result<(), String> {
        let out = self.work.join("out");
        let _ = fs::remove_dir_all(&out);
        fs::create_dir(&out).unwrap();
        if command.input.name() == "out" {
            for file in ["sweep.json", "seeds.jsonl"] {
                fs::copy(self.work.join("other").join(file), out.join(file)).unwrap();
            }
        }
        let path = self.work.join(command.input.path());
        fs::write(&path, input).unwrap();
        let ended = EndedCommand::of(command, &self.base, &self.work);
        fs::remove_file(path).unwrap();
        let mut counts = self.counts.get();
        counts[0] += 1;
        counts[1] += u32::from(matches!(ended.code, Some(1 | 2)));
        counts[2] += u32::from(ended.code == Some(TERMINATED));
        self.counts.set(counts);
        let wrong = ended.wrong(command).map(str::to_owned);
        let wrong = wrong.or_else(|| self.changed());
        wrong.map_or(Ok(()), |wrong| {
            let kept = self.base.with_extension("failed");
            fs::write(&kept, input).unwrap();
            let EndedCommand { code, stderr, .. } = &ended;
            let stderr: String = stderr.chars().take(2_000).collect();
            let kept = kept.display();
            Err(format!(
                "{wrong}: {command:?} with {kept}, {code:?}: {stderr}"
            ))
        })
    }

    /// Number of commands that refused their file.
    pub fn refused(&self) -> u32 {
        self.counts.get()[1]
    }

    /// Standard error of the last command.
    pub fn said(&self) -> String {
        fs::read_to_string(self.base.join("stderr")).unwrap()
    }

    /// Numbers of ends.
    pub fn counts(&self) -> String {
        let [all, refused, ended] = self.counts.get();
        format!("{all} commands, {refused} refused their file, {ended} were ended")
    }

    /// Files outside of the output directory, with their content.
    fn files(&self) -> BTreeMap<PathBuf, Vec<u8>> {
        let mut files = BTreeMap::new();
        let mut directories = vec![self.base.clone()];
        while let Some(directory) = directories.pop() {
            for entry in fs::read_dir(directory).unwrap().flatten() {
                let path = entry.path();
                match path.is_dir() {
                    true if path.ends_with("out") => {}
                    true => directories.push(path),
                    false => drop(files.insert(path.clone(), fs::read(path).unwrap())),
                }
            }
        }
        files
    }

    /// The first file outside of the output directory that the command has written.
    fn changed(&self) -> Option<String> {
        let files = self.files();
        let is_kept = |path: &PathBuf, content: &Vec<u8>| {
            self.kept.get(path) == Some(content) || path.parent() == Some(&self.base)
        };
        let changed = files.iter().find(|(path, content)| !is_kept(path, content));
        changed.map(|(path, _)| format!("{} is written", path.display()))
    }
}

fn documents(small: &str, old: &Path) -> BTreeMap<Input, Vec<Document>> {
    let of = |format: Format, texts: &[&str]| -> Vec<Document> {
        texts
            .iter()
            .map(|text| Document::parse(format, text))
            .collect()
    };
    let mut recording = String::new();
    let packed = File::open(old.join("compatibility-3.run")).unwrap();
    GzDecoder::new(packed)
        .read_to_string(&mut recording)
        .unwrap();
    let old = |name: &str| fs::read_to_string(old.join(name)).unwrap();
    let lost = read("tests/bugbase/late-kev-flag-counted-as-new.toml");
    let rules = read("docs/ops/scheduler-worker-prometheus-rules.yaml");
    let dashboard = read("docs/ops/scheduler-worker-grafana-dashboard.json");
    let kev = read("scenarios/traces/kev.csv");
    let kev: Vec<&str> = kev.lines().take(20).collect();
    BTreeMap::from([
        (
            Input::Scenario,
            of(Format::Toml, &[small, &old("compatibility.toml"), &lost]),
        ),
        (
            Input::Bug,
            of(Format::Toml, &[&old("sweep/bugs/expectation-3.toml")]),
        ),
        (Input::Rules, of(Format::Yaml, &[RULES, RULES, &rules])),
        (
            Input::Dashboard,
            of(
                Format::Json,
                &[&dashboard, &read("tests/browser/dashboard.json")],
            ),
        ),
        (Input::Recording, of(Format::Gzip, &[&recording])),
        (
            Input::Report,
            of(Format::Json, &[&old("compatibility-3.json")]),
        ),
        (Input::Trace, of(Format::Lines, &[&kev.join("\n")])),
        (
            Input::Distribution,
            of(Format::Lines, &["1ms", "# of one\n5s\n250ms"]),
        ),
    ])
}

/// End of a command.
struct EndedCommand {
    /// None: it was killed, or has ended itself by a signal.
    code: Option<i32>,
    stdout: String,
    stderr: String,
}

impl EndedCommand {
    /// Runs the command to its end.
    fn of(command: &TestedCommand, base: &Path, work: &Path) -> Self {
        let [stdout, stderr] = ["stdout", "stderr"].map(|name| base.join(name));
        let words: Vec<&str> = command.words.split(' ').collect();
        let mut child = rehearsal_within(&format!("-v {MEMORY_KIB}"), &words)
            .current_dir(work)
            .stdout(File::create(&stdout).unwrap())
            .stderr(File::create(&stderr).unwrap())
            .spawn()
            .unwrap();
        let mut ended = match command.is_simulation {
            true => wait(&mut child, PATIENCE),
            false => None,
        };
        if ended.is_none() && command.is_simulation {
            // A sweep finishes its seeds after the first signal, and ends at the second.
            // It may have ended meanwhile.
            signal("TERM", child.id());
            ended = wait(&mut child, Duration::from_millis(300));
            signal("TERM", child.id());
        }
        let ended = ended.or_else(|| wait(&mut child, TIME_MAX));
        if ended.is_none() {
            child.kill().unwrap();
            child.wait().unwrap();
        }
        let said = |path: &Path| String::from_utf8_lossy(&fs::read(path).unwrap()).into_owned();
        Self {
            code: ended.and_then(|status| status.code()),
            stdout: said(&stdout),
            stderr: said(&stderr),
        }
    }

    /// Description of what is wrong.
    fn wrong(&self, command: &TestedCommand) -> Option<&'static str> {
        let Some(code) = self.code else {
            return Some("killed by a signal or out of time");
        };
        let is_ended = command.is_simulation && code == TERMINATED;
        if !CODES.contains(&code) && !is_ended {
            return Some("unknown exit code");
        }
        if self.stderr.contains("panicked at") {
            return Some("a panic");
        }
        let is_error = self.stderr.contains("error");
        if matches!(code, 1 | 2) && !(is_error && self.stderr.contains(command.input.name())) {
            return Some("an error without the name of the file");
        }
        let is_control = |c: char| (c.is_control() && c != '\n') || c == '\u{202e}';
        if self.stderr.contains(is_control) {
            return Some("control characters in the error");
        }
        let is_json = command.words.contains("--format json");
        if is_json && matches!(code, 0 | 10..=13) {
            let parsed: Result<serde_json::Value, _> = serde_json::from_str(&self.stdout);
            return parsed.is_err().then_some("no JSON");
        }
        let is_text = !command.words.contains("--format");
        (is_text && self.stdout.contains(is_control)).then_some("control characters in the text")
    }
}

/// Status of the program, if it ends within this time.
fn wait(child: &mut Child, time: Duration) -> Option<ExitStatus> {
    let deadline = Instant::now() + time;
    loop {
        let ended = child.try_wait().unwrap();
        if ended.is_some() || Instant::now() > deadline {
            return ended;
        }
        thread::sleep(Duration::from_millis(2));
    }
}
