//! The kernel from the outside: order, time, life and death.

use std::cell::{Cell, RefCell};
use std::collections::BTreeSet;
use std::future::{Future, poll_fn};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::{Pin, pin};
use std::rc::Rc;
use std::sync::Arc;
use std::task::{Context, Poll, Wake, Waker};

use proptest::prelude::*;

use super::*;

const WORLD: ProcessId = ProcessId::WORLD;

fn kernel(seed: u64) -> Kernel {
    Kernel::new(KernelOptions {
        seed,
        ..KernelOptions::default()
    })
}

/// What tasks write into, to be looked at when the run is over.
#[derive(Clone)]
struct Log<T>(Rc<RefCell<Vec<T>>>);

impl<T: Clone> Log<T> {
    fn new() -> Self {
        Self(Rc::default())
    }

    fn push(&self, entry: T) {
        self.0.borrow_mut().push(entry);
    }

    fn all(&self) -> Vec<T> {
        self.0.borrow().clone()
    }
}

/// Runs a closure when it is dropped.
struct OnDrop<F: FnMut()>(F);

impl<F: FnMut()> Drop for OnDrop<F> {
    fn drop(&mut self) {
        (self.0)();
    }
}

/// A task that sleeps and then writes the time.
fn spawn_sleeper(handle: &Handle, process: ProcessId, delay_ns: u64, log: &Log<u64>) -> TaskId {
    let (clock, log) = (handle.clone(), log.clone());
    handle.spawn(process, "sleeper", async move {
        clock.sleep_ns(delay_ns).await;
        log.push(clock.now_ns());
    })
}

/// A future that hands out its task's waker, and is ready when told.
fn wait_until(
    is_ready: &Rc<Cell<bool>>,
    waker: &Rc<RefCell<Option<Waker>>>,
) -> impl Future<Output = ()> + use<> {
    let (is_ready, waker) = (Rc::clone(is_ready), Rc::clone(waker));
    poll_fn(move |context| {
        *waker.borrow_mut() = Some(context.waker().clone());
        if is_ready.get() {
            Poll::Ready(())
        } else {
            Poll::Pending
        }
    })
}

// --- time and order -------------------------------------------------------------------------------

#[test]
fn a_sleep_ends_at_its_instant_and_a_run_at_its_deadline() {
    let mut kernel = Kernel::new(KernelOptions {
        start_ns: 5,
        ..KernelOptions::default()
    });
    let log = Log::new();
    for delay_ns in [30, 10, 20] {
        spawn_sleeper(&kernel.handle(), WORLD, delay_ns, &log);
    }
    assert_eq!(kernel.run_until(24), Stop::Deadline);
    assert_eq!((kernel.now_ns(), log.all()), (24, vec![15]));
    assert_eq!(kernel.run_until(25), Stop::Deadline);
    assert_eq!((kernel.now_ns(), log.all()), (25, vec![15, 25]));
    assert_eq!(kernel.run_until(20), Stop::Deadline);
    assert_eq!(kernel.now_ns(), 25, "a deadline that is past does nothing");
    assert_eq!(kernel.run_until(1_000), Stop::Idle);
    assert_eq!((kernel.now_ns(), log.all()), (35, vec![15, 25, 35]));
}

#[test]
fn an_instant_that_is_past_is_now_and_the_end_of_time_is_far() {
    let mut kernel = Kernel::new(KernelOptions {
        start_ns: 100,
        ..KernelOptions::default()
    });
    let (handle, log) = (kernel.handle(), Log::new());
    let (clock, seen) = (handle.clone(), log.clone());
    handle.spawn(WORLD, "task", async move {
        clock.sleep_until_ns(7).await;
        seen.push(clock.now_ns());
        clock.sleep_ns(u64::MAX).await;
        seen.push(clock.now_ns());
    });
    let (clock, seen) = (handle.clone(), log.clone());
    handle.schedule_at(3, move || seen.push(clock.now_ns() + 1));
    assert_eq!(kernel.run_until(u64::MAX - 1), Stop::Deadline);
    assert_eq!(log.all(), [101, 100]);
    assert_eq!(kernel.run_until(u64::MAX), Stop::Idle);
    assert_eq!(log.all(), [101, 100, u64::MAX]);
}

