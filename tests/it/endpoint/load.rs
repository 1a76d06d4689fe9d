//! Many clients, slow clients, and limits of the system, against a server process of its own.

use std::fs::File;
use std::io::BufRead;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use super::client::{Client, IS_SERVER, ServerProcess, ask};
use super::{serve, worker_registry};

/// Connections that the endpoint serves at the same time.
const CONNECTIONS: usize = 2_048;

const REQUEST: &str = "GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n";

/// The process that [`ServerProcess`] starts. It obeys the lines of its input until that ends.
#[test]
#[ignore = "other tests start it in a process of its own"]
fn server_process() {
    if std::env::var_os(IS_SERVER).is_none() {
        return;
    }
    let endpoint = serve(&worker_registry());
    println!("reply={}", endpoint.address());
    let mut files = Vec::new();
    for line in std::io::stdin().lock().lines() {
        match line.unwrap().as_str() {
            "open every file" => {
                files.extend(std::iter::from_fn(|| File::open("/dev/null").ok()));
            }
            _ => files.clear(),
        }
        println!("reply={} open files", files.len());
    }
}

/// Allows this process, and those that it starts, enough open files.
fn allow_open_files() {
    use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
    let limit = getrlimit(Resource::Nofile);
    let need = 2 * u64::try_from(CONNECTIONS).unwrap() + 500;
    let current = limit.current.map(|current| current.max(need));
    let (current, maximum) = (current, limit.maximum);
    setrlimit(Resource::Nofile, Rlimit { current, maximum })
        .unwrap_or_else(|error| panic!("{need} open files are needed: {error}"));
}

/// Sends a request one byte at a time, and never the end of it.
fn send_slowly(address: SocketAddr, is_done: &AtomicBool) {
    let mut client = Client::connect(address);
    client.send("GET /metrics HTTP/1.1\r\nHost: x\r\nX: ");
    while !is_done.load(Ordering::Relaxed) {
        client.send("x");
        thread::sleep(Duration::from_millis(50));
    }
}

/// Times of scrapes, each on a connection of its own.
fn scrape(address: SocketAddr, count: usize) -> Vec<Duration> {
    let times = (0..count).map(|_| {
        let began = Instant::now();
        assert_eq!(ask(address, REQUEST).status, 200);
        began.elapsed()
    });
    times.collect()
}

#[test]
fn idle_and_slow_connections_do_not_slow_down_scrapes() {
    allow_open_files();
    let server = ServerProcess::start();
    let address = server.address;
    // Half of them have never sent anything, the others are kept alive.
    let idle = (0..1_000).map(|index| {
        let mut client = Client::connect(address);
        assert!(index % 2 == 0 || client.get("/other").status == 404);
        client
    });
    let idle: Vec<_> = idle.collect();
    let is_done = AtomicBool::new(false);
    let mut times = thread::scope(|scope| {
        for _ in 0..20 {
            scope.spawn(|| send_slowly(address, &is_done));
        }
        let scrapers = [(); 5].map(|()| scope.spawn(move || scrape(address, 100)));
        let times = scrapers.map(|scraper| scraper.join().unwrap());
        is_done.store(true, Ordering::Relaxed);
        times.concat()
    });
    times.sort();
    assert_eq!(times.len(), 500);
    let quantile = times[494];
    println!("the 99th percentile of 500 scrapes is {quantile:?}");
    assert!(quantile < Duration::from_secs(1), "{quantile:?}");
    drop(idle);
}

#[test]
fn clients_beyond_the_limit_get_503_and_old_ones_are_served() {
    allow_open_files();
    let server = ServerProcess::start();
    let address = server.address;
    let mut old: Vec<_> = (0..CONNECTIONS).map(|_| Client::connect(address)).collect();
    for _ in 0..3 {
        let mut client = Client::connect(address);
        let refusal = client.get("/metrics");
        assert_eq!(refusal.status, 503);
        assert_eq!(refusal.field("retry-after"), Some("5"));
        assert_eq!(refusal.field("connection"), Some("close"));
        assert!(client.answer().is_none());
    }
    for client in old.iter_mut().step_by(64) {
        assert_eq!(client.get("/metrics").status, 200);
    }
    // A connection that ends makes room for one.
    drop(old.pop());
    let deadline = Instant::now() + Duration::from_secs(10);
    let mut statuses = std::iter::repeat_with(|| ask(address, REQUEST).status);
    assert!(statuses.any(|status| status == 200 || Instant::now() > deadline));
    assert!(Instant::now() < deadline, "there is no room");
}

#[test]
#[cfg(target_os = "linux")]
fn server_without_open_files_waits_and_goes_on() {
    let mut server = ServerProcess::start();
    let mut old = Client::connect(server.address);
    assert_eq!(old.get("/metrics").status, 200);
    assert_ne!(server.tell("open every file"), "0 open files");
    let began = processor_time(server.child.id());
    let mut new = Client::connect(server.address);
    new.send(REQUEST);
    thread::sleep(Duration::from_millis(500));
    assert_eq!(old.get("/metrics").status, 200);
    // Ticks are 10 ms.
    let busy = processor_time(server.child.id()) - began;
    assert!(busy < 20, "the server was busy for {busy} ticks");
    assert_eq!(server.tell("close them"), "0 open files");
    assert_eq!(new.answer().unwrap().status, 200);
}

/// Processor time of a process in ticks of the system.
fn processor_time(process: u32) -> u64 {
    let stat = std::fs::read_to_string(format!("/proc/{process}/stat")).unwrap();
    let fields = stat.rsplit_once(") ").unwrap().1.split(' ');
    // User and system time, the 14th and 15th field of the whole line.
    fields
        .skip(11)
        .take(2)
        .map(|time| time.parse::<u64>().unwrap())
        .sum()
}
