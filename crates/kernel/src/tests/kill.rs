//! Killing of processes.

use super::*;

#[test]
fn kill_drops_tasks_at_await_and_process_restarts() {
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
fn task_killing_own_process_ends_at_next_await() {
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
fn task_killing_own_process_and_returning_ends_once() {
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
fn destructor_during_kill_can_use_kernel() {
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
fn world_process_ignores_kill_and_pause() {
    let mut kernel = kernel(1);
    let (handle, log) = (kernel.handle(), Log::new());
    spawn_sleeper(&handle, WORLD, 10, &log);
    handle.kill(WORLD);
    handle.pause(WORLD);
    assert_eq!(kernel.run_until(100), Stop::Idle);
    assert_eq!(log.all(), [10]);
}

#[test]
fn action_scheduled_before_kill_still_runs() {
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
fn dropped_kernel_drops_tasks_and_disables_handles() {
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
fn panic_in_task_leaves_kernel_usable() {
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
