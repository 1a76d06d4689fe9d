//! Programs outside the workspace use each library by its path, in few lines.

use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::path::Path;
use std::process::{Command, Stdio};

/// Maximum number of lines of such a program, besides imports, comments and empty lines.
const LINES_MAX: usize = 40;

fn run(program: &str, arguments: &[&str]) -> std::process::Child {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let manifest = root.join("tests/outside/Cargo.toml");
    let target = Path::new(env!("CARGO_TARGET_TMPDIR")).join("outside");
    let mut cargo = Command::new(env!("CARGO"));
    cargo.args([
        "run",
        "--quiet",
        "--locked",
        "--bin",
        program,
        "--manifest-path",
    ]);
    cargo.arg(manifest).arg("--").args(arguments);
    // The programs need no backtraces, and are built faster without debug information.
    cargo
        .env("CARGO_TARGET_DIR", target)
        .env("CARGO_PROFILE_DEV_DEBUG", "false");
    cargo.stdout(Stdio::piped()).spawn().expect("cargo starts")
}

fn output(program: &str) -> String {
    let output = run(program, &[])
        .wait_with_output()
        .expect("the program runs");
    assert!(output.status.success(), "{program} failed");
    String::from_utf8(output.stdout).expect("text")
}

#[test]
fn outside_programs_have_few_lines() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    for file in [
        "crates/kernel/examples/lost_update.rs",
        "crates/metrics/examples/web_service.rs",
        "crates/promql/examples/own_series.rs",
        "crates/worker/examples/own_ports.rs",
    ] {
        let text = fs::read_to_string(root.join(file)).expect("the program exists");
        let counts = |line: &&str| {
            let line = line.trim();
            !line.is_empty()
                && !line.starts_with("//")
                && !line.starts_with("use ")
                && !line.starts_with("#![")
        };
        let lines = text.lines().filter(counts).count();
        assert!(
            lines < LINES_MAX,
            "{file} has {lines} lines, expected less than {LINES_MAX}"
        );
    }
}

#[test]
fn outside_simulation_finds_a_lost_update() {
    let found = output("lost_update");
    assert!(
        found.ends_with("the balance is 1, expected 2: an update was lost\n"),
        "{found}"
    );
}

#[test]
fn outside_query_selects_its_own_series() {
    let found = output("own_series");
    assert!(
        found.contains("attic") && !found.contains("cellar"),
        "{found}"
    );
}

#[test]
fn outside_worker_survives_an_outage() {
    let found = output("own_ports");
    assert!(
        found.ends_with("0 runs are active\n") && found.starts_with("Deadline"),
        "{found}"
    );
}

#[test]
fn outside_web_service_counts_its_requests() {
    let mut service = run("web_service", &["3"]);
    let mut lines = BufReader::new(service.stdout.take().expect("a pipe"));
    let mut url = String::new();
    lines.read_line(&mut url).expect("the address");
    let address = url
        .trim()
        .strip_prefix("http://")
        .expect("a URL")
        .to_owned();
    let request = |head: &str| {
        let mut stream = TcpStream::connect(&address).expect("the service listens");
        write!(stream, "{head} HTTP/1.0\r\n\r\n").expect("sent");
        let mut answer = String::new();
        stream.read_to_string(&mut answer).expect("answered");
        answer
    };
    assert!(request("GET /").contains("Hello."));
    assert!(request("POST /nothing").contains("404"));
    let exposition = request("GET /metrics");
    for labels in [
        r#"{method="GET",route="/",status="200"} 1"#,
        r#"{method="other",route="other",status="404"} 1"#,
    ] {
        let line = format!("\nhttp_requests_total{labels}\n");
        assert!(
            exposition.contains(&line),
            "{line} is missing in {exposition}"
        );
    }
    assert!(service.wait().expect("it ends").success());
}
