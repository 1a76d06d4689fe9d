//! Three worker processes, each with disturbances of its own.
//!
//! ```text
//!   Starting --> Up --disturbance--> Paused, Starved --> Up
//!                 |                 Stopping --> Down --> Starting
//!                 +-----------------------------> Down
//! ```

use std::fs;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::thread::sleep;
use std::time::{Duration, Instant};

use rand::seq::SliceRandom;
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

use super::incarnation::{ACTIVE, End, EndedIncarnation, Incarnation};
use super::inventory::Installation;
use super::journal::Journal;
use crate::program::signal;

/// Number of processes.
const PROCESSES: usize = 3;

/// Maximum time for a stop, and for the start of a process that nothing disturbs.
const PATIENCE: Duration = Duration::from_secs(60);

/// Minimum number that the option takes.
const MAX_BYTES_MIN: u64 = 1 << 20;

/// Disturbance of a process.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Disturbance {
    /// SIGKILL.
    Kill,
    /// SIGSTOP for longer than a lease, then SIGCONT.
    Pause,
    /// SIGTERM.
    Terminate,
    /// A store that may not grow, from the next start to a SIGKILL.
    FullStore,
    /// A limit of the size of files, so that writes fail in the middle of a commit.
    SizeLimit,
}

impl Disturbance {
    pub const ALL: [Self; 5] = [
        Self::Kill,
        Self::Pause,
        Self::Terminate,
        Self::FullStore,
        Self::SizeLimit,
    ];
}

/// State of a process until an instant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum SlotState {
    Starting,
    Up,
    Paused,
    Starved,
    Stopping,
    Down,
}

/// One name, under which incarnations follow each other.
struct WorkerSlot {
    name: String,
    random: ChaCha8Rng,
    state: SlotState,
    until: Instant,
    incarnation: Option<Incarnation>,
    starts: u32,
    /// Disturbances in the order in which they come, again and again.
    deck: Vec<Disturbance>,
    is_store_full: bool,
}

/// All processes, and what is left of those that ended.
pub struct Fleet<'a> {
    installation: &'a Installation,
    slots: Vec<WorkerSlot>,
    ended: Vec<EndedIncarnation>,
    suffered: Vec<Disturbance>,
    /// Addresses of the webhooks of running processes, for the load.
    pub webhooks: Arc<Mutex<Vec<SocketAddr>>>,
}

impl<'a> Fleet<'a> {
    /// Starts all processes. The seed determines what each of them suffers, and when.
    pub fn start(installation: &'a Installation, seed: u64) -> Self {
        let mut kinds = Disturbance::ALL;
        kinds.shuffle(&mut ChaCha8Rng::seed_from_u64(seed));
        let slot = |number: usize| {
            let mut deck = kinds.to_vec();
            deck.rotate_left(2 * number % kinds.len());
            WorkerSlot {
                name: format!("chaos-{number}"),
                random: ChaCha8Rng::seed_from_u64(seed + 1 + number as u64),
                state: SlotState::Down,
                until: Instant::now(),
                incarnation: None,
                starts: 0,
                deck,
                is_store_full: false,
            }
        };
        let mut fleet = Self {
            installation,
            slots: (0..PROCESSES).map(slot).collect(),
            ended: Vec::new(),
            suffered: Vec::new(),
            webhooks: Arc::default(),
        };
        fleet.await_all_up();
        fleet
    }

    /// Scrapes all processes, and disturbs those whose time has come.
    pub fn step(&mut self) {
        for number in 0..self.slots.len() {
            self.observe(number);
            if Instant::now() >= self.slots[number].until {
                self.advance(number);
            }
        }
        self.list_webhooks();
    }

    /// Ends all disturbances, and waits until all processes run.
    pub fn calm(&mut self) {
        for number in 0..self.slots.len() {
            if self.slots[number].is_store_full {
                self.kill(number);
            }
            let is_disturbed = [SlotState::Paused, SlotState::Starved];
            if is_disturbed.contains(&self.slots[number].state) {
                self.advance(number);
            }
        }
        self.await_all_up();
    }

