//! Checked-in instruction counts of the benchmarks.
//!
//! ```text
//!  machine  rustc 1.95.0 x86_64-unknown-linux-gnu, glibc 2.36, valgrind-3.19.0, avx2 bmi2 ...
//!  bench    counter-record  11.00
//!  fn       8.00            rehearsal_metrics::counter::Counter::increment
//! ```
//!
//! Fields are separated by tabs. A machine's counts hold for its toolchain, C library, Valgrind and
//! vector instructions only.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;
use std::path::Path;
use std::process::Command;

use crate::callgrind::Count;
use crate::process::{Context, Failure, Result, output};

/// Counts by benchmark.
pub type Counts = BTreeMap<String, Count>;

/// Counts by machine and benchmark.
pub type CountBaseline = BTreeMap<String, Counts>;

/// Share of a benchmark's instructions from which on a function is kept.
const SHARE_KEPT: f64 = 0.005;

/// Processor features that select other code: `rand_chacha`, and the C library.
const FEATURES: [&str; 6] = ["avx", "avx2", "bmi2", "erms", "sse4_2", "ssse3"];

/// Names everything outside the repository that decides the counts.
pub fn machine() -> Result<String> {
    let rustc = output(Command::new("rustc").arg("-vV"))?;
    let field = |name: &str| {
        let mut lines = rustc.lines();
        let found = lines.find_map(|line| line.strip_prefix(name));
        found.unwrap_or("unknown").to_owned()
    };
    let libc = output(Command::new("getconf").arg("GNU_LIBC_VERSION"));
    let valgrind = output(Command::new("valgrind").arg("--version"))
        .map_err(|failure| Failure::new(format!("{failure}\n.ci/install installs valgrind")))?;
    let cpu = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let flags = cpu
        .lines()
        .find(|line| line.starts_with("flags"))
        .unwrap_or_default();
    let has = |feature: &&str| flags.split_whitespace().any(|flag| flag == *feature);
    let features: Vec<&str> = FEATURES.into_iter().filter(has).collect();
    Ok(format!(
        "rustc {} ({}) {}, {}, {valgrind}, {}",
        field("release: "),
        field("commit-hash: ").get(..9).unwrap_or("unknown"),
        field("host: "),
        libc.unwrap_or_else(|_| "another libc".into()),
        features.join(" ")
    ))
}

/// Reads a baseline's text.
pub fn parse(text: &str) -> Result<CountBaseline> {
    let mut baseline = CountBaseline::new();
    let (mut machine, mut benchmark) = (None, None);
    for (index, line) in text.lines().enumerate() {
        let wrong = || Failure::new(format!("line {} of the baseline is no entry", index + 1));
        let fields: Vec<&str> = line.split('\t').collect();
        match fields[..] {
            ["machine", name] => machine = Some(baseline.entry(name.to_owned()).or_default()),
            ["bench", name, per_unit] => {
                let counts = machine.as_mut().ok_or_else(wrong)?;
                let count: &mut Count = counts.entry(name.to_owned()).or_default();
                count.per_unit = per_unit.parse().map_err(|_| wrong())?;
                benchmark = Some(name.to_owned());
            }
            ["fn", cost, name] => {
                let counts = machine.as_mut().ok_or_else(wrong)?;
                let count = benchmark.as_ref().and_then(|name| counts.get_mut(name));
                let cost = cost.parse().map_err(|_| wrong())?;
                let functions = &mut count.ok_or_else(wrong)?.functions;
                functions.insert(name.to_owned(), cost);
            }
            _ => return Err(wrong()),
        }
    }
    Ok(baseline)
}

/// Reads a baseline file; a file that does not exist is an empty baseline.
pub fn read(path: &Path) -> Result<CountBaseline> {
    match path.exists() {
        true => parse(&fs::read_to_string(path).context(path.display())?).context(path.display()),
        false => Ok(CountBaseline::new()),
    }
}

/// Text of a baseline. Functions that matter little are left out.
pub fn text(baseline: &CountBaseline) -> String {
    let mut text = String::new();
    for (machine, counts) in baseline {
        let _ = writeln!(text, "machine\t{machine}");
        for (benchmark, count) in counts {
            let _ = writeln!(text, "bench\t{benchmark}\t{:.2}", count.per_unit);
            let functions = count.functions.iter();
            let kept = functions.filter(|(_, cost)| **cost >= SHARE_KEPT * count.per_unit);
            let mut kept: Vec<_> = kept.collect();
            kept.sort_by(|a, b| b.1.total_cmp(a.1).then(a.0.cmp(b.0)));
            for (function, cost) in kept {
                let _ = writeln!(text, "fn\t{cost:.2}\t{function}");
            }
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn baseline_after_writing_reads_back() {
        let count = Count {
            per_unit: 1_000.0,
            functions: BTreeMap::from([("run".into(), 999.0), ("rare".into(), 1.0)]),
        };
        let counts = Counts::from([("event".to_owned(), count)]);
        let baseline = CountBaseline::from([("here".to_owned(), counts)]);
        let text = text(&baseline);
        assert_eq!(
            text,
            "machine\there\nbench\tevent\t1000.00\nfn\t999.00\trun\n"
        );
        let read = parse(&text).unwrap();
        assert_eq!(
            read["here"]["event"].functions,
            BTreeMap::from([("run".into(), 999.0)])
        );
    }

    #[test]
    fn baseline_with_a_benchmark_of_no_machine_is_refused() {
        let failure = parse("bench\tevent\t3\n").unwrap_err().to_string();
        assert_eq!(failure, "line 1 of the baseline is no entry");
    }
}
