//! Stations against queueing theory: waiting time, utilisation and Little's law; and who is served.

use std::cell::RefCell;
use std::rc::Rc;
use std::time::Duration;

use super::{Station, StationStatistics};
use crate::scenario::DistributionSpec;
use crate::sim::kernel::{Handle, Kernel, KernelOptions, ProcessId};
use crate::sim::sampler::Sampler;
use crate::worker::duration::Duration as StatedDuration;

/// Mean service time of every station here, in seconds.
const MEAN_SERVICE: f64 = 0.01;

/// Number of customers of a simulated queue.
const CUSTOMERS: u32 = 150_000;

/// Relative error that is accepted: about three standard errors of the mean wait at a load of 0.8.
const TOLERANCE: f64 = 0.08;

fn exponential(mean_seconds: f64) -> Sampler {
    let mean = StatedDuration::from(Duration::from_secs_f64(mean_seconds));
    Sampler::of_durations(&DistributionSpec::Exponential { mean }).unwrap()
}

/// Statistics of a simulated queue, and the times in it as its customers measured them.
struct SimulatedQueue {
    statistics: StationStatistics,
    /// Sum of the waits, in seconds.
    waited: f64,
}

/// Simulates M/M/c: random arrivals, exponential service times, `servers` servers.
fn simulate(servers: usize, utilisation: f64, seed: u64) -> SimulatedQueue {
    let mut kernel = Kernel::new(KernelOptions {
        seed,
        ..KernelOptions::default()
    });
    let handle = kernel.handle();
    let station = Station::new(handle.clone(), servers);
    let count = u32::try_from(servers).unwrap();
    let gaps = exponential(MEAN_SERVICE / (utilisation * f64::from(count)));
    let services = exponential(MEAN_SERVICE);
    let waited = Rc::new(RefCell::new(0.0));
    let (queue, total, source) = (station.clone(), Rc::clone(&waited), handle.clone());
    handle.spawn(ProcessId::WORLD, "source", async move {
        let mut stream = source.stream("queue");
        for _ in 0..CUSTOMERS {
            source.sleep_ns(gaps.draw_whole(&mut stream)).await;
            let service_ns = services.draw_whole(&mut stream);
            let (queue, total, clock) = (queue.clone(), Rc::clone(&total), source.clone());
            source.spawn(ProcessId::WORLD, "customer", async move {
                let came_ns = clock.now_ns();
                let _server = queue.enter().await;
                *total.borrow_mut() += Duration::from_nanos(clock.now_ns() - came_ns).as_secs_f64();
                clock.sleep_ns(service_ns).await;
            });
        }
    });
    kernel.run_until(u64::MAX);
    let waited = *waited.borrow();
    SimulatedQueue {
        statistics: station.statistics(),
        waited,
    }
}

/// Erlang's C formula: the probability that an arriving customer has to wait.
fn erlang_c(servers: u32, utilisation: f64) -> f64 {
    let offered = utilisation * f64::from(servers);
    // Terms a^k / k! for k = 0 to c.
    let terms: Vec<f64> = (0..servers)
        .scan(1.0, |term, k| {
            let now = *term;
            *term *= offered / f64::from(k + 1);
            Some(now)
        })
        .collect();
    let all_busy = terms.last().unwrap() * offered / f64::from(servers) / (1.0 - utilisation);
    all_busy / (terms.iter().sum::<f64>() + all_busy)
}

#[track_caller]
fn assert_near(what: &str, found: f64, expected: f64) {
    let error = (found - expected).abs() / expected;
    assert!(error < TOLERANCE, "{what} is {found}, expected {expected}");
}

#[test]
fn mean_wait_and_utilisation_are_those_of_theory() {
    for (servers, utilisation, seed) in [(1, 0.5, 1), (1, 0.8, 2), (3, 0.8, 3), (16, 0.9, 4)] {
        let SimulatedQueue { statistics, .. } = simulate(servers, utilisation, seed);
        let count = u32::try_from(servers).unwrap();
        let idle_rate = f64::from(count) * (1.0 - utilisation) / MEAN_SERVICE;
        let expected = erlang_c(count, utilisation) / idle_rate;
        assert_near(
            "the mean wait",
            statistics.waits.mean().as_secs_f64(),
            expected,
        );
        let busy = statistics.mean_busy() / f64::from(count);
        assert_near("the utilisation", busy, utilisation);
        assert_eq!(statistics.arrivals, u64::from(CUSTOMERS));
        assert_eq!(statistics.waits.count, u64::from(CUSTOMERS));
    }
}

#[test]
fn queue_length_is_the_arrival_rate_times_the_wait() {
    // Little's law holds for every sequence of arrivals, so nothing is left to chance.
    let SimulatedQueue { statistics, waited } = simulate(2, 0.7, 5);
    let rate = f64::from(CUSTOMERS) / statistics.elapsed.as_secs_f64();
    let expected = rate * waited / f64::from(CUSTOMERS);
    let error = (statistics.mean_queue_length() - expected).abs() / expected;
    assert!(error < 1e-6, "{error}");
    let wait = statistics.waits.mean().as_secs_f64();
    assert!(
        (wait - waited / f64::from(CUSTOMERS)).abs() < 1e-6,
        "{wait}"
    );
}

/// Order in which customers are served.
type Served = Rc<RefCell<Vec<(u32, u64)>>>;

/// A customer that comes at once and is served for a second.
async fn be_served(number: u32, station: Station, handle: Handle, served: Served) {
    let _server = station.enter().await;
    served
        .borrow_mut()
        .push((number, handle.now_ns() / 1_000_000_000));
    handle.sleep_ns(1_000_000_000).await;
}

#[test]
fn customers_are_served_in_the_order_of_their_arrival_and_without_those_that_left() {
    let mut kernel = Kernel::new(KernelOptions::default());
    let handle = kernel.handle();
    let station = Station::new(handle.clone(), 1);
    let (leaving, served) = (handle.process("leaving"), Served::default());
    for number in 0..6 {
        let at_ns = u64::from(number) * 1_000_000;
        let (station, served, clock) = (station.clone(), Rc::clone(&served), handle.clone());
        // Customers 0 and 2 are killed: one in service, the other in the queue.
        let process = if number == 0 || number == 2 {
            leaving
        } else {
            ProcessId::WORLD
        };
        handle.schedule_at(at_ns, move || {
            let customer = be_served(number, station, clock.clone(), served);
            clock.spawn(process, "customer", customer);
        });
    }
    let killer = handle.clone();
    handle.schedule_at(500_000_000, move || killer.kill(leaving));
    kernel.run_until(u64::MAX);
    assert_eq!(*served.borrow(), [(0, 0), (1, 0), (3, 1), (4, 2), (5, 3)]);
    let statistics = station.statistics();
    assert_eq!((statistics.arrivals, statistics.waits.count), (6, 5));
    assert!(station.is_idle());
    let longest = Duration::from_millis(3_500 - 5);
    assert_eq!(statistics.waits.longest, longest);
}
