//! Cancellation of timers and tasks.

use super::*;

#[test]
fn cancelled_timer_does_not_move_clock() {
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
fn pending_timers_are_counted_by_process_until_cancelled() {
    let mut kernel = kernel(1);
    let (handle, log) = (kernel.handle(), Log::new());
    let (process, other) = (handle.process("p"), handle.process("q"));
    for delay_ns in [10, 200, 300] {
        spawn_sleeper(&handle, process, delay_ns, &log);
    }
    spawn_sleeper(&handle, other, 400, &log);
    kernel.run_until(100);
    let counts = || [process, other].map(|process| handle.count_timers(process));
    assert_eq!(counts(), [2, 1]);
    handle.kill(process);
    assert_eq!(counts(), [0, 1]);
}

#[test]
fn stale_timers_before_deadline_mean_idle() {
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
