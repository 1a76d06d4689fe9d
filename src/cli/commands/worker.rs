//! `rehearsal worker`

use std::io::{IsTerminal, stderr};
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use clap::Args;
use rehearsal::service::config::{LogChoice, Secrets, ServiceConfig};
use rehearsal::service::demo::{demo_options, run_demo};
use rehearsal::service::log::{self, LogFormat};
use rehearsal::service::{StartError, WorkerProcess, run_local};
use rehearsal::worker::Role;
use tokio::time::sleep;

use crate::cli::config::{ConfigArgs, parse_role};
use crate::cli::error::CliError;
use crate::cli::{output, signals};

/// Delay between two looks at the signals.
const SIGNAL_INTERVAL: Duration = Duration::from_millis(50);

#[derive(Args)]
pub struct WorkerArgs {
    #[command(flatten)]
    config: ConfigArgs,
    /// Part of the pipeline to serve: trigger, planner, dispatcher, runner, relay or sweeper; may
    /// be repeated. Default: as configured, or all
    #[arg(long = "role", value_name = "ROLE", value_parser = parse_role)]
    roles: Vec<Role>,
    /// Demonstration without any server: a made-up inventory, a Scanner on this machine, and
    /// schedules that fire every minute
    #[arg(long)]
    demo: bool,
    /// SQLite file of the demonstration, which stays. Default: a temporary one
    #[arg(long, value_name = "FILE", requires = "demo")]
    store: Option<PathBuf>,
}

/// Runs a worker process until a signal.
pub fn main(arguments: &WorkerArgs) -> Result<u8, CliError> {
    // Dropped at the end, with the file of a demonstration.
    let directory = match (arguments.demo, &arguments.store) {
        (true, None) => Some(tempfile::tempdir().map_err(CliError::io)?),
        _ => None,
    };
    let mut defaults = ServiceConfig::default();
    if arguments.demo {
        defaults.worker = demo_options();
        defaults.http.listen.set_port(0);
    }
    let temporary = directory
        .as_ref()
        .map(|directory| directory.path().join("scheduler.db"));
    if let Some(file) = arguments.store.clone().or(temporary) {
        defaults.store.file = file;
    }
    let mut config = arguments.config.read(defaults, &arguments.roles)?;
    if arguments.demo {
        // The Scanner of the demonstration gets its address when it starts.
        config.scanner.url.get_or_insert_default();
    }
    let invalid = config.invalid_values();
    if !invalid.is_empty() {
        let lines = invalid
            .iter()
            .map(|(key, reason)| format!("{key}: {reason}"));
        return Err(CliError::usage(lines.collect::<Vec<_>>().join("\n")));
    }
    let secrets = Secrets::read(&config, |name| std::env::var(name).ok());
    let secrets = secrets.map_err(CliError::usage)?;
    install_log(&config);
    let is_stopping = signals::defer();
    let work = async {
        let stop = stopped(is_stopping);
        if arguments.demo {
            return run_demo(config, &secrets, stop, announce).await;
        }
        let process = WorkerProcess::open(config, &secrets).await?;
        announce(&process);
        process.run(stop, async |_| {}).await
    };
    let ended = run_local(work).map_err(CliError::io)?;
    ended.map_err(|error| match error {
        StartError::Service(_) | StartError::Listen { .. } => CliError::io(error),
        _ => CliError::usage(error),
    })?;
    Ok(0)
}

/// Prints where the process listens.
fn announce(process: &WorkerProcess) {
    if let Ok(address) = process.metrics_address() {
        // A failure to print is no reason not to work.
        let _ = output::print_text(&format!("http://{address}/metrics\n"));
    }
    if let Ok(Some(address)) = process.webhook_address() {
        let _ = output::print_text(&format!("http://{address}/events/conselier-export\n"));
    }
}

fn install_log(config: &ServiceConfig) {
    let no_color = std::env::var("NO_COLOR").ok();
    let is_terminal = match config.log.format {
        LogChoice::Auto => stderr().is_terminal(),
        LogChoice::Text => true,
        LogChoice::Json => false,
    };
    let mut format = LogFormat::for_stream(is_terminal, no_color.as_deref());
    if let LogFormat::Text { is_coloured } = &mut format {
        *is_coloured &= stderr().is_terminal();
    }
    log::install(format, config.log.level.filter());
}

/// Waits for the first signal. The second one ends the program at once.
async fn stopped(is_stopping: &AtomicBool) {
    while !is_stopping.load(Ordering::SeqCst) {
        sleep(SIGNAL_INTERVAL).await;
    }
}
