//! `cargo xtask scale`: the cost of a scan by the size of the scenario.
//!
//! The cost is what a run takes more than the same run in which no schedule fires, divided by the
//! number of scans. It is measured along three axes, over three decades each. The growth exponent
//! of a decade is the slope between its ends on logarithmic scales: 0 if the cost stays the same, 1
//! if it is proportional to the size.

mod measure;

use std::path::Path;

use crate::process::{Failure, Result, Scratch, cargo_without_lto, on_all_cores, root, run};
use measure::{instructions, peak_bytes, scans};

/// Maximum growth exponent of the instructions per scan, over any decade.
const INSTRUCTIONS_EXPONENT_MAX: f64 = 0.25;

/// Maximum growth exponent of the peak memory, over any decade.
const MEMORY_EXPONENT_MAX: f64 = 1.1;

/// Maximum ratio of the instructions per scan of [`LARGE`] to those of [`BASE`].
const LARGE_RATIO_MAX: f64 = 1.5;

/// Numbers of images, schedules and processes of a scenario.
#[derive(Clone, Copy, Debug, PartialEq)]
struct FleetSize {
    images: u32,
    schedules: u32,
    processes: u32,
}

const BASE: FleetSize = FleetSize {
    images: 20_000,
    schedules: 100,
    processes: 5,
};

const LARGE: FleetSize = FleetSize {
    images: 20_000,
    schedules: 10_000,
    processes: 200,
};

/// Sizes along one axis, each ten times the one before.
struct ScaleAxis {
    name: &'static str,
    sizes: [FleetSize; 4],
}

fn axes() -> [ScaleAxis; 3] {
    let decades = [1, 10, 100, 1_000];
    [
        ScaleAxis {
            name: "images",
            sizes: decades.map(|factor| FleetSize {
                images: 1_000 * factor,
                schedules: 10,
                processes: 5,
            }),
        },
        ScaleAxis {
            name: "schedules",
            sizes: decades.map(|factor| FleetSize {
                schedules: 10 * factor,
                ..BASE
            }),
        },
        ScaleAxis {
            name: "processes",
            sizes: decades.map(|factor| FleetSize {
                processes: factor,
                ..BASE
            }),
        },
    ]
}

/// Cost of one size.
#[derive(Clone, Copy, Debug)]
struct ScanCost {
    size: FleetSize,
    scans: f64,
    instructions_per_scan: f64,
    bytes_per_scan: f64,
    peak_bytes: f64,
}

/// Measures all sizes, prints a table, and fails if a cost grows faster than it may.
pub fn main(arguments: &[&str]) -> Result<()> {
    let axes = axes();
    let chosen: Vec<&ScaleAxis> = match *arguments {
        [] => axes.iter().collect(),
        [name] => axes.iter().filter(|axis| axis.name == name).collect(),
        _ => Vec::new(),
    };
    if chosen.is_empty() {
        return Err(Failure::new(
            "usage: cargo xtask scale [images | schedules | processes]",
        ));
    }
    let scratch = Scratch::new("scale")?;
    let program = build()?;
    let mut sizes: Vec<FleetSize> = chosen.iter().flat_map(|axis| axis.sizes).collect();
    if arguments.is_empty() {
        sizes.extend([BASE, LARGE]);
    }
    let costs = measure_all(&program, &sizes, &scratch)?;
    let mut excesses = Vec::new();
    println!("{HEAD}");
    for (number, axis) in chosen.iter().enumerate() {
        let costs = &costs[4 * number..4 * number + 4];
        println!("| {} |", axis.name);
        costs.iter().for_each(|cost| println!("{}", row(cost)));
        excesses.extend(growth_excesses(axis.name, costs));
    }
    if let [.., base, large] = &costs[..]
        && arguments.is_empty()
    {
        println!("| together |\n{}\n{}", row(base), row(large));
        excesses.extend(large_excess(base, large));
    }
    match excesses.is_empty() {
        true => Ok(()),
        false => Err(Failure::new(excesses.join("\n"))),
    }
}

const HEAD: &str = "\
| images | schedules | processes | scans | instructions per scan | bytes per scan | peak, MiB |
|---|---|---|---|---|---|---|";

fn row(cost: &ScanCost) -> String {
    let FleetSize {
        images,
        schedules,
        processes,
    } = cost.size;
    format!(
        "| {images} | {schedules} | {processes} | {} | {:.0} | {:.0} | {:.0} |",
        cost.scans,
        cost.instructions_per_scan,
        cost.bytes_per_scan,
        cost.peak_bytes / f64::from(1 << 20),
    )
}

/// Decades in which a cost grows faster than it may.
fn growth_excesses(axis: &str, costs: &[ScanCost]) -> Vec<String> {
    let mut excesses = Vec::new();
    for pair in costs.windows(2) {
        let mut judge = |what: &str, before: f64, after: f64, most: f64| {
            let exponent = (after / before).log10();
            if exponent > most {
                excesses.push(format!(
                    "{what} grow by the exponent {exponent:.2} from {before:.0} to {after:.0} over \
                     a decade of {axis}, expected at most {most}"
                ));
            }
        };
        let [before, after] = [&pair[0], &pair[1]];
        let instructions = [before, after].map(|cost| cost.instructions_per_scan);
        judge(
            "instructions per scan",
            instructions[0],
            instructions[1],
            INSTRUCTIONS_EXPONENT_MAX,
        );
        judge(
            "bytes at the peak",
            before.peak_bytes,
            after.peak_bytes,
            MEMORY_EXPONENT_MAX,
        );
    }
    excesses
}