#[test]
fn posted_actions_of_one_instant_run_in_order_and_before_tasks() {
    let mut kernel = kernel(1);
    let (handle, log) = (kernel.handle(), Log::new());
    let (clock, seen) = (handle.clone(), log.clone());
    handle.spawn(WORLD, "task", async move {
        clock.sleep_ns(10).await;
        seen.push(100);
    });
    // The task's timer comes first of all, and yet the actions run before it is polled.
    kernel.run_until(0);
    for number in 0..5 {
        let seen = log.clone();
        handle.schedule_at(10, move || seen.push(number));
    }
    assert_eq!(kernel.run_until(10), Stop::Idle);
    assert_eq!(log.all(), [0, 1, 2, 3, 4, 100]);
}

#[test]
fn seeds_explore_interleavings_and_one_seed_repeats_its_own() {
    let order = |seed| {
        let mut kernel = kernel(seed);
        let (handle, log) = (kernel.handle(), Log::new());
        for number in 0..5 {
            let (clock, log) = (handle.clone(), log.clone());
            handle.spawn(WORLD, "task", async move {
                clock.sleep_until_ns(10).await;
                log.push(number);
            });
        }
        kernel.run_until(10);
        log.all()
    };
    let orders: BTreeSet<Vec<u64>> = (0..200).map(order).collect();
    assert!(orders.len() > 80, "{} of 120 orders", orders.len());
    assert!((0..200).all(|seed| order(seed) == order(seed)));
}

#[test]
fn nothing_is_drawn_where_there_is_no_choice() {
    let mut kernel = kernel(1);
    let log = Log::new();
    for delay_ns in 1..10 {
        kernel.run_until(0);
        spawn_sleeper(&kernel.handle(), WORLD, delay_ns, &log);
    }
    kernel.run_until(100);
    assert_eq!(kernel.draws(), [("kernel.choice".to_owned(), 0)]);
}

// --- cancelling -----------------------------------------------------------------------------------

#[test]
fn a_cancelled_timer_does_not_move_the_clock() {
    let mut kernel = kernel(1);
    let (handle, log) = (kernel.handle(), Log::new());
    let clock = handle.clone();
    let seen = log.clone();
    handle.spawn(WORLD, "task", async move {
        let mut later = Box::pin(clock.sleep_ns(1_000));
        let mut sooner = pin!(clock.sleep_ns(10));
        poll_fn(|context| {
            assert!(later.as_mut().poll(context).is_pending());
            sooner.as_mut().poll(context)
        })
        .await;
        drop(later);
        seen.push(clock.now_ns());
    });
    assert_eq!(kernel.run_until(u64::MAX), Stop::Idle);
    assert_eq!((kernel.now_ns(), log.all()), (10, vec![10]));
}

#[test]
fn only_stale_timers_before_the_deadline_means_idle() {
    let mut kernel = kernel(1);
    let (handle, log) = (kernel.handle(), Log::new());
    let process = handle.process("p");
    for delay_ns in 1..5_000 {
        spawn_sleeper(&handle, process, delay_ns, &log);
    }
    kernel.run_until(100);
    handle.kill(process);
    assert_eq!(kernel.run_until(200), Stop::Idle);
    assert_eq!((kernel.now_ns(), log.all().len()), (100, 100));
}

// --- killing --------------------------------------------------------------------------------------

#[test]
fn a_kill_drops_tasks_where_they_stand_and_the_process_can_start_anew() {
    let mut kernel = kernel(1);
    let (handle, log) = (kernel.handle(), Log::new());
    let process = handle.process("p");
    let task = spawn_sleeper(&handle, process, 10, &log);
    spawn_sleeper(&handle, WORLD, 20, &log);
    kernel.run_until(5);
    assert!(handle.is_live(task));
    handle.kill(process);
    assert!(!handle.is_live(task));
    assert_eq!(handle.count_tasks(process), 0);
    let heir = spawn_sleeper(&handle, process, 10, &log);
    assert_ne!(task, heir);
    assert_eq!(kernel.run_until(100), Stop::Idle);
    assert_eq!(log.all(), [15, 20]);
}

