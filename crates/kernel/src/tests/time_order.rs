//! Order of events in time.

use super::*;

#[test]
fn sleep_ends_at_instant_and_run_at_deadline() {
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
fn sleep_until_past_instant_ends_now() {
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
fn actions_of_same_instant_run_in_order_before_tasks() {
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
fn interleaving_depends_on_seed_only() {
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
fn single_ready_task_draws_nothing() {
    let mut kernel = kernel(1);
    let log = Log::new();
    for delay_ns in 1..10 {
        kernel.run_until(0);
        spawn_sleeper(&kernel.handle(), WORLD, delay_ns, &log);
    }
    kernel.run_until(100);
    assert_eq!(kernel.draws(), [("kernel.choice".to_owned(), 0)]);
}
