//! Trace hash, blocks and readable trace.

use super::*;
use rehearsal_convert::Index;

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
            let process = processes[stream.below(4).to_index()];
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
fn trace_hash_differs_iff_run_differs() {
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
fn divergence_is_named_with_both_sides() {
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
fn readable_trace_names_tasks_and_is_free_when_off() {
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
fn random_stream_reopened_is_independent() {
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
    fn sleepers_wake_on_time_under_any_stops(
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
    fn run_with_same_seed_is_identical(seed: u64) {
        let run = |seed| {
            let kernel = busy_world(seed, TraceOptions::default(), None);
            (kernel.trace_hash(), kernel.events(), kernel.draws())
        };
        prop_assert_eq!(run(seed), run(seed));
    }
}