#[test]
fn a_task_that_kills_its_own_process_ends_at_its_next_await() {
    let mut kernel = kernel(1);
    let (handle, log) = (kernel.handle(), Log::new());
    let process = handle.process("p");
    spawn_sleeper(&handle, process, 10, &log);
    let (inner, seen) = (handle.clone(), log.clone());
    handle.spawn(process, "suicide", async move {
        let farewell = seen.clone();
        let _guard = OnDrop(move || farewell.push(3));
        inner.sleep_ns(5).await;
        inner.kill(process);
        seen.push(1);
        let refused = inner.spawn(process, "zombie", async {});
        assert!(!inner.is_live(refused));
        seen.push(2);
        inner.sleep_ns(1).await;
        seen.push(99);
    });
    assert_eq!(kernel.run_until(100), Stop::Idle);
    assert_eq!((kernel.now_ns(), log.all()), (5, vec![1, 2, 3]));
    spawn_sleeper(&handle, process, 1, &log);
    kernel.run_until(100);
    assert_eq!(log.all(), [1, 2, 3, 6], "the process takes tasks again");
}

#[test]
fn a_task_that_kills_its_process_and_ends_ends_once() {
    let mut kernel = kernel(1);
    let handle = kernel.handle();
    let process = handle.process("p");
    let inner = handle.clone();
    handle.spawn(process, "suicide", async move { inner.kill(process) });
    assert_eq!(kernel.run_until(1), Stop::Idle);
    assert_eq!(handle.count_tasks(process), 0);
    assert!(handle.is_live(handle.spawn(process, "heir", async {})));
}

#[test]
fn destructors_in_a_kill_may_use_the_kernel() {
    let mut kernel = kernel(1);
    let (handle, log) = (kernel.handle(), Log::new());
    let process = handle.process("p");
    let notify = Notify::new();
    let (clock, seen, waiting) = (handle.clone(), log.clone(), notify.notified());
    handle.spawn(WORLD, "waiter", async move {
        waiting.await;
        seen.push(clock.now_ns());
    });
    let (inner, seen) = (handle.clone(), log.clone());
    handle.spawn(process, "task", async move {
        let guard = inner.clone();
        let _guard = OnDrop(move || {
            notify.notify_all();
            assert!(!guard.is_live(guard.spawn(process, "zombie", async {})));
            assert!(guard.is_live(spawn_sleeper(&guard, WORLD, 5, &seen)));
            let posted = seen.clone();
            guard.schedule_at(guard.now_ns() + 7, move || posted.push(777));
            drop(guard.sleep_ns(1));
            guard.kill(process);
            guard.pause(process);
            guard.record(1, 2, 3);
        });
        inner.sleep_ns(100).await;
    });
    kernel.run_until(10);
    handle.kill(process);
    assert_eq!(kernel.run_until(100), Stop::Idle);
    assert_eq!(log.all(), [10, 15, 777]);
}

#[test]
fn the_world_is_neither_killed_nor_paused() {
    let mut kernel = kernel(1);
    let (handle, log) = (kernel.handle(), Log::new());
    spawn_sleeper(&handle, WORLD, 10, &log);
    handle.kill(WORLD);
    handle.pause(WORLD);
    assert_eq!(kernel.run_until(100), Stop::Idle);
    assert_eq!(log.all(), [10]);
}

#[test]
fn what_a_dead_process_posted_still_happens() {
    let mut kernel = kernel(1);
    let (handle, log) = (kernel.handle(), Log::new());
    let process = handle.process("p");
    let (inner, seen) = (handle.clone(), log.clone());
    handle.spawn(process, "caller", async move {
        let (answer, reply) = oneshot();
        let server = seen.clone();
        inner.schedule_at(10, move || server.push(answer.send(()).is_err()));
        reply.await;
        seen.push(false);
    });
    kernel.run_until(5);
    handle.kill(process);
    assert_eq!(kernel.run_until(100), Stop::Idle);
    assert_eq!(log.all(), [true], "the server found the receiver gone");
}

