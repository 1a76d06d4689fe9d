//! `cargo xtask measure-worker`: throughput and cost of worker processes on one SQLite file.
//!
//! Each case has a new store with as much work as its processes do in some seconds, and a Scanner
//! on loopback that answers after a fixed time. The figures are those between a fifth and four
//! fifths of the work. Absolute figures are those of the machine; ratios are to the case that the
//! table names.

mod fleet;
mod scanner;

use std::fs;
use std::path::{Path, PathBuf};
use std::thread::sleep;
use std::time::{Duration, Instant};

use crate::process::{Context, Failure, Result, Scratch, cargo_without_lto, output, root, run};
use fleet::MeasuredFleet;

/// Number of images of a tenant, which its schedule scans.
const IMAGES: u32 = 640;

/// Default of `worker.segmentSize`.
const SEGMENT_SIZE: u32 = 64;

/// Time for which idle processes are observed.
const IDLE_TIME: Duration = Duration::from_secs(30);

/// Maximum time of a case.
const PATIENCE: Duration = Duration::from_secs(300);

/// One row of the table.
#[derive(Clone, Copy)]
struct MeasuredCase {
    name: &'static str,
    processes: u32,
    /// Schedules, each with a run at a time that the others do not share.
    schedules: u32,
    /// Runs of each schedule, which are open at once.
    rounds: u32,
    scanner_millis: u64,
    /// Row to which the ratios refer.
    base: usize,
}

const CASES: [MeasuredCase; 5] = [
    MeasuredCase {
        name: "Scanner answers in 20 ms",
        processes: 1,
        schedules: 6,
        rounds: 2,
        scanner_millis: 20,
        base: 0,
    },
    MeasuredCase {
        name: "Scanner answers in 20 ms",
        processes: 3,
        schedules: 6,
        rounds: 6,
        scanner_millis: 20,
        base: 0,
    },
    MeasuredCase {
        name: "Scanner answers at once",
        processes: 1,
        schedules: 6,
        rounds: 6,
        scanner_millis: 0,
        base: 2,
    },
    MeasuredCase {
        name: "Scanner answers at once",
        processes: 3,
        schedules: 6,
        rounds: 6,
        scanner_millis: 0,
        base: 2,
    },
    MeasuredCase {
        name: "the same, one run only",
        processes: 1,
        schedules: 1,
        rounds: 1,
        scanner_millis: 0,
        base: 2,
    },
];

/// Figures of one case.
#[derive(Clone, Copy)]
struct WorkerFigures {
    segments_per_second: f64,
    cpu_millis_per_image: f64,
}

/// Measures all cases, and an idle process.
pub fn main() -> Result<()> {
    let scratch = Scratch::new("measure-worker")?;
    let program = build()?;
    println!("{HEAD}");
    let mut figures = Vec::new();
    for (number, case) in CASES.iter().enumerate() {
        let directory = scratch.path().join(number.to_string());
        figures.push(measure(&program, &directory, case)?);
        println!("{}", row(case, &figures));
    }
    for processes in [1, 3] {
        let directory = scratch.path().join(format!("idle-{processes}"));
        let calls = idle_calls(&program, &directory, processes)?;
        println!("{processes} idle: {calls:.1} calls to the store per second and process");
    }
    Ok(())
}

const HEAD: &str = "\
| case                     | processes | segments/s | ratio | CPU per image, ms | ratio |
|--------------------------|----------:|-----------:|------:|------------------:|------:|";

fn row(case: &MeasuredCase, figures: &[WorkerFigures]) -> String {
    let own = figures[figures.len() - 1];
    let base = figures[case.base];
    format!(
        "| {:24} | {:9} | {:10.1} | {:5.2} | {:17.2} | {:5.2} |",
        case.name,
        case.processes,
        own.segments_per_second,
        own.segments_per_second / base.segments_per_second,
        own.cpu_millis_per_image,
        own.cpu_millis_per_image / base.cpu_millis_per_image,
    )
}

fn build() -> Result<PathBuf> {
    run(cargo_without_lto()
        .args(["build", "--release", "--locked", "--quiet"])
        .args(["--package", "rehearsal", "--bin", "rehearsal"]))?;
    Ok(root().join("target/release/rehearsal"))
}

/// Work and time at an instant.
struct MeasuredWork {
    at: Instant,
    segments: f64,
    cpu: Duration,
}

