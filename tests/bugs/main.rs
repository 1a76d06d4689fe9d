//! A bench of bugs.
mod bench;
mod committing;
mod counting;
mod list;
mod messages;
mod outliving;
mod per_life;
mod planning;
#[path = "../plant/mod.rs"]
mod plant;
mod scanning;
use std::collections::BTreeMap;
fn main() {
    let n: u64 = std::env::var("SEEDS").map_or(100, |s| s.parse().unwrap());
    let only = std::env::var("ONLY").unwrap_or_default();
    let scenario = bench::quickstart();
    std::panic::set_hook(Box::new(|_| {}));
    for bug in list::ALL
        .iter()
        .filter(|b| only.is_empty() || only.split(',').any(|o| b.name.contains(o)))
    {
        let began = std::time::Instant::now();
        let mut causes: BTreeMap<String, (u64, u64, String)> = BTreeMap::new();
        let mut failed = 0;
        for seed in 0..n {
            if let Some(f) = bug.try_seed(&scenario, seed).failure {
                failed += 1;
                let e = causes
                    .entry(f.cause.name.clone())
                    .or_insert((0, seed, f.message.clone()));
                e.0 += 1;
            }
        }
        println!(
            "{:28} {failed:4}/{n} {:.1}s",
            bug.name,
            began.elapsed().as_secs_f64()
        );
        for (name, (count, seed, message)) in causes {
            println!(
                "      {name} x{count} first {seed}: {}",
                message.chars().take(230).collect::<String>()
            );
        }
    }
}
