//! Wakers without pointers.
//!
//! A [`Waker`] is `Send + Sync` by its type, but a kernel lives on one thread. A waker therefore
//! holds no pointer, only three numbers:
//!
//! ```text
//!   63        40 39          24 23       0
//!   [  kernel  ] [ generation ] [  slot  ]
//! ```
//!
//! Waking looks the kernel up in a thread-local list. A wake on another thread, or after the kernel
//! is dropped, finds no kernel and does nothing. Kernel numbers repeat after 2^24 kernels, and
//! generations after 2^16 tasks in one slot. A waker kept that long causes a spurious poll, which
//! every future has to allow.

use std::cell::RefCell;
use std::ptr;
use std::rc::Rc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{RawWaker, RawWakerVTable, Waker};

use super::ids::TaskKey;
use rehearsal_convert::Index;

const KERNEL_BITS: u32 = 24;
const TASK_BITS: u32 = 64 - KERNEL_BITS;

// The three numbers have to fit into a pointer.
const _: () = assert!(
    size_of::<usize>() == size_of::<u64>(),
    "a 64-bit platform is needed"
);

/// Next number of a kernel, unique over all threads. Not part of any trace.
static NEXT_KERNEL: AtomicU64 = AtomicU64::new(0);

thread_local! {
    /// Kernels of this thread; nearly always one.
    static KERNELS: RefCell<Vec<Rc<Wakes>>> = const { RefCell::new(Vec::new()) };
}

/// Woken tasks of one kernel that the run loop has not queued yet.
pub(super) struct Wakes {
    kernel: u64,
    woken: RefCell<Vec<TaskKey>>,
}

impl Wakes {
    /// Creates a list that wakers of this thread find until [`Wakes::unregister`].
    pub(super) fn register() -> Rc<Self> {
        let number = NEXT_KERNEL.fetch_add(1, Ordering::Relaxed);
        let wakes = Rc::new(Self {
            kernel: number % (1 << KERNEL_BITS),
            woken: RefCell::new(Vec::new()),
        });
        KERNELS.with(|kernels| kernels.borrow_mut().push(Rc::clone(&wakes)));
        wakes
    }

    /// Detaches the wakers of the kernel: they do nothing from now on.
    pub(super) fn unregister(self: &Rc<Self>) {
        // At the end of a thread its list may be dropped before the kernel.
        let _ = KERNELS.try_with(|kernels| {
            kernels
                .borrow_mut()
                .retain(|wakes| !Rc::ptr_eq(wakes, self));
        });
    }

    /// Returns a waker for a task.
    #[inline]
    pub(super) fn waker(&self, task: TaskKey) -> Waker {
        let data = ptr::without_provenance((self.kernel << TASK_BITS | task.bits()).to_index());
        // SAFETY: the contract of `RawWaker` asks that the functions of the table can be called on
        // any thread, as often as a `Waker` allows, and that the data live as long as the waker.
        // The data is a number that is nowhere dereferenced, so it lives for ever: `clone` copies
        // it, and `drop_data` has nothing to do. `wake` reads it and touches only what belongs to
        // the calling thread.
        unsafe { Waker::new(data, &TABLE) }
    }

    /// Returns the task of a waker of this kernel; `None` for a foreign or wrapping waker.
    #[inline]
    pub(super) fn task_of(&self, waker: &Waker) -> Option<TaskKey> {
        if !ptr::eq(waker.vtable(), &raw const TABLE) {
            return None;
        }
        let (kernel, task) = numbers(waker.data());
        (kernel == self.kernel).then_some(task)
    }

    /// Drains the list in order of waking.
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

/// Splits the data of a waker into kernel and task.
fn numbers(data: *const ()) -> (u64, TaskKey) {
    let bits = data.addr() as u64;
    (
        bits >> TASK_BITS,
        TaskKey::from_bits(bits % (1 << TASK_BITS)),
    )
}