#[test]
fn a_dropped_kernel_drops_all_and_its_handles_do_no_harm() {
    let (kernel, life) = (kernel(1), Rc::new(()));
    let handle = kernel.handle();
    let (inner, held) = (handle.clone(), Rc::clone(&life));
    handle.spawn(WORLD, "task", async move {
        let guard = inner.clone();
        let _guard = OnDrop(move || {
            assert!(Rc::strong_count(&held) > 1);
            guard.spawn(WORLD, "zombie", async {});
            guard.schedule_at(1, || ());
        });
        inner.sleep_ns(1).await;
    });
    let held = Rc::clone(&life);
    handle.schedule_at(1, move || drop(held));
    let mut kernel = kernel;
    kernel.run_until(0);
    drop(kernel);
    assert_eq!(Rc::strong_count(&life), 1);
    let held = Rc::clone(&life);
    assert!(!handle.is_live(handle.spawn(WORLD, "late", async move { drop(held) })));
    let held = Rc::clone(&life);
    handle.schedule_at(1, move || drop(held));
    assert_eq!(Rc::strong_count(&life), 1);
    let mut sleep = pin!(handle.sleep_ns(0));
    assert!(
        sleep
            .as_mut()
            .poll(&mut Context::from_waker(Waker::noop()))
            .is_pending()
    );
}

#[test]
fn a_panic_passes_through_and_leaves_a_kernel_that_can_be_used() {
    let mut kernel = kernel(1);
    let (handle, log) = (kernel.handle(), Log::new());
    let process = handle.process("p");
    handle.spawn(process, "bad", async { panic!("on purpose") });
    spawn_sleeper(&handle, WORLD, 10, &log);
    assert!(catch_unwind(AssertUnwindSafe(|| kernel.run_until(100))).is_err());
    handle.kill(process);
    assert_eq!(handle.count_tasks(process), 0);
    assert_eq!(kernel.run_until(100), Stop::Idle);
    assert_eq!(log.all(), [10]);
}

// --- pausing --------------------------------------------------------------------------------------

#[test]
fn a_pause_holds_what_becomes_ready() {
    let mut kernel = kernel(1);
    let (handle, log) = (kernel.handle(), Log::new());
    let process = handle.process("p");
    for delay_ns in [10, 20, 30] {
        spawn_sleeper(&handle, process, delay_ns, &log);
    }
    kernel.run_until(0);
    handle.pause(process);
    assert_eq!(kernel.run_until(15), Stop::Deadline);
    assert_eq!(kernel.run_until(25), Stop::Deadline);
    assert_eq!(log.all(), [0_u64; 0]);
    handle.resume(process);
    handle.resume(process);
    assert_eq!(kernel.run_until(100), Stop::Idle);
    assert_eq!(log.all(), [25, 25, 30]);
}

#[test]
fn a_pause_catches_what_is_ready_already_and_what_runs_at_its_next_await() {
    let mut kernel = kernel(1);
    let (handle, log) = (kernel.handle(), Log::new());
    let process = handle.process("p");
    let (inner, seen) = (handle.clone(), log.clone());
    handle.spawn(process, "self-paused", async move {
        inner.pause(process);
        seen.push(0);
        inner.sleep_ns(0).await;
        seen.push(inner.now_ns());
    });
    kernel.run_until(1);
    spawn_sleeper(&handle, process, 0, &log);
    assert_eq!(
        kernel.run_until(10),
        Stop::Idle,
        "what is held is not pending"
    );
    assert_eq!(log.all(), [0]);
    let waking = handle.clone();
    handle.schedule_at(50, move || waking.resume(process));
    assert_eq!(kernel.run_until(100), Stop::Idle);
    assert_eq!(log.all(), [0, 50, 50]);
}

#[test]
fn a_kill_ends_a_pause() {
    let mut kernel = kernel(1);
    let (handle, log) = (kernel.handle(), Log::new());
    let process = handle.process("p");
    spawn_sleeper(&handle, process, 10, &log);
    handle.pause(process);
    kernel.run_until(20);
    handle.kill(process);
    spawn_sleeper(&handle, process, 10, &log);
    assert_eq!(kernel.run_until(100), Stop::Idle);
    assert_eq!(log.all().len(), 1);
}

