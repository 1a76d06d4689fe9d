//! Worker processes that are measured.

use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use crate::process::{Context, Failure, Result};

/// Clock ticks per second in `/proc`, the same on every Linux.
const TICKS: f64 = 100.0;

/// Running processes. They are killed in the end.
pub struct MeasuredFleet(Vec<MeasuredProcess>);

struct MeasuredProcess {
    child: Child,
    /// Address of its metrics.
    address: String,
}

impl MeasuredFleet {
    pub fn start(program: &Path, config: &str, processes: u32) -> Result<Self> {
        let mut fleet = Self(Vec::new());
        for number in 0..processes {
            let name = format!("name=worker-{number}");
            let mut command = Command::new(program);
            command.args(["worker", "--config", config, "--set", &name]);
            let silent = command.stdin(Stdio::null()).stderr(Stdio::null());
            let mut child = silent.stdout(Stdio::piped()).spawn().context("rehearsal")?;
            let (stdout, mut line) = (child.stdout.take(), String::new());
            if let Some(stdout) = stdout {
                BufReader::new(stdout)
                    .read_line(&mut line)
                    .context("its output")?;
            }
            let address = line.trim().strip_prefix("http://").map(str::to_owned);
            let address = address.and_then(|url| url.strip_suffix("/metrics").map(str::to_owned));
            let address = address.unwrap_or_default();
            fleet.0.push(MeasuredProcess { child, address });
        }
        Ok(fleet)
    }

    /// Sum of an instrument's samples with this label over all processes; all with an empty one.
    pub fn sum(&self, instrument: &str, label: &str) -> Result<f64> {
        let mut sum = 0.0;
        for process in &self.0 {
            let page = process.page().context("a metrics page")?;
            let samples = page
                .lines()
                .filter_map(|line| line.strip_prefix(instrument));
            let samples = samples.filter(|line| line.starts_with('{') && line.contains(label));
            let values = samples.filter_map(|line| line.rsplit(' ').next()?.parse::<f64>().ok());
            sum += values.sum::<f64>();
        }
        Ok(sum)
    }

    /// Processor time of all processes.
    pub fn cpu(&self) -> Result<Duration> {
        let times = self.0.iter().map(|process| cpu_of(process.child.id()));
        times.sum()
    }
}

impl MeasuredProcess {
    fn page(&self) -> std::io::Result<String> {
        let mut connection = TcpStream::connect(&self.address)?;
        write!(
            connection,
            "GET /metrics HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"
        )?;
        let mut page = String::new();
        connection.read_to_string(&mut page)?;
        Ok(page)
    }
}

impl Drop for MeasuredFleet {
    fn drop(&mut self) {
        for process in &mut self.0 {
            let _ = process.child.kill();
            let _ = process.child.wait();
        }
    }
}

/// Processor time of a process in user and kernel mode.
fn cpu_of(process: u32) -> Result<Duration> {
    let path = format!("/proc/{process}/stat");
    let text = fs::read_to_string(&path).context(&path)?;
    // The name before may have spaces.
    let fields = text
        .rsplit(')')
        .next()
        .unwrap_or_default()
        .split_whitespace();
    let ticks: Vec<f64> = fields
        .skip(11)
        .take(2)
        .filter_map(|field| field.parse().ok())
        .collect();
    match ticks[..] {
        [user, kernel] => Ok(Duration::from_secs_f64((user + kernel) / TICKS)),
        _ => Err(Failure::new(format!("{path}: no processor times"))),
    }
}
