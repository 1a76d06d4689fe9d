//! Health of a process: why it is not ready, if it is not.
//!
//! The adapters report each answer, and the endpoint only reads. So a probe costs no call to a
//! service, and a service that hangs does not make the probe hang.

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::time::Duration;

use tokio::time::Instant;

/// Time without an answer of the store after which a process is not ready.
pub const STORE_TIMEOUT: Duration = Duration::from_secs(10);

/// Health of one process. Clones share it.
#[derive(Debug, Clone, Default)]
pub struct Health(Rc<HealthState>);

#[derive(Debug, Default)]
struct HealthState {
    store_answered_at: Cell<Option<Instant>>,
    permanent_error: RefCell<Option<String>>,
    is_registered: Cell<bool>,
    is_stopping: Cell<bool>,
}

impl Health {
    /// Records an answer of the store.
    pub fn store_answered(&self) {
        self.0.store_answered_at.set(Some(Instant::now()));
    }

    /// Sets the error that no retry of a call to the store will end; none if there is no such.
    pub fn set_permanent_error(&self, error: Option<String>) {
        self.0.permanent_error.replace(error);
    }

    /// Records that the store has assigned the incarnation number.
    pub fn registered(&self) {
        self.0.is_registered.set(true);
    }

    /// Records that a stop was requested.
    pub fn stopping(&self) {
        self.0.is_stopping.set(true);
    }

    /// Returns the time since the last answer of the store; none if it never answered.
    pub fn since_store_answer(&self) -> Option<Duration> {
        self.0.store_answered_at.get().map(|at| at.elapsed())
    }

    /// Returns every reason why the process is not ready.
    pub fn reasons(&self) -> Vec<String> {
        let state = &self.0;
        let mut reasons = Vec::new();
        if state.is_stopping.get() {
            reasons.push("the process is stopping".to_owned());
        }
        if !state.is_registered.get() {
            reasons.push("the store has not assigned an incarnation number".to_owned());
        }
        match self.since_store_answer() {
            None => reasons.push("the store has not answered yet".to_owned()),
            Some(time) if time > STORE_TIMEOUT => {
                reasons.push(format!(
                    "the store has not answered for {} s",
                    time.as_secs()
                ));
            }
            Some(_) => {}
        }
        if let Some(error) = &*state.permanent_error.borrow() {
            reasons.push(format!("the store fails permanently: {error}"));
        }
        reasons
    }
}
