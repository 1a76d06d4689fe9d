//! Every property holds on one SQLite file.

use std::rc::Rc;
use std::sync::Arc;
use std::time::{Duration, Instant};

use rehearsal_port_contract::{
    ContractViolation, Property, PropertyFamily, PropertyVerdict, properties,
};
use tokio::runtime::Builder;
use tokio::sync::Semaphore;
use tokio::task::{JoinSet, LocalSet};

use crate::bench::SqliteBench;
use crate::planted::PlantedFault;

/// Families whose ports the adapters have.
const FAMILIES: [PropertyFamily; 3] = [
    PropertyFamily::Commit,
    PropertyFamily::Store,
    PropertyFamily::Queue,
];

/// Number of properties that are checked at once. They mostly sleep.
const AT_ONCE: usize = 16;

/// Time after which a property that has not ended never ends.
const LIMIT: Duration = Duration::from_secs(60);

/// Property that is checked on a file of its own.
pub struct PropertyCheck {
    pub property: Property<SqliteBench>,
    pub planted: Option<&'static PlantedFault>,
}

/// Property with the verdict on it.
#[derive(Clone)]
pub struct CheckedProperty {
    pub name: &'static str,
    pub planted: Option<&'static PlantedFault>,
    pub verdict: PropertyVerdict,
    pub took: Duration,
}

/// Checks several properties at once. With a higher `pace` all durations are longer.
pub fn check_all(
    checks: impl IntoIterator<Item = PropertyCheck>,
    pace: u32,
) -> Vec<CheckedProperty> {
    let runtime = Builder::new_current_thread().enable_time().build();
    let at_once = Arc::new(Semaphore::new(AT_ONCE));
    let mut tasks = JoinSet::new();
    let local = LocalSet::new();
    for check in checks {
        let at_once = Arc::clone(&at_once);
        let checked = async move {
            let _permit = at_once.acquire().await;
            check_one(check, pace).await
        };
        tasks.spawn_local_on(checked, &local);
    }
    let all = local.run_until(tasks.join_all());
    runtime.expect("a runtime").block_on(all)
}

async fn check_one(check: PropertyCheck, pace: u32) -> CheckedProperty {
    let PropertyCheck { property, planted } = check;
    let start = Instant::now();
    let bench = Rc::new(SqliteBench::create(pace, planted));
    let verdict = tokio::time::timeout(LIMIT, property.check(bench)).await;
    let endless = |_| {
        let because = "the services are up";
        let violation = ContractViolation::new("the check", "not ended", "ended", because);
        PropertyVerdict::Violated(violation)
    };
    CheckedProperty {
        name: property.name,
        planted,
        verdict: verdict.unwrap_or_else(endless),
        took: start.elapsed(),
    }
}

/// Returns the properties of a family, without planted faults.
fn suite(family: PropertyFamily) -> impl Iterator<Item = PropertyCheck> {
    let all = properties::<SqliteBench>().into_iter();
    let chosen = all.filter(move |property| property.family == family);
    chosen.map(|property| PropertyCheck {
        property,
        planted: None,
    })
}

/// A busy machine may delay a call beyond any tolerance. So a violated property is checked once
/// more with durations that are four times as long; a defect does not depend on them.
#[test]
fn every_property_holds_on_one_sqlite_file() {
    // The store's properties work without pause, so those of the queues, which measure times,
    // follow them.
    let first = FAMILIES.map(|family| check_all(suite(family), 1)).concat();
    let longest = first.iter().max_by_key(|checked| checked.took);
    let longest = longest.expect("the suite has properties");
    println!(
        "longest of {}: {} {:?}",
        first.len(),
        longest.name,
        longest.took
    );
    let violated: Vec<_> = first
        .iter()
        .filter(|checked| checked.verdict != PropertyVerdict::Holds)
        .collect();
    for checked in &violated {
        println!("{} {}; checked again", checked.name, checked.verdict);
    }
    let is_violated = |name| violated.iter().any(|checked| checked.name == name);
    let all = FAMILIES.into_iter().flat_map(suite);
    let again = all.filter(|check| is_violated(check.property.name));
    let again = check_all(again, 4).into_iter();
    let failed = again.filter(|checked| checked.verdict != PropertyVerdict::Holds);
    let failed: Vec<_> = failed
        .map(|checked| format!("{} {}", checked.name, checked.verdict))
        .collect();
    assert!(failed.is_empty(), "{}", failed.join("\n"));
}
