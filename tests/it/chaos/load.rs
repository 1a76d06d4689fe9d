//! Load: runs that operators start and cancel, and exports, all repeated now and then.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::sleep;
use std::time::Duration;

use rand::seq::IndexedRandom;
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use rehearsal::service::webhook::SigningKeys;
use serde_json::{Value, json};

use super::inventory::{EVENT_KEY, Installation, SUBSCRIPTIONS, TENANTS};
use super::journal::unfinished_runs;
use crate::stub_server::send;

/// Maximum number of unfinished runs to which the load adds another one.
const UNFINISHED_MAX: i64 = 40;

/// Runs that were accepted, and those that were asked for.
#[derive(Default)]
pub struct Accepted {
    /// Identifiers of started runs.
    pub runs: Vec<String>,
    /// Identifiers of the runs that each accepted export must have.
    pub export_runs: Vec<String>,
    /// Identifiers of all runs that were asked for, whether accepted or not.
    pub asked: Vec<String>,
}

/// Source of load.
pub struct Load<'a> {
    pub installation: &'a Installation,
    pub webhooks: Arc<Mutex<Vec<SocketAddr>>>,
    pub seed: u64,
}

impl Load<'_> {
    /// Asks for runs until `is_over`.
    pub fn run(&self, is_over: &AtomicBool) -> Accepted {
        let mut random = ChaCha8Rng::seed_from_u64(self.seed);
        let mut accepted = Accepted::default();
        for number in 0.. {
            if is_over.load(Ordering::Relaxed) {
                break;
            }
            if unfinished_runs(&self.installation.store) < UNFINISHED_MAX {
                match random.random_range(0..10) {
                    0..5 => self.start_run(number, &mut random, &mut accepted),
                    5..9 => self.publish(number, &mut random, &mut accepted),
                    _ => self.cancel_run(&mut random, &accepted),
                }
            }
            sleep(Duration::from_millis(random.random_range(20..100)));
        }
        accepted
    }

    /// Starts a run, sometimes by two equal commands.
    fn start_run(&self, number: u64, random: &mut ChaCha8Rng, accepted: &mut Accepted) {
        let (tenant, _, schedule) = SUBSCRIPTIONS.choose(random).unwrap();
        let occurrence = number.to_string();
        let id = format!("run:{tenant}:{schedule}:manual:{occurrence}");
        accepted.asked.push(id.clone());
        let arguments = ["runs", "start", schedule, "--occurrence", &occurrence];
        let repeats = random.random_range(1..=2);
        let started = (0..repeats).filter(|_| self.installation.admin(&arguments).is_ok());
        if started.count() > 0 {
            accepted.runs.push(id);
        }
    }

    fn cancel_run(&self, random: &mut ChaCha8Rng, accepted: &Accepted) {
        let from = accepted.runs.len().saturating_sub(4);
        if let Some(run) = accepted.runs[from..].choose(random) {
            // It may be over already.
            let _ = self.installation.admin(&["runs", "cancel", run]);
        }
    }

    /// Publishes an export in one of the two forms, sometimes twice.
    fn publish(&self, number: u64, random: &mut ChaCha8Rng, accepted: &mut Accepted) {
        let tenant = TENANTS.choose(random).unwrap();
        let kind = ["conselier", "excitor"].choose(random).unwrap();
        let id = format!("export-{number}");
        let body = json!({
            "exportId": id,
            "tenant": tenant,
            "changedProductKeys": [format!("pkg:generic/product-{}", number % 4)],
            "changedClaims": [{"productKey": format!("pkg:generic/product-{}", number % 4)}],
        });
        let runs = SUBSCRIPTIONS
            .iter()
            .filter(|(owner, trigger, _)| (owner, trigger) == (tenant, kind));
        let runs = runs.map(|(_, _, schedule)| format!("run:{tenant}:{schedule}:{kind}:{id}"));
        let runs: Vec<String> = runs.collect();
        accepted.asked.extend(runs.iter().cloned());
        let repeats = random.random_range(1..=2);
        let published = (0..repeats).filter(|_| self.post(kind, &body, random));
        if published.count() > 0 {
            accepted.export_runs.extend(runs);
        }
    }

    /// Posts an export to a process that listens, and returns whether it was accepted.
    fn post(&self, kind: &str, body: &Value, random: &mut ChaCha8Rng) -> bool {
        let body = body.to_string();
        let keys = SigningKeys::new([EVENT_KEY.as_bytes().to_vec()]);
        let Some(address) = self.webhooks.lock().unwrap().choose(random).copied() else {
            return false;
        };
        let headers = keys.sign("message", body.as_bytes()).into_iter().flatten();
        let headers = headers.map(|(name, value)| format!("{name}: {value}\r\n"));
        let head = format!(
            "POST /events/{kind}-export HTTP/1.1\r\n{}",
            headers.collect::<String>()
        );
        send(address, &head, &body).is_ok_and(|(status, _)| (200..300).contains(&status))
    }
}
