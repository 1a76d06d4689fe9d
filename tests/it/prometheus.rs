//! A real Prometheus server, if it is installed.

use std::fs;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::Duration;

use serde_json::Value as Json;

use crate::program::scratch;

/// Prometheus server, stopped on drop.
pub struct Prometheus {
    child: Child,
    address: SocketAddr,
    directory: PathBuf,
}

impl Prometheus {
    /// Starts a server that scrapes one target every second.
    pub fn start(name: &str, target: SocketAddr) -> Option<Self> {
        let text = format!(
            "global: {{ scrape_interval: 1s, scrape_timeout: 1s }}\n\
             scrape_configs:\n- job_name: scheduler-worker\n  \
             static_configs:\n  - targets: ['{target}']\n"
        );
        Self::configured(name, &text)
    }

    /// Starts a server with this configuration. `None` if Prometheus is not installed; in CI that
    /// is a failure.
    pub fn configured(name: &str, config_text: &str) -> Option<Self> {
        Self::launch(scratch(name), config_text, &[])
    }

    /// Starts a server without scrape targets over the blocks in the directory `data`. Blocks of at
    /// most this many hours are left unchanged.
    pub fn over(directory: &Path, block_hours: i64) -> Option<Self> {
        let block = format!("--storage.tsdb.max-block-duration={block_hours}h");
        Self::launch(directory.to_owned(), "global: {}\n", &[&block])
    }

    fn launch(directory: PathBuf, config_text: &str, flags: &[&str]) -> Option<Self> {
        let config = directory.join("prometheus.yml");
        fs::write(&config, config_text).unwrap();
        let port = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = port.local_addr().unwrap();
        drop(port);
        let started = Command::new("prometheus")
            .arg(format!("--config.file={}", config.display()))
            .arg(format!(
                "--storage.tsdb.path={}",
                directory.join("data").display()
            ))
            .arg("--storage.tsdb.retention.time=100y")
            .arg(format!("--web.listen-address={address}"))
            .args(flags)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn();
        match started {
            Ok(child) => Some(Self {
                child,
                address,
                directory,
            }),
            Err(error) => {
                assert!(
                    std::env::var_os("CI").is_none(),
                    "CI needs prometheus: {error}"
                );
                eprintln!("skipped: there is no prometheus on this machine ({error})");
                None
            }
        }
    }

    /// Result of an instant query; `None` until there is one.
    pub fn query(&self, query: &str) -> Option<Vec<Json>> {
        let data = self.get(&format!("query?query={}", escaped(query)))?;
        data["result"].as_array().cloned()
    }

    /// Every rule with its health and its state; none until the server answers.
    pub fn rules(&self) -> Vec<Json> {
        let data = self.get("rules").unwrap_or_default();
        let groups = data["groups"].as_array().cloned().unwrap_or_default();
        let rules = groups.iter().filter_map(|group| group["rules"].as_array());
        rules.flatten().cloned().collect()
    }

    /// Result of a range query, after the server is ready.
    pub fn range(&self, query: &str, from_ms: i64, to_ms: i64, step_ms: i64) -> Vec<Json> {
        let data = self.range_data(query, from_ms, to_ms, step_ms);
        data["result"].as_array().unwrap().clone()
    }

    /// Evaluation time of a range query by the server's statistics, without parsing and JSON.
    pub fn range_seconds(&self, query: &str, from_ms: i64, to_ms: i64, step_ms: i64) -> f64 {
        let data = self.range_data(query, from_ms, to_ms, step_ms);
        data["stats"]["timings"]["execTotalTime"].as_f64().unwrap()
    }

    fn range_data(&self, query: &str, from_ms: i64, to_ms: i64, step_ms: i64) -> Json {
        let seconds = |ms: i64| format!("{}.{:03}", ms / 1_000, ms % 1_000);
        let (from, to, step) = (seconds(from_ms), seconds(to_ms), seconds(step_ms));
        let query = escaped(query);
        let path =
            format!("query_range?query={query}&start={from}&end={to}&step={step}&stats=true");
        for _ in 0..600 {
            if let Some(data) = self.get(&path) {
                return data;
            }
            thread::sleep(Duration::from_millis(100));
        }
        panic!("the server does not answer {path}");
    }

    /// Data of an API response; `None` until there is one.
    fn get(&self, path: &str) -> Option<Json> {
        let mut stream = TcpStream::connect(self.address).ok()?;
        let request = format!("GET /api/v1/{path} HTTP/1.0\r\n\r\n");
        stream.write_all(request.as_bytes()).ok()?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer).ok()?;
        let (_, body) = answer.split_once("\r\n\r\n")?;
        let mut body: Json = serde_json::from_str(body).ok()?;
        body.get_mut("data").map(Json::take)
    }
}

/// Percent-encodes a string for a URL.
fn escaped(text: &str) -> String {
    let byte = |byte: u8| match byte {
        b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'_' | b'-' | b'.' => {
            char::from(byte).to_string()
        }
        _ => format!("%{byte:02X}"),
    };
    text.bytes().map(byte).collect()
}

impl Drop for Prometheus {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
        let _ = fs::remove_dir_all(&self.directory);
    }
}