// --- wakers ---------------------------------------------------------------------------------------

#[test]
fn a_stale_waker_does_not_wake_the_heir_of_its_slot() {
    let mut kernel = kernel(1);
    let handle = kernel.handle();
    let (is_ready, waker) = (Rc::new(Cell::new(true)), Rc::default());
    handle.spawn(WORLD, "first", wait_until(&is_ready, &waker));
    kernel.run_until(1);
    let stale = waker.take().unwrap();
    is_ready.set(false);
    handle.spawn(WORLD, "heir", wait_until(&is_ready, &waker));
    kernel.run_until(2);
    let before = kernel.events();
    stale.wake();
    kernel.run_until(3);
    assert_eq!(kernel.events(), before);
    waker.take().unwrap().wake();
    kernel.run_until(4);
    assert_eq!(kernel.events(), before + 1);
}

#[test]
fn a_waker_reaches_its_own_kernel_and_no_other() {
    let (mut left, mut right) = (kernel(1), kernel(1));
    let is_ready = Rc::new(Cell::new(false));
    let (left_waker, right_waker) = (Rc::default(), Rc::default());
    left.handle()
        .spawn(WORLD, "task", wait_until(&is_ready, &left_waker));
    right
        .handle()
        .spawn(WORLD, "task", wait_until(&is_ready, &right_waker));
    left.run_until(1);
    right.run_until(1);
    let waker = left_waker.take().unwrap();
    waker.wake_by_ref();
    waker.wake_by_ref();
    left.run_until(2);
    right.run_until(2);
    assert_eq!((left.events(), right.events()), (2, 1));
    drop(left);
    waker.wake_by_ref();
    let other_thread = std::thread::spawn(move || waker.wake());
    assert!(other_thread.join().is_ok());
    let waker = right_waker.take().unwrap();
    assert!(std::thread::spawn(move || waker.wake()).join().is_ok());
    right.run_until(3);
    assert_eq!(right.events(), 1, "a wake on another thread goes nowhere");
}

/// A waker that wraps another and counts, as combinators do.
struct Wrapper {
    inner: Waker,
}

impl Wake for Wrapper {
    fn wake(self: Arc<Self>) {
        self.inner.wake_by_ref();
    }
}

/// Polls its future with a wrapped waker, a new one each time.
struct Wrapped<F>(Pin<Box<F>>);

impl<F: Future> Future for Wrapped<F> {
    type Output = F::Output;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<F::Output> {
        let waker = Waker::from(Arc::new(Wrapper {
            inner: context.waker().clone(),
        }));
        self.0.as_mut().poll(&mut Context::from_waker(&waker))
    }
}

#[test]
fn a_foreign_waker_works_and_is_counted() {
    let mut kernel = kernel(1);
    let (handle, log) = (kernel.handle(), Log::new());
    let (clock, seen) = (handle.clone(), log.clone());
    handle.spawn(WORLD, "task", async move {
        Wrapped(Box::pin(clock.sleep_ns(10))).await;
        seen.push(clock.now_ns());
        let mut wrapped = Wrapped(Box::pin(clock.sleep_ns(20)));
        let mut plain = clock.sleep_ns(10);
        // Polled by one waker and by another: the last one counts, and the first is forgotten.
        poll_fn(|context| {
            assert!(Pin::new(&mut wrapped).poll(context).is_pending());
            assert!(Pin::new(&mut *wrapped.0).poll(context).is_pending());
            Pin::new(&mut plain).poll(context)
        })
        .await;
        seen.push(clock.now_ns());
        wrapped.await;
        seen.push(clock.now_ns());
    });
    assert_eq!(kernel.run_until(100), Stop::Idle);
    assert_eq!(log.all(), [10, 20, 30]);
    assert_eq!(kernel.events(), 4 + 2, "four polls, two foreign wakes");
}

