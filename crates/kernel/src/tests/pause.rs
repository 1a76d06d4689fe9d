//! Pausing and resuming of processes.

use super::*;

#[test]
fn pause_holds_tasks_that_become_ready() {
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
fn pause_holds_ready_and_running_tasks() {
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
fn kill_ends_pause() {
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