fn large_excess(base: &ScanCost, large: &ScanCost) -> Option<String> {
    let ratio = large.instructions_per_scan / base.instructions_per_scan;
    (ratio > LARGE_RATIO_MAX).then(|| {
        format!(
            "a scan with {} schedules and {} processes costs {ratio:.2} times one with {} and {}, \
             expected at most {LARGE_RATIO_MAX}",
            large.size.schedules, large.size.processes, base.size.schedules, base.size.processes,
        )
    })
}

fn build() -> Result<std::path::PathBuf> {
    run(cargo_without_lto()
        .args(["build", "--release", "--locked", "--quiet"])
        .args(["--package", "rehearsal", "--bin", "rehearsal"]))?;
    Ok(root().join("target/release/rehearsal"))
}

/// One run of a size.
#[derive(Clone, Copy)]
struct MeasuredRun {
    /// Position of the size.
    number: usize,
    fires: bool,
    under_callgrind: bool,
}

/// Measures the cost of each size, in the order of the sizes.
fn measure_all(program: &Path, sizes: &[FleetSize], scratch: &Scratch) -> Result<Vec<ScanCost>> {
    let mut runs = Vec::new();
    for number in 0..sizes.len() {
        for under_callgrind in [true, false] {
            runs.extend([true, false].map(|fires| MeasuredRun {
                number,
                fires,
                under_callgrind,
            }));
        }
    }
    // The longest first, so that no core waits for the other.
    runs.sort_by_key(|run| {
        let size = sizes[run.number];
        std::cmp::Reverse(u64::from(size.processes) * u64::from(size.schedules + size.images))
    });
    let measured = on_all_cores(&runs, |run| {
        Ok((*run, measure(program, sizes[run.number], *run, scratch)?))
    });
    let measured: Vec<(MeasuredRun, Figures)> = measured.into_iter().collect::<Result<_>>()?;
    let of = |number: usize, fires: bool, under_callgrind: bool| {
        let is_wanted = |(run, _): &&(MeasuredRun, Figures)| {
            (run.number, run.fires, run.under_callgrind) == (number, fires, under_callgrind)
        };
        measured.iter().find(is_wanted).map(|(_, figures)| *figures)
    };
    let cost = |(number, size): (usize, &FleetSize)| {
        let missing = || Failure::new("a run is missing");
        let figures = |fires, callgrind| of(number, fires, callgrind).ok_or_else(missing);
        let (busy, idle) = (figures(true, true)?, figures(false, true)?);
        let (busy_memory, idle_memory) = (figures(true, false)?, figures(false, false)?);
        if busy.scans == 0.0 || idle.scans != 0.0 {
            return Err(Failure::new(format!(
                "{size:?}: no scans, or scans without fires"
            )));
        }
        Ok(ScanCost {
            size: *size,
            scans: busy.scans,
            instructions_per_scan: (busy.value - idle.value) / busy.scans,
            bytes_per_scan: (busy_memory.value - idle_memory.value).max(0.0) / busy.scans,
            peak_bytes: busy_memory.value,
        })
    };
    sizes.iter().enumerate().map(cost).collect()
}

/// Instructions or peak bytes of a run, and its scans.
#[derive(Clone, Copy)]
struct Figures {
    value: f64,
    scans: f64,
}

fn measure(
    program: &Path,
    size: FleetSize,
    run: MeasuredRun,
    scratch: &Scratch,
) -> Result<Figures> {
    let name = format!("{}-{}-{}", run.number, run.fires, run.under_callgrind);
    let scenario = scratch.path().join(format!("{name}.toml"));
    measure::write(&scenario, &text(size, run.fires))?;
    let (value, output) = match run.under_callgrind {
        true => instructions(program, &scenario)?,
        false => peak_bytes(program, &scenario)?,
    };
    let scans = scans(&output)?;
    Ok(Figures { value, scans })
}

/// The scenario: an hour in which each schedule that fires scans the images of one repository.
/// Without `fires`, the schedules fire in the evening, which is not simulated.
fn text(size: FleetSize, fires: bool) -> String {
    let FleetSize {
        images,
        schedules,
        processes,
    } = size;
    // A hundred schedules fire within the hour, and 416 of ten thousand.
    let until_hour = (schedules / 100).clamp(1, 24);
    let (from_hour, until_hour) = if fires { (0, until_hour) } else { (22, 24) };
    format!(
        "name = \"scale\"\n\
         duration = \"1h\"\n\
         [fleet]\n\
         tenants = 10\n\
         images = {images}\n\
         [schedules]\n\
         count = {schedules}\n\
         cadence = \"daily\"\n\
         fromHour = {from_hour}\n\
         untilHour = {until_hour}\n\
         scopes = {{ repositories = 1 }}\n\
         [workers]\n\
         processes = {processes}\n"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn costs(instructions: [f64; 4]) -> Vec<ScanCost> {
        let cost = |instructions_per_scan| ScanCost {
            size: BASE,
            scans: 1.0,
            instructions_per_scan,
            bytes_per_scan: 1.0,
            peak_bytes: 1.0,
        };
        instructions.map(cost).into()
    }

    #[test]
    fn growth_above_the_bound_is_named_by_its_decade() {
        assert!(growth_excesses("images", &costs([90.0, 70.0, 100.0, 150.0])).is_empty());
        let excesses = growth_excesses("images", &costs([100.0, 100.0, 1000.0, 1000.0]));
        let [excess] = &excesses[..] else {
            panic!("one decade: {excesses:?}");
        };
        assert!(
            excess.contains("exponent 1.00 from 100 to 1000"),
            "{excess}"
        );
        let [base, .., large] = &costs([100.0, 1.0, 1.0, 151.0])[..] else {
            unreachable!("four costs");
        };
        assert!(large_excess(base, base).is_none());
        assert!(large_excess(base, large).is_some());
    }
}