#[test]
fn a_sleep_may_move_to_another_task() {
    let mut kernel = kernel(1);
    let (handle, log) = (kernel.handle(), Log::new());
    let (sender, receiver) = oneshot();
    let clock = handle.clone();
    handle.spawn(WORLD, "first", async move {
        let mut sleep = clock.sleep_ns(10);
        poll_fn(|context| {
            assert!(Pin::new(&mut sleep).poll(context).is_pending());
            Poll::Ready(())
        })
        .await;
        assert!(sender.send(sleep).is_ok());
    });
    let (clock, seen) = (handle.clone(), log.clone());
    handle.spawn(WORLD, "second", async move {
        receiver.await.unwrap().await;
        seen.push(clock.now_ns());
    });
    assert_eq!(kernel.run_until(100), Stop::Idle);
    assert_eq!(log.all(), [10]);
}

#[test]
fn a_task_that_wakes_itself_is_polled_again() {
    let mut kernel = kernel(1);
    let polls = Rc::new(Cell::new(0));
    let counted = Rc::clone(&polls);
    kernel.handle().spawn(
        WORLD,
        "task",
        poll_fn(move |context| {
            counted.set(counted.get() + 1);
            context.waker().wake_by_ref();
            context.waker().wake_by_ref();
            if counted.get() < 5 {
                Poll::Pending
            } else {
                Poll::Ready(())
            }
        }),
    );
    assert_eq!(kernel.run_until(1), Stop::Idle);
    assert_eq!(polls.get(), 5);
}

// --- limits ---------------------------------------------------------------------------------------

fn post_again(handle: &Handle) {
    let inner = handle.clone();
    handle.schedule_at(0, move || post_again(&inner));
}

#[test]
fn the_event_budget_stops_what_would_never_end() {
    let budget = |event_budget| {
        Kernel::new(KernelOptions {
            event_budget,
            ..KernelOptions::default()
        })
    };
    let mut sleeping = budget(1_000);
    let clock = sleeping.handle();
    sleeping.handle().spawn(WORLD, "spinner", async move {
        loop {
            clock.sleep_ns(0).await;
        }
    });
    assert_eq!(sleeping.run_until(1), Stop::EventBudget);
    assert_eq!((sleeping.events(), sleeping.now_ns()), (1_000, 0));
    assert_eq!(sleeping.run_until(1), Stop::EventBudget);

    let mut posting = budget(1_000);
    post_again(&posting.handle());
    assert_eq!(posting.run_until(1), Stop::EventBudget);

    // Killed and started again more often than it gets anywhere.
    let mut killing = budget(1_000);
    let handle = killing.handle();
    let process = handle.process("p");
    handle.clone().spawn(WORLD, "killer", async move {
        loop {
            spawn_sleeper(&handle, process, 10, &Log::new());
            handle.sleep_ns(5).await;
            handle.kill(process);
        }
    });
    assert_eq!(killing.run_until(500), Stop::Deadline);
    assert_eq!(killing.run_until(u64::MAX), Stop::EventBudget);
}

#[test]
fn too_many_tasks_or_timers_stop_the_kernel() {
    let mut kernel = Kernel::new(KernelOptions {
        tasks_max: 2,
        ..KernelOptions::default()
    });
    let (handle, log) = (kernel.handle(), Log::new());
    spawn_sleeper(&handle, WORLD, 1, &log);
    spawn_sleeper(&handle, WORLD, 2, &log);
    kernel.run_until(1);
    spawn_sleeper(&handle, WORLD, 2, &log);
    assert_eq!(
        kernel.run_until(1),
        Stop::Deadline,
        "a place was free again"
    );
    let lost = spawn_sleeper(&handle, WORLD, 3, &log);
    assert!(!handle.is_live(lost));
    handle.stop();
    assert_eq!(kernel.run_until(100), Stop::TaskLimit);
    assert_eq!(kernel.run_until(100), Stop::TaskLimit);

    let mut kernel = Kernel::new(KernelOptions {
        timers_max: 1,
        ..KernelOptions::default()
    });
    let handle = kernel.handle();
    handle.schedule_at(1, || ());
    assert_eq!(kernel.run_until(0), Stop::Deadline);
    spawn_sleeper(&handle, WORLD, 2, &log);
    assert_eq!(kernel.run_until(100), Stop::TimerLimit);
}

