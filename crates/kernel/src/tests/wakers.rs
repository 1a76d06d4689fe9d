//! Own, foreign and stale wakers.

use super::*;

#[test]
fn stale_waker_does_not_wake_next_task_in_slot() {
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
fn waker_reaches_own_kernel_only() {
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
fn foreign_waker_wakes_and_is_counted() {
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
fn sleep_can_move_to_another_task() {
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
fn task_waking_itself_is_polled_again() {
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
