//! Cancellable timers.
//!
//! A timer consists of a slot with its effect, and a key in the [queue](super::queue) with its
//! time. Cancelling frees the slot at once and leaves the key behind. A key without its slot is
//! *stale*. Stale keys never move the clock. They are removed when they outnumber the live ones.
//!
//! ```text
//!   queue: (at_ns, sequence | slot) ...    slots: [sequence | slot, target] ...
//!                                                                     |
//!                                             a task, or a place in `others`
//! ```
//!
//! Nearly all timers make a task ready, which is a number in the slot: two slots fit into a cache
//! line. Foreign wakers and scheduled actions need more, and are kept in `others`.

use std::mem;
use std::num::NonZeroU64;
use std::task::Waker;

use super::ids::TaskKey;
use super::prefetch::prefetch;
use super::queue::EventQueue;
use rehearsal_convert::{Index, LowBits};

/// Maximum number of pending timers of a kernel: 24 bits of the key.
pub const TIMERS_MAX: u32 = 1 << SLOT_BITS;

const SLOT_BITS: u32 = 24;
/// Maximum number of timers of a kernel in all: the bits of the key for the sequence number.
const SEQUENCE_MAX: u64 = 1 << (64 - SLOT_BITS);
/// Minimum number of stale keys that are worth a removal.
const STALE_MIN: usize = 1024;
/// Flag of an index into `others`, as opposed to a task, which has 40 bits.
const OTHER: u64 = 1 << 63;

/// Sequence number of a timer, then its slot. Keys are unique in a kernel, and their order is the
/// order of creation.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) struct TimerKey(NonZeroU64);

impl TimerKey {
    fn slot(self) -> usize {
        slot_of(self.0.get())
    }

    pub(super) fn sequence(self) -> u64 {
        self.0.get() >> SLOT_BITS
    }
}

/// Effect of a timer that does not make a task ready. Dropping one may run user code, so this
/// module returns them instead.
pub(super) enum TimerEffect {
    /// No effect: the entry is free.
    Vacant,
    /// Wakes a foreign waker, such as that of `join_all`.
    Wake(Waker),
    /// Runs a scheduled closure.
    Post(Box<dyn FnOnce()>),
}

/// Effect of a due timer.
pub(super) enum FiredTimer {
    Task(TaskKey),
    TimerEffect(TimerEffect),
}

#[derive(Clone, Copy)]
struct TimerSlot {
    /// Key of the timer in the slot; 0 in a free slot.
    key: u64,
    /// Task, or index into `others` with [`OTHER`] set.
    target: u64,
}

pub(super) struct Timers {
    slots: Vec<TimerSlot>,
    free: Vec<u32>,
    others: Vec<TimerEffect>,
    others_free: Vec<u32>,
    queue: EventQueue,
    sequence: u64,
    stale: usize,
    pending_max: usize,
}

impl Timers {
    pub(super) fn new(pending_max: u32) -> Self {
        Self {
            slots: Vec::new(),
            free: Vec::new(),
            others: Vec::new(),
            others_free: Vec::new(),
            queue: EventQueue::new(),
            sequence: 0,
            stale: 0,
            pending_max: pending_max.min(TIMERS_MAX) as usize,
        }
    }

    /// Returns the number of pending timers of such tasks.
    pub(super) fn count(&self, is_counted: impl Fn(TaskKey) -> bool) -> usize {
        let pending = self.slots.iter().filter(|slot| slot.key != 0);
        let tasks = pending.filter(|slot| slot.target & OTHER == 0);
        tasks
            .filter(|slot| is_counted(TaskKey::from_bits(slot.target)))
            .count()
    }

    fn is_full(&self) -> bool {
        let has_room = !self.free.is_empty() || self.slots.len() < self.pending_max;
        !has_room || self.sequence + 1 >= SEQUENCE_MAX
    }

    /// Adds a timer that makes a task ready; `None` at the limit. *O*(1) amortised in the usual
    /// case; see the queue.
    #[inline]
    pub(super) fn insert_task(&mut self, at_ns: u64, task: TaskKey) -> Option<TimerKey> {
        if self.is_full() {
            None
        } else {
            self.insert(at_ns, task.bits())
        }
    }