    fn await_all_up(&mut self) {
        let began = Instant::now();
        while self.slots.iter().any(|slot| slot.state != SlotState::Up) {
            for number in 0..self.slots.len() {
                self.observe(number);
                if self.slots[number].state == SlotState::Down {
                    self.advance(number);
                }
            }
            assert!(
                began.elapsed() < PATIENCE,
                "a worker does not start or stop"
            );
            sleep(Duration::from_millis(20));
        }
        self.list_webhooks();
    }

    fn list_webhooks(&self) {
        let running = self.slots.iter().filter(|slot| slot.state == SlotState::Up);
        let addresses = running.filter_map(|slot| Some(slot.incarnation.as_ref()?.addresses?[1]));
        *self.webhooks.lock().unwrap() = addresses.collect();
    }

    /// Scrapes a process that runs, and notes its start and its end.
    fn observe(&mut self, number: usize) {
        let slot = &mut self.slots[number];
        let Some(incarnation) = &mut slot.incarnation else {
            return;
        };
        match slot.state {
            SlotState::Starting if incarnation.is_started() => {
                slot.state = SlotState::Up;
                slot.until = Instant::now() + slot.draw(0.4, 2.5);
            }
            SlotState::Up | SlotState::Starved | SlotState::Stopping => incarnation.scrape(),
            SlotState::Starting | SlotState::Paused | SlotState::Down => {}
        }
        self.note_exit(number);
    }

    fn note_exit(&mut self, number: usize) {
        let slot = &mut self.slots[number];
        let exited = slot.incarnation.as_mut().and_then(Incarnation::exit_status);
        let (Some(status), Some(incarnation)) = (exited, &slot.incarnation) else {
            return;
        };
        let log = incarnation.log_text();
        let name = &slot.name;
        let end = match slot.state {
            SlotState::Stopping => {
                assert!(
                    status.success(),
                    "{name} ended with {status} after SIGTERM, expected code 0:\n{log}"
                );
                End::Stopped
            }
            // A supervisor restarts a process that can't open its store.
            SlotState::Starting if log.contains("database is locked") => End::Killed,
            state => panic!("{name} ended by itself with {status} while {state:?}:\n{log}"),
        };
        self.down(number, end);
    }

    /// Accounts for a process that has ended.
    fn down(&mut self, number: usize, end: End) {
        let slot = &mut self.slots[number];
        if let Some(incarnation) = slot.incarnation.take() {
            let log = incarnation.log_text();
            assert!(!log.contains("panicked"), "{} panicked:\n{log}", slot.name);
            self.ended.push(incarnation.ended(end));
        }
        slot.state = SlotState::Down;
        slot.until = Instant::now() + slot.draw(0.0, 1.0);
    }

    fn kill(&mut self, number: usize) {
        if let Some(incarnation) = &mut self.slots[number].incarnation {
            incarnation.kill();
        }
        self.slots[number].is_store_full = false;
        self.down(number, End::Killed);
    }

    /// Moves a process to its next state.
    fn advance(&mut self, number: usize) {
        match self.slots[number].state {
            SlotState::Down => self.restart(number),
            SlotState::Up if self.slots[number].is_store_full => self.kill(number),
            SlotState::Up => {
                let slot = &mut self.slots[number];
                let next = slot.deck[0];
                slot.deck.rotate_left(1);
                self.suffered.push(next);
                self.disturb(number, next);
            }
            SlotState::Paused => {
                let slot = &mut self.slots[number];
                slot.signal("CONT");
                slot.resume();
            }
            SlotState::Starved => {
                let slot = &mut self.slots[number];
                if let Some(incarnation) = &slot.incarnation {
                    assert!(incarnation.limit_files("unlimited"), "the limit stays");
                }
                slot.resume();
            }
            SlotState::Starting | SlotState::Stopping => {}
        }
    }

    fn restart(&mut self, number: usize) {
        let slot = &mut self.slots[number];
        slot.starts += 1;
        let size = fs::metadata(&self.installation.store).map_or(0, |file| file.len());
        let limit = slot.is_store_full.then(|| size.max(MAX_BYTES_MIN));
        let started = Incarnation::start(self.installation, &slot.name, slot.starts, limit);
        slot.incarnation = Some(started);
        slot.state = SlotState::Starting;
    }

