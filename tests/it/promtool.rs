//! Runs `promtool`, if it is installed.

use std::io::Write;
use std::process::{Command, Stdio};
use std::sync::Once;

use rehearsal::metrics::exposition::{ExpositionFormat, render};
use rehearsal::metrics::{CollectContext, Registry, SchedulerWorkerMetrics};

static TOLD: Once = Once::new();

/// Output of `promtool`. `None` if it is not installed; in CI that is a failure.
pub fn run(arguments: &[&str], input: &[u8]) -> Option<String> {
    let mut command = Command::new("promtool");
    command
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    let mut child = match command.spawn() {
        Ok(child) => child,
        Err(error) => {
            assert!(
                std::env::var_os("CI").is_none(),
                "CI needs promtool: {error}"
            );
            TOLD.call_once(|| eprintln!("skipped: there is no promtool on this machine ({error})"));
            return None;
        }
    };
    let mut stdin = child.stdin.take()?;
    stdin.write_all(input).unwrap();
    drop(stdin);
    let output = child.wait_with_output().unwrap();
    let said = [output.stdout, output.stderr].concat();
    Some(String::from_utf8(said).unwrap())
}

/// Output of `promtool check metrics` for an exposition.
pub fn check_metrics(page: &str) -> Option<String> {
    run(&["check", "metrics"], page.as_bytes())
}

#[test]
fn promtool_with_invalid_exposition_reports_errors() {
    let Some(said) = check_metrics("# TYPE reports counter\nreports 1\n") else {
        return;
    };
    assert!(
        said.contains("reports counter metrics should have \"_total\" suffix"),
        "{said}"
    );
    assert_eq!(
        check_metrics(
            "# HELP reports_total Reports.\n# TYPE reports_total counter\nreports_total 1\n"
        )
        .unwrap(),
        ""
    );
}

#[test]
fn promtool_accepts_the_exposition_of_a_new_worker() {
    let registry = Registry::new();
    let _metrics = SchedulerWorkerMetrics::new(&registry).unwrap();
    let page = render(
        ExpositionFormat::Text,
        &registry,
        &CollectContext::default(),
    );
    assert!(page.contains("otel_scope_info{otel_scope_name=\"StellaOps.Scheduler.Worker\"} 1\n"));
    if let Some(said) = check_metrics(&page) {
        assert_eq!(said, "");
    }
}