    /// Adds a timer with another effect; returns the effect at the limit.
    pub(super) fn insert_other(
        &mut self,
        at_ns: u64,
        other: TimerEffect,
    ) -> Result<TimerKey, TimerEffect> {
        if self.is_full() {
            return Err(other);
        }
        let place = self.others_free.pop().unwrap_or_else(|| {
            self.others.push(TimerEffect::Vacant);
            self.others.len().index_u32() - 1
        });
        let vacant = mem::replace(&mut self.others[place as usize], other);
        debug_assert!(matches!(vacant, TimerEffect::Vacant), "the entry was free");
        self.insert(at_ns, u64::from(place) | OTHER).ok_or(vacant)
    }

    /// Adds a timer below the limit.
    #[inline]
    fn insert(&mut self, at_ns: u64, target: u64) -> Option<TimerKey> {
        debug_assert!(!self.is_full(), "the caller checks the limit");
        self.sequence += 1;
        let slot = self.free.pop().unwrap_or_else(|| {
            self.slots.push(TimerSlot { key: 0, target: 0 });
            self.slots.len().index_u32() - 1
        });
        // The sequence starts at 1, so the key is never 0.
        let key = self.sequence << SLOT_BITS | u64::from(slot);
        debug_assert_eq!(self.slots[slot as usize].key, 0, "key of a free timer slot");
        self.slots[slot as usize] = TimerSlot { key, target };
        self.queue.push(at_ns, key);
        NonZeroU64::new(key).map(TimerKey)
    }

    /// Returns whether the timer has neither fired nor been cancelled.
    #[inline]
    pub(super) fn is_pending(&self, key: TimerKey) -> bool {
        self.slots[key.slot()].key == key.0.get()
    }

    /// Returns whether the timer wakes this very task or waker.
    #[inline]
    pub(super) fn wakes(&self, key: TimerKey, task: Option<TaskKey>, waker: &Waker) -> bool {
        let target = self.slots[key.slot()].target;
        match (task, target & OTHER) {
            (Some(task), 0) => target == task.bits(),
            (None, OTHER) => {
                let other = &self.others[(target ^ OTHER).to_index()];
                matches!(other, TimerEffect::Wake(old) if old.will_wake(waker))
            }
            _ => false,
        }
    }

    /// Cancels a timer if it is pending.
    #[inline]
    pub(super) fn cancel(&mut self, key: TimerKey) -> Option<FiredTimer> {
        if !self.is_pending(key) {
            return None;
        }
        self.stale += 1;
        let fired = self.release(key.slot());
        if self.stale >= STALE_MIN && self.stale > self.slots.len() - self.free.len() {
            self.sweep();
        }
        Some(fired)
    }

    /// Removes the stale keys. *O*(keys), amortised over their cancellations.
    #[cold]
    fn sweep(&mut self) {
        let slots = &self.slots;
        self.queue.retain(|key| is_live(slots, key));
        self.stale = 0;
    }

    /// Cancels all timers, and returns their effects.
    pub(super) fn clear(&mut self) -> Vec<TimerEffect> {
        // The slots stay: sleeps may outlive the kernel and refer to them.
        self.slots.iter_mut().for_each(|slot| slot.key = 0);
        self.queue = EventQueue::new();
        self.stale = 0;
        mem::take(&mut self.others)
    }

    #[inline]
    fn release(&mut self, slot: usize) -> FiredTimer {
        let TimerSlot { target, .. } =
            mem::replace(&mut self.slots[slot], TimerSlot { key: 0, target: 0 });
        self.free.push(slot.index_u32());
        if target & OTHER == 0 {
            return FiredTimer::Task(TaskKey::from_bits(target));
        }
        let place = (target ^ OTHER).low_u32();
        self.others_free.push(place);
        FiredTimer::TimerEffect(mem::replace(
            &mut self.others[place as usize],
            TimerEffect::Vacant,
        ))
    }

