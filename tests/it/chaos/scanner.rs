//! A Scanner that is sometimes slow and sometimes fails, and whose findings are known.
//!
//! Each image starts with one finding and gets another one now and then. So its newest committed
//! revision tells how many new findings the runs must have counted.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::thread::sleep;
use std::time::{Duration, Instant};

use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use serde_json::{Value, json};

use super::inventory::{index_of, is_refused};
use crate::scanner_stub;
use crate::stub_server::{StubResponse, serve};

/// Duration of a phase.
const PHASE: Duration = Duration::from_secs(2);

/// Behaviour of the Scanner during a phase.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum ScannerPhase {
    Healthy,
    /// One of five answers comes after a time that may be longer than the client's timeout.
    Slow,
    /// Half of the requests get status 500.
    Failing,
    /// Half of the requests get status 429, with a time to wait.
    Throttling,
}

/// Time of the Scanner's first new findings; none while it is calm.
#[derive(Clone)]
pub struct ScannerStub(Arc<Mutex<ScannerState>>);

struct ScannerState {
    random: ChaCha8Rng,
    /// Time between two new findings of an image.
    period: Duration,
    began: Option<Instant>,
    ended: Option<Duration>,
    phases: Vec<ScannerPhase>,
}

impl ScannerStub {
    /// Starts a Scanner that is healthy, and whose findings do not change yet.
    pub fn start(seed: u64, period: Duration) -> (Self, SocketAddr) {
        use ScannerPhase::{Failing, Healthy, Slow, Throttling};
        let stub = Self(Arc::new(Mutex::new(ScannerState {
            random: ChaCha8Rng::seed_from_u64(seed),
            period,
            began: None,
            ended: None,
            phases: vec![Healthy, Slow, Healthy, Failing, Throttling],
        })));
        let server = stub.clone();
        (stub, serve(move |body| server.respond(body)))
    }

    /// Begins the phases and the new findings.
    pub fn begin(&self) {
        self.0.lock().unwrap().began = Some(Instant::now());
    }

    /// Ends both.
    pub fn calm(&self) {
        let mut state = self.0.lock().unwrap();
        state.ended = state.began.map(|began| began.elapsed());
    }

    fn respond(&self, body: &str) -> StubResponse {
        let Ok(request) = serde_json::from_str::<Value>(body) else {
            return StubResponse::empty(400);
        };
        let image = request["image"].as_str().unwrap_or_default();
        let (phase, random, revision) = {
            let mut state = self.0.lock().unwrap();
            let phase = state.phase();
            let random: f64 = state.random.random();
            (phase, random, state.revision(index_of(image)))
        };
        let fails = random < 0.5;
        sleep(Duration::from_secs_f64(match phase {
            ScannerPhase::Slow if random > 0.8 => 0.2 + random,
            _ => 0.002 + random * 0.01,
        }));
        match phase {
            _ if is_refused(image) => StubResponse::empty(404),
            ScannerPhase::Failing if fails => StubResponse::empty(500),
            ScannerPhase::Throttling if fails => StubResponse {
                headers: "Retry-After: 1\r\n",
                ..StubResponse::empty(429)
            },
            _ => StubResponse {
                body: report(image, revision).to_string(),
                ..StubResponse::empty(200)
            },
        }
    }
}

impl ScannerState {
    fn phase(&self) -> ScannerPhase {
        match (self.began, self.ended) {
            (Some(began), None) => {
                let number = began.elapsed().as_millis() / PHASE.as_millis();
                self.phases[usize::try_from(number).unwrap() % self.phases.len()]
            }
            _ => ScannerPhase::Healthy,
        }
    }

    /// Revision of an image's report: 0 at first, and one more after each period.
    fn revision(&self, index: u64) -> u64 {
        let running = self.began.map(|began| began.elapsed());
        let elapsed = self.ended.or(running).unwrap_or_default();
        // Not all images change at once.
        let share = u128::from(index % 8) * self.period.as_millis() / 8;
        let periods = (elapsed.as_millis() + share) / self.period.as_millis();
        u64::try_from(periods).unwrap()
    }
}

/// Report with one finding more than the revision before.
fn report(image: &str, revision: u64) -> Value {
    let severities = ["low", "medium", "high", "critical"];
    let finding = |number: u64| {
        json!({
            "vulnerability": format!("CVE-2026-{number:06}"),
            "component": "pkg:generic/library",
            "severity": severities[usize::try_from(number % 4).unwrap()],
            "kev": number.is_multiple_of(7),
        })
    };
    let findings: Vec<Value> = (0..=revision).map(finding).collect();
    scanner_stub::report(image, revision, &findings)
}