#[test]
fn a_request_stops_one_run() {
    let mut kernel = kernel(1);
    let (handle, log) = (kernel.handle(), Log::new());
    spawn_sleeper(&handle, WORLD, 20, &log);
    let stopping = handle.clone();
    handle.schedule_at(10, move || stopping.stop());
    assert_eq!(kernel.run_until(100), Stop::Requested);
    assert_eq!(kernel.now_ns(), 10);
    assert_eq!(kernel.run_until(100), Stop::Idle);
    assert_eq!(log.all(), [20]);
}

// --- the trace ------------------------------------------------------------------------------------

/// A busy little world: some processes, a server, kills and pauses, all by the seed. `extra` is one
/// more record at that event, as a leak of determinism might make.
fn busy_world(seed: u64, trace: TraceOptions, extra: Option<u64>) -> Kernel {
    let mut kernel = Kernel::new(KernelOptions {
        seed,
        trace,
        ..KernelOptions::default()
    });
    let handle = kernel.handle();
    let notify = Notify::new();
    let processes: Vec<ProcessId> = (0..4).map(|n| handle.process(&format!("p{n}"))).collect();
    for (n, &process) in processes.iter().enumerate() {
        for _ in 0..5 {
            let (inner, notify) = (handle.clone(), notify.clone());
            let mut stream = handle.stream(&format!("p{n}"));
            handle.spawn(process, "worker", async move {
                loop {
                    inner.sleep_ns(stream.below(50)).await;
                    let (answer, reply) = oneshot();
                    let at_ns = inner.now_ns() + stream.below(20);
                    inner.schedule_at(at_ns, move || {
                        assert!(answer.send(at_ns).is_ok() || at_ns > 0);
                    });
                    inner.record(7, reply.await.unwrap_or(0), n as u64);
                    if extra == Some(inner.events()) {
                        inner.trace(|| "a leak".to_owned());
                        inner.record(8, 0, 0);
                    }
                    match stream.below(6) {
                        0 | 1 => notify.notify_one(),
                        2 => notify.notified().await,
                        _ => {}
                    }
                }
            });
        }
    }
    let (inner, mut stream) = (handle.clone(), handle.stream("faults"));
    handle.spawn(WORLD, "faults", async move {
        loop {
            inner.sleep_ns(200 + stream.below(200)).await;
            let process = processes[stream.below(4) as usize];
            match stream.below(8) {
                0 if inner.count_tasks(process) > 3 => inner.kill(process),
                1..4 => inner.pause(process),
                _ => inner.resume(process),
            }
        }
    });
    kernel.run_until(4_000);
    kernel
}

#[test]
fn the_trace_hash_is_the_same_for_the_same_and_differs_for_anything_else() {
    let hash = |seed, extra| busy_world(seed, TraceOptions::default(), extra).trace_hash();
    let first = busy_world(1, TraceOptions::default(), None);
    assert!(first.events() > 2_000, "{}", first.events());
    assert_eq!(first.trace_hash(), hash(1, None));
    assert_ne!(first.trace_hash(), hash(2, None));

    let mut hashes = BTreeSet::new();
    for difference in 0..7 {
        let mut kernel = kernel(1);
        let handle = kernel.handle();
        match difference {
            0 => handle.record(1, 2, 3),
            1 => handle.record(2, 2, 3),
            2 => handle.record(1, 2, 4),
            3 => handle.schedule_at(1, || ()),
            4 => handle.schedule_at(2, || ()),
            5 => drop(handle.stream("s").word()),
            _ => drop(handle.process("p")),
        }
        kernel.run_until(2);
        hashes.insert(kernel.trace_hash());
    }
    assert_eq!(hashes.len(), 7);
}