    /// Returns whether certainly no timer is due; [`Timers::peek`] decides the other cases.
    #[inline]
    pub(super) fn is_idle_at(&self, now_ns: u64) -> bool {
        self.queue.is_later_than(now_ns)
    }

    /// Returns the next live timer and its time.
    #[inline]
    pub(super) fn peek(&mut self) -> Option<(u64, TimerKey)> {
        loop {
            let (at_ns, key) = self.queue.peek()?;
            if is_live(&self.slots, key) {
                return Some((at_ns, TimerKey(NonZeroU64::new(key)?)));
            }
            self.queue.remove_least(key);
            self.stale -= 1;
        }
    }

    /// Removes the timer that [`Timers::peek`] has just returned.
    #[inline]
    pub(super) fn fire(&mut self, key: TimerKey) -> FiredTimer {
        self.queue.remove_least(key.0.get());
        self.release(key.slot())
    }

    /// Returns whether the next timers are known, so that prefetching pays.
    #[inline]
    pub(super) fn sees_ahead(&self) -> bool {
        self.queue.ahead(0).is_some()
    }

    /// Prefetches the timer `count` places after the next.
    #[inline]
    pub(super) fn prefetch(&self, count: usize) {
        if let Some(key) = self.queue.ahead(count) {
            prefetch(&self.slots[slot_of(key)]);
        }
    }

    /// Returns the task that the timer `count` places after the next makes ready.
    #[inline]
    pub(super) fn task_ahead(&self, count: usize) -> Option<TaskKey> {
        let target = self.slots[slot_of(self.queue.ahead(count)?)].target;
        (target & OTHER == 0).then(|| TaskKey::from_bits(target))
    }
}

#[inline]
fn is_live(slots: &[TimerSlot], key: u64) -> bool {
    slots[slot_of(key)].key == key
}

fn slot_of(key: u64) -> usize {
    (key & u64::from(TIMERS_MAX - 1)).to_index()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ids::TaskId;

    fn task() -> TaskKey {
        TaskId::NONE.into()
    }

    #[test]
    fn stale_timer_keys_are_removed() {
        let mut timers = Timers::new(TIMERS_MAX);
        assert!(timers.insert_task(u64::MAX, task()).is_some());
        for at_ns in 0..100_000 {
            let key = timers.insert_task(at_ns, task()).unwrap();
            timers.cancel(key);
            assert!(timers.cancel(key).is_none());
            assert!(timers.stale <= STALE_MIN);
        }
        assert!(timers.slots.len() <= 2 && timers.queue.len() <= STALE_MIN + 1);
        assert_eq!(timers.peek().map(|(at_ns, _)| at_ns), Some(u64::MAX));
        assert_eq!((timers.stale, timers.queue.len()), (0, 1));
    }

    #[test]
    fn timer_effect_is_returned_once() {
        let mut timers = Timers::new(3);
        let schedule_at = || TimerEffect::Post(Box::new(|| ()));
        let (Ok(first), Ok(second)) = (
            timers.insert_other(5, schedule_at()),
            timers.insert_other(3, schedule_at()),
        ) else {
            panic!("there is room");
        };
        assert!(
            timers
                .insert_other(4, TimerEffect::Wake(Waker::noop().clone()))
                .is_ok()
        );
        assert!(matches!(
            timers.insert_other(1, schedule_at()),
            Err(TimerEffect::Post(_))
        ));
        assert!(timers.insert_task(1, task()).is_none());
        assert!(matches!(
            timers.cancel(first),
            Some(FiredTimer::TimerEffect(TimerEffect::Post(_)))
        ));
        let Some((3, key)) = timers.peek() else {
            panic!("the second is next")
        };
        assert!(key == second);
        assert!(matches!(
            timers.fire(key),
            FiredTimer::TimerEffect(TimerEffect::Post(_))
        ));
        assert!(!timers.is_pending(second));
        assert!(matches!(
            &timers.clear()[..],
            [
                TimerEffect::Vacant,
                TimerEffect::Vacant,
                TimerEffect::Wake(_)
            ]
        ));
        assert!(timers.peek().is_none());
    }
}
