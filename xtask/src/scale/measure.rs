//! Instructions and peak memory of one run of the program.

use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};
use std::thread;
use std::time::Duration;

use crate::callgrind::callgrind;
use crate::process::{Context, Failure, Result, output};

/// Interval between two looks at the memory of a running program.
const LOOK_INTERVAL: Duration = Duration::from_millis(20);

/// Writes a file.
pub fn write(path: &Path, text: &str) -> Result<()> {
    fs::write(path, text).context(path.display())
}

/// Counts the instructions of a scenario's run with Callgrind. Returns the output, too.
pub fn instructions(program: &Path, scenario: &Path) -> Result<(f64, String)> {
    let counts = scenario.with_extension("callgrind");
    let printed = output(callgrind(&counts).arg(program).arg("run").arg(scenario))?;
    let dump = fs::read_to_string(&counts).context(counts.display())?;
    let total = dump.lines().find_map(|line| line.strip_prefix("totals: "));
    let total = total.ok_or_else(|| Failure::new("Callgrind counted nothing"))?;
    Ok((total.parse().context(total)?, printed))
}

/// Runs a scenario and returns the peak of the program's resident memory, and the output.
pub fn peak_bytes(program: &Path, scenario: &Path) -> Result<(f64, String)> {
    let path = scenario.with_extension("txt");
    let file = fs::File::create(&path).context(path.display())?;
    let mut child = Command::new(program)
        .arg("run")
        .arg(scenario)
        .env_clear()
        .stdin(Stdio::null())
        .stdout(file)
        .spawn()
        .context(program.display())?;
    let status = format!("/proc/{}/status", child.id());
    let mut peak = 0.0_f64;
    let exit = loop {
        // The file has no memory any more once the program has ended.
        if let Some(found) = fs::read_to_string(&status)
            .ok()
            .as_deref()
            .and_then(high_water_mark)
        {
            peak = peak.max(found);
        }
        match child.try_wait().context(program.display())? {
            Some(exit) => break exit,
            None => thread::sleep(LOOK_INTERVAL),
        }
    };
    let printed = fs::read_to_string(&path).context(path.display())?;
    match exit.success() {
        true => Ok((peak, printed)),
        false => Err(Failure::new(format!("{exit}\n{printed}"))),
    }
}

/// Peak of the resident memory in a process's status, bytes.
fn high_water_mark(status: &str) -> Option<f64> {
    let line = status
        .lines()
        .find_map(|line| line.strip_prefix("VmHWM:"))?;
    let kibibytes: f64 = line.trim().strip_suffix(" kB")?.trim().parse().ok()?;
    Some(kibibytes * 1024.0)
}

/// Scanned images in the program's output.
pub fn scans(output: &str) -> Result<f64> {
    let line = output.lines().find(|line| line.starts_with("images "));
    let scans = line.and_then(|line| line.split_whitespace().nth(1));
    let scans = scans.ok_or_else(|| Failure::new("the output has no number of images"))?;
    scans.replace(',', "").parse().context(scans)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures_are_read_from_status_and_output() {
        assert_eq!(
            high_water_mark("Name:\tx\nVmHWM:\t    2 kB\n"),
            Some(2048.0)
        );
        assert_eq!(high_water_mark("Name:\tx\n"), None);
        let output = "runs  3\nimages            1,260,749 scanned   0 failed\n";
        assert_eq!(scans(output).unwrap(), 1_260_749.0);
        assert!(scans("").is_err());
    }
}
