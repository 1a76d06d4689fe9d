//! Where messages are, for people.

use std::collections::BTreeMap;
use std::fmt;

use super::{Headers, Queue, State};
use crate::model::message::Message;
use crate::model::{LifeId, Timestamp};

/// Where a message is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::sim::world) enum Whereabouts {
    Delayed(Timestamp),
    Ready(Timestamp),
    Leased(LifeId, Timestamp),
    Dead(String),
}

impl fmt::Display for Whereabouts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Delayed(until) => write!(f, "delayed until {until}"),
            Self::Ready(since) => write!(f, "ready since {since}"),
            Self::Leased(life, until) => write!(f, "leased by {life} until {until}"),
            Self::Dead(reason) => write!(f, "a dead letter ({reason})"),
        }
    }
}

impl<M: Message> Queue<M> {
    /// Where the messages are, by what `name` makes of their headers. Of several copies the newest
    /// counts. *O*(messages).
    pub fn whereabouts<K: Ord>(
        &self,
        name: impl Fn(&Headers) -> Option<K>,
    ) -> BTreeMap<K, Whereabouts> {
        let dead = self.dead.iter().map(|(_, entry, reason)| {
            let whereabouts = Whereabouts::Dead(reason.to_string());
            (&entry.headers, whereabouts)
        });
        // By number, so that the map's own order plays no part.
        let live: BTreeMap<u64, _> = self
            .entries
            .iter()
            .map(|(message, entry)| (*message, entry))
            .collect();
        let live = live
            .into_values()
            .map(|entry| (&entry.headers, self.whereabouts_of(entry)));
        dead.chain(live)
            .filter_map(|(headers, whereabouts)| Some((name(headers)?, whereabouts)))
            .collect()
    }

    fn whereabouts_of(&self, entry: &super::Entry<M>) -> Whereabouts {
        match entry.state {
            State::Delayed { until } => Whereabouts::Delayed(until),
            State::Ready { since } => Whereabouts::Ready(since),
            State::Leased { until } => {
                let given = self.deliveries.get(entry.delivery as usize - 1);
                let life = given.map(|given| given.life.clone());
                life.map_or(Whereabouts::Ready(until), |life| {
                    Whereabouts::Leased(life, until)
                })
            }
        }
    }
}