#[test]
fn a_divergence_is_named_with_both_sides() {
    let blocks = || TraceOptions {
        record_blocks: true,
        ..TraceOptions::default()
    };
    let (left, right) = (busy_world(1, blocks(), None), busy_world(1, blocks(), None));
    assert!(left.blocks().len() > 10);
    assert_eq!(
        divergence::first_block(&left.blocks(), &right.blocks()),
        None
    );

    // The leak is at the first event from 1,500 on at which a worker happens to be at that place.
    let differs_at = |at: &u64| {
        busy_world(1, TraceOptions::default(), Some(*at)).trace_hash() != left.trace_hash()
    };
    let leak_at = (1_500..1_600).find(differs_at).unwrap();
    let altered = busy_world(1, blocks(), Some(leak_at));
    let window = divergence::first_block(&left.blocks(), &altered.blocks()).unwrap();
    assert!(
        window.contains(&leak_at) && window.end - window.start <= 257,
        "{window:?}"
    );

    let readable = || TraceOptions {
        window: Some(window.clone()),
        ..TraceOptions::default()
    };
    let mut left = busy_world(1, readable(), None);
    let mut altered = busy_world(1, readable(), Some(leak_at));
    let divergence = divergence::first_event(&left.take_trace(), &altered.take_trace()).unwrap();
    assert_eq!(divergence.event, leak_at);
    assert_eq!(divergence.right.unwrap().what, "a leak");
    assert_eq!(divergence.left.unwrap().event, leak_at + 1);
}

#[test]
fn the_readable_trace_names_tasks_and_costs_nothing_when_off() {
    let trace = TraceOptions {
        window: Some(0..u64::MAX),
        ..TraceOptions::default()
    };
    let mut kernel = Kernel::new(KernelOptions {
        trace,
        ..KernelOptions::default()
    });
    let handle = kernel.handle();
    let process = handle.process("runner-1");
    let inner = handle.clone();
    handle.spawn(process, "lease", async move {
        inner.trace(|| "leased 3".to_owned());
    });
    kernel.run_until(1);
    handle.kill(process);
    let lines: Vec<String> = kernel
        .take_trace()
        .into_iter()
        .map(|line| line.what)
        .collect();
    assert_eq!(
        lines,
        [
            "Process runner-1",
            "Poll 0x0 runner-1/lease",
            "leased 3",
            "Kill runner-1"
        ]
    );

    let mut quiet = self::kernel(1);
    quiet.handle().trace(|| unreachable!("no trace is on"));
    assert_eq!(quiet.take_trace(), []);
}

#[test]
fn a_stream_opened_anew_is_another_and_moves_no_other() {
    let draw = |handle: &Handle, name: &str| handle.stream(name).word();
    let (left, right) = (kernel(1), kernel(1));
    let first = draw(&left.handle(), "a");
    let second = draw(&left.handle(), "a");
    assert_ne!(first, second);
    draw(&right.handle(), "b");
    assert_eq!(
        (draw(&right.handle(), "a"), draw(&right.handle(), "a")),
        (first, second)
    );
    assert_ne!(draw(&kernel(2).handle(), "a"), first);
    let draws: Vec<u64> = left.draws().into_iter().map(|(_, draws)| draws).collect();
    assert_eq!(draws, [2, 0], "two words of a, none of the kernel's own");
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, ..ProptestConfig::default() })]

    #[test]
    fn every_sleeper_wakes_when_it_should_whatever_the_stops(
        delays in prop::collection::vec(0..10_000_u64, 1..400),
        deadlines in prop::collection::vec(0..12_000_u64, 0..20),
        seed: u64,
    ) {
        let mut kernel = kernel(seed);
        let log = Log::new();
        for &delay_ns in &delays {
            spawn_sleeper(&kernel.handle(), WORLD, delay_ns, &log);
        }
        for deadline_ns in deadlines {
            kernel.run_until(deadline_ns);
            let due = delays.iter().filter(|&&delay_ns| delay_ns <= kernel.now_ns()).count();
            prop_assert!(log.all().len() == due || kernel.events() == 0);
        }
        prop_assert_eq!(kernel.run_until(u64::MAX), Stop::Idle);
        let mut expected = delays;
        expected.sort_unstable();
        prop_assert_eq!(log.all(), expected);
    }

    #[test]
    fn one_seed_is_one_run(seed: u64) {
        let run = |seed| {
            let kernel = busy_world(seed, TraceOptions::default(), None);
            (kernel.trace_hash(), kernel.events(), kernel.draws())
        };
        prop_assert_eq!(run(seed), run(seed));
    }
}
