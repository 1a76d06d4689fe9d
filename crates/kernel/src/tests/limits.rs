//! Limits that stop the kernel.

use super::*;

fn post_again(handle: &Handle) {
    let inner = handle.clone();
    handle.schedule_at(0, move || post_again(&inner));
}

#[test]
fn event_budget_stops_endless_loop() {
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
fn tasks_or_timers_above_limit_stop_kernel() {
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
fn stop_request_ends_one_run() {
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