    /// Disturbs a process, in half of the cases just after a write to the store has begun.
    fn disturb(&mut self, number: usize, disturbance: Disturbance) {
        if self.slots[number].random.random() {
            await_write(self.installation);
        }
        match disturbance {
            Disturbance::Kill => self.kill(number),
            Disturbance::FullStore => {
                self.kill(number);
                self.slots[number].is_store_full = true;
            }
            Disturbance::Terminate => {
                let slot = &mut self.slots[number];
                slot.signal("TERM");
                slot.state = SlotState::Stopping;
            }
            Disturbance::Pause => {
                let slot = &mut self.slots[number];
                slot.signal("STOP");
                slot.suffer(SlotState::Paused, 3.2, 5.5);
            }
            Disturbance::SizeLimit => {
                let slot = &mut self.slots[number];
                let incarnation = slot.incarnation.as_ref();
                // Without the tool, the process is left alone.
                if incarnation.is_some_and(|incarnation| incarnation.limit_files("65536")) {
                    slot.suffer(SlotState::Starved, 0.5, 2.0);
                } else {
                    slot.resume();
                }
            }
        }
    }

    /// Whether each kind of disturbance has occurred.
    pub fn has_suffered_all(&self) -> bool {
        let mut kinds = Disturbance::ALL.iter();
        kinds.all(|kind| self.suffered.contains(kind))
    }

    /// Whether the running processes count the active runs as the store does. They adopt the
    /// counts of those that have ended, and learn of it with a heartbeat.
    pub fn agrees_on_active_runs(&mut self, journal: &Journal) -> bool {
        let mut active = journal.active.clone();
        let running = self
            .slots
            .iter_mut()
            .filter_map(|slot| slot.incarnation.as_mut());
        running.fold(true, |agrees, incarnation| {
            incarnation.scrape();
            let id = incarnation.incarnation().unwrap_or_default();
            let last = incarnation.last.as_ref();
            let shown = last.map(|last| last.sum(ACTIVE, ""));
            agrees && shown == Some(active.remove(&id).unwrap_or_default())
        }) && active.is_empty()
    }

    /// Scrapes all processes once more and stops them, when nothing is left to do.
    pub fn stop(mut self) -> (Vec<EndedIncarnation>, Vec<Disturbance>) {
        for number in 0..self.slots.len() {
            let slot = &mut self.slots[number];
            if let Some(incarnation) = &mut slot.incarnation {
                incarnation.scrape();
                incarnation.slack = Duration::ZERO;
            }
            slot.signal("TERM");
            slot.state = SlotState::Stopping;
        }
        let began = Instant::now();
        while self.slots.iter().any(|slot| slot.incarnation.is_some()) {
            assert!(began.elapsed() < PATIENCE, "a worker does not stop");
            (0..self.slots.len()).for_each(|number| self.note_exit(number));
            sleep(Duration::from_millis(20));
        }
        let last = self.ended.len() - PROCESSES;
        for incarnation in &mut self.ended[last..] {
            incarnation.end = End::AtRest;
        }
        (self.ended, self.suffered)
    }
}

impl WorkerSlot {
    fn draw(&mut self, from: f64, to: f64) -> Duration {
        Duration::from_secs_f64(self.random.random_range(from..to))
    }

    fn signal(&self, name: &str) {
        if let Some(incarnation) = &self.incarnation {
            signal(name, incarnation.id());
        }
    }

    /// Leaves the process disturbed for a while, in which commits may stay without an answer.
    fn suffer(&mut self, state: SlotState, from: f64, to: f64) {
        let time = self.draw(from, to);
        if let Some(incarnation) = &mut self.incarnation {
            incarnation.slack = incarnation.slack.max(time + Duration::from_secs(4));
        }
        self.state = state;
        self.until = Instant::now() + time;
    }

    fn resume(&mut self) {
        self.state = SlotState::Up;
        self.until = Instant::now() + self.draw(0.4, 2.5);
    }
}

/// Waits until a write to the store begins, but briefly.
fn await_write(installation: &Installation) {
    let log = installation.store.with_extension("db-wal");
    let modified = || fs::metadata(&log).and_then(|file| file.modified()).ok();
    let (before, began) = (modified(), Instant::now());
    while modified() == before && began.elapsed() < Duration::from_millis(300) {
        sleep(Duration::from_micros(50));
    }
}
