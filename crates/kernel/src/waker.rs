//! Wakers: how a future says that its task should be polled again.
//!
//! A [`Waker`] is `Send + Sync` by its type, but a kernel lives on one thread. So a waker holds no
//! pointer, only three numbers:
//!
//! ```text
//!   63        40 39          24 23       0
//!   [  kernel  ] [ generation ] [  slot  ]
//! ```
//!
//! Waking looks the kernel up in a list that belongs to the thread. A waker that is woken on
//! another thread, or after its kernel is gone, finds nothing and does nothing: it can't reach a
//! kernel that isn't its own. (Kernels would have to wrap around, after 2^24 of them, for a number
//! to come again; generations do so after 2^16 tasks in one slot. A waker kept that long costs its
//! heir a needless poll, which every future allows for.)

use std::cell::RefCell;
use std::ptr;
use std::rc::Rc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{RawWaker, RawWakerVTable, Waker};

use super::task::TaskKey;

const KERNEL_BITS: u32 = 24;
const TASK_BITS: u32 = 64 - KERNEL_BITS;

// The three numbers have to fit into a pointer.
const _: () = assert!(
    size_of::<usize>() == size_of::<u64>(),
    "a 64-bit platform is needed"
);

/// Numbers kernels over all threads, so that none is taken for another. Seen by no trace.
static NEXT_KERNEL: AtomicU64 = AtomicU64::new(0);

thread_local! {
    /// The kernels of this thread. Nearly always there is one.
    static KERNELS: RefCell<Vec<Rc<Wakes>>> = const { RefCell::new(Vec::new()) };
}

/// The tasks of one kernel that were woken and not yet looked at.
pub(super) struct Wakes {
    kernel: u64,
    woken: RefCell<Vec<TaskKey>>,
}

impl Wakes {
    /// A new list, found by the wakers of this thread until [`Wakes::unregister`].
    pub(super) fn register() -> Rc<Self> {
        let number = NEXT_KERNEL.fetch_add(1, Ordering::Relaxed);
        let wakes = Rc::new(Self {
            kernel: number % (1 << KERNEL_BITS),
            woken: RefCell::new(Vec::new()),
        });
        KERNELS.with(|kernels| kernels.borrow_mut().push(Rc::clone(&wakes)));
        wakes
    }

    /// From here on the kernel's wakers reach nothing.
    pub(super) fn unregister(self: &Rc<Self>) {
        // At the end of a thread its list may be gone before the kernel is: all the same then.
        let _ = KERNELS.try_with(|kernels| {
            kernels
                .borrow_mut()
                .retain(|wakes| !Rc::ptr_eq(wakes, self));
        });
    }

    /// A waker for a task.
    #[inline]
    pub(super) fn waker(&self, task: TaskKey) -> Waker {
        let data = ptr::without_provenance((self.kernel << TASK_BITS | task.bits()) as usize);
        // SAFETY: the contract of `RawWaker` asks that the functions of the table can be called on
        // any thread, as often as a `Waker` allows, and that the data live as long as the waker.
        // The data is a number that is nowhere dereferenced, so it lives for ever: `clone` copies
        // it, and `drop_data` has nothing to do. `wake` reads it and touches only what belongs to
        // the calling thread.
        unsafe { Waker::new(data, &TABLE) }
    }

    /// The task that a waker wakes, if it is one of ours, and not a waker that wraps one.
    #[inline]
    pub(super) fn task_of(&self, waker: &Waker) -> Option<TaskKey> {
        if !ptr::eq(waker.vtable(), &raw const TABLE) {
            return None;
        }
        let (kernel, task) = numbers(waker.data());
        (kernel == self.kernel).then_some(task)
    }

    /// Empties the list in the order of waking.
    #[inline]
    pub(super) fn drain(&self, each: impl FnMut(TaskKey)) {
        let mut woken = self.woken.borrow_mut();
        if !woken.is_empty() {
            woken.drain(..).for_each(each);
        }
    }
}

static TABLE: RawWakerVTable = RawWakerVTable::new(clone, wake, wake, drop_data);

fn clone(data: *const ()) -> RawWaker {
    RawWaker::new(data, &TABLE)
}

fn wake(data: *const ()) {
    let (kernel, task) = numbers(data);
    let _ = KERNELS.try_with(|kernels| {
        if let Some(wakes) = kernels.borrow().iter().find(|wakes| wakes.kernel == kernel) {
            wakes.woken.borrow_mut().push(task);
        }
    });
}

fn drop_data(_: *const ()) {}

/// The kernel and the task of a waker of ours.
fn numbers(data: *const ()) -> (u64, TaskKey) {
    let bits = data.addr() as u64;
    (
        bits >> TASK_BITS,
        TaskKey::from_bits(bits % (1 << TASK_BITS)),
    )
}
