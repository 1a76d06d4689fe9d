//! Recent idempotency keys: those of a time window.

use std::collections::VecDeque;
use std::rc::Rc;
use std::time::Duration;

use crate::model::Timestamp;
use rustc_hash::FxHashMap;

/// Keys with the times of their arrival. Every operation is *O*(1) amortised.
#[derive(Debug)]
pub(super) struct RecentKeys {
    window: Duration,
    keys: FxHashMap<Rc<str>, ()>,
    by_age: VecDeque<(Timestamp, Rc<str>)>,
}

impl RecentKeys {
    pub fn new(window: Duration) -> Self {
        Self {
            window,
            keys: FxHashMap::default(),
            by_age: VecDeque::new(),
        }
    }

    /// Returns whether the key arrived within the window.
    pub fn knows(&mut self, key: &str, now: Timestamp) -> bool {
        while let Some((_, old)) = self
            .by_age
            .pop_front_if(|(at, _)| now.since(*at) >= self.window)
        {
            self.keys.remove(&old);
        }
        debug_assert_eq!(self.keys.len(), self.by_age.len());
        self.keys.contains_key(key)
    }

    /// Forgets the keys that arrived at `since` or later.
    pub fn forget_since(&mut self, since: Timestamp) {
        while let Some((_, key)) = self.by_age.pop_back_if(|(at, _)| *at >= since) {
            self.keys.remove(&key);
        }
    }

    /// Remembers a new key for the length of the window; returns whether it was new.
    pub fn admit(&mut self, key: &str, now: Timestamp) -> bool {
        if self.knows(key, now) {
            return false;
        }
        let key: Rc<str> = key.into();
        self.keys.insert(Rc::clone(&key), ());
        self.by_age.push_back((now, key));
        true
    }
}