fn measure(program: &Path, directory: &Path, case: &MeasuredCase) -> Result<WorkerFigures> {
    let store = MeasuredStore::create(program, directory, case)?;
    for round in 0..case.rounds {
        for schedule in 0..case.schedules {
            let (schedule, round) = (format!("schedule-{schedule}"), round.to_string());
            store.admin(&["runs", "start", &schedule, "--occurrence", &round])?;
        }
    }
    let images = store.images * case.rounds * case.schedules;
    let segments = f64::from(images / SEGMENT_SIZE);
    let fleet = store.start(case.processes)?;
    let (mut first, began) = (None, Instant::now());
    loop {
        let now = MeasuredWork {
            at: Instant::now(),
            segments: fleet.sum("scheduler_runner_segments_total", "status=\"Completed\"")?,
            cpu: fleet.cpu()?,
        };
        if first.is_none() && now.segments >= 0.2 * segments {
            first = Some(now);
        } else if let Some(first) = first.as_ref().filter(|_| now.segments >= 0.8 * segments) {
            let done = now.segments - first.segments;
            let cpu = (now.cpu - first.cpu).as_secs_f64();
            return Ok(WorkerFigures {
                segments_per_second: done / (now.at - first.at).as_secs_f64(),
                cpu_millis_per_image: 1e3 * cpu / (done * f64::from(SEGMENT_SIZE)),
            });
        }
        if began.elapsed() > PATIENCE {
            return Err(Failure::new(format!(
                "{}: {segments} segments take longer than {} s",
                case.name,
                PATIENCE.as_secs()
            )));
        }
        sleep(Duration::from_millis(20));
    }
}

/// Calls to the store per second of an idle process.
fn idle_calls(program: &Path, directory: &Path, processes: u32) -> Result<f64> {
    let store = MeasuredStore::create(program, directory, &CASES[0])?;
    let fleet = store.start(processes)?;
    // The first purge, the first polls.
    sleep(Duration::from_secs(5));
    let calls = || fleet.sum("scheduler_store_calls_total", "");
    let (before, began) = (calls()?, Instant::now());
    sleep(IDLE_TIME);
    let rate = (calls()? - before) / began.elapsed().as_secs_f64();
    Ok(rate / f64::from(processes))
}

/// A new store with images and schedules, and the configuration of its workers.
struct MeasuredStore<'a> {
    program: &'a Path,
    config: String,
    /// Number of images of each schedule.
    images: u32,
}

impl<'a> MeasuredStore<'a> {
    fn create(program: &'a Path, directory: &Path, case: &MeasuredCase) -> Result<Self> {
        fs::create_dir_all(directory).context(directory.display())?;
        let write = |name: &str, text: String| {
            let path = directory.join(name);
            fs::write(&path, text).context(path.display())?;
            Ok::<_, Failure>(path.display().to_string())
        };
        let scanner = scanner::start(Duration::from_millis(case.scanner_millis))?;
        let file = directory.join("scheduler.db").display().to_string();
        // One run has the work of six.
        let images = if case.schedules == 1 {
            12 * IMAGES
        } else {
            IMAGES
        };
        let config = format!(
            "[http]\nlisten = \"127.0.0.1:0\"\n[store]\nfile = \"{file}\"\n[scanner]\n\
             url = \"http://{scanner}/\"\nallowLoopback = true\n"
        );
        let store = Self {
            program,
            config: write("worker.toml", config)?,
            images,
        };
        let schedules = (0..case.schedules).map(schedule_table).collect();
        let lines = (0..case.schedules)
            .flat_map(|tenant| (0..images).map(move |image| image_line(tenant, image)));
        let lines = lines.collect();
        store.admin(&["schedules", "apply", &write("schedules.toml", schedules)?])?;
        store.admin(&["inventory", "import", &write("images.jsonl", lines)?])?;
        Ok(store)
    }

    fn admin(&self, arguments: &[&str]) -> Result<()> {
        let mut command = std::process::Command::new(self.program);
        command
            .args(["admin", "--config", &self.config])
            .args(arguments);
        output(&mut command).map(drop)
    }

    fn start(&self, processes: u32) -> Result<MeasuredFleet> {
        MeasuredFleet::start(self.program, &self.config, processes)
    }
}

fn schedule_table(tenant: u32) -> String {
    format!("[[schedule]]\nid = \"schedule-{tenant}\"\ntenant = \"tenant-{tenant}\"\n")
}

/// Line of the inventory for an image of a tenant.
fn image_line(tenant: u32, image: u32) -> String {
    let number = u64::from(tenant) << 32 | u64::from(image);
    format!(
        "{{\"digest\": \"sha256:{number:064x}\", \"tenant\": \"tenant-{tenant}\", \
         \"registry\": \"registry.example\", \"repository\": \"image-{image}\"}}\n"
    )
}
