//! A program with an invariant of its own: no scanner request in a maintenance window.
//!
//! The bundled scenario `quickstart` knows no such window, so the rehearsal finds violations:
//!
//! ```text
//! cargo run --release --example own_invariant
//! ```

use std::error::Error;
use std::path::Path;

use rehearsal::check::{
    CheckContext, Invariant, InvariantName, ObservedScanRequest, ViolationDetail, scenario_loader,
};
use rehearsal::rehearsal::Rehearsal;

/// Name in the report. Names of the contract's invariants are variants of the same type.
const NAME: InvariantName = InvariantName::Custom("maintenance-window");

/// Hour of the day, UTC, in which the scanner is maintained.
const WINDOW_HOUR: i64 = 19;

/// Checks that no request goes out to the scanner in the window.
#[derive(Debug, Default)]
struct MaintenanceWindow {
    /// Requests outside of the window.
    allowed: u64,
}

impl Invariant for MaintenanceWindow {
    fn names(&self) -> &[InvariantName] {
        &[NAME]
    }

    /// Called for each request; the methods of all other observation kinds do nothing.
    fn scan_sent(&mut self, context: &mut CheckContext<'_>, request: &ObservedScanRequest<'_>) {
        let hour = context.now().seconds() / 3_600 % 24;
        let holds = hour != WINDOW_HOUR;
        self.allowed += u64::from(holds);
        // A check counts as exercised once the scanner has been used at all.
        let (allowed, now) = (self.allowed, context.now());
        context.check(NAME, allowed > 0, holds, || {
            ViolationDetail::of(format_args!("a scanner request of {}", request.incarnation))
                .is(format_args!("sent at {now}"))
                .expected(format_args!(
                    "sent outside of {WINDOW_HOUR}:00 to 20:00 UTC"
                ))
                .because(format_args!(
                    "the scanner is maintained then; {allowed} requests went out before"
                ))
        });
    }
}

/// Rehearses `quickstart` and returns the violations.
///
/// # Errors
/// The scenario can't be read or simulated.
pub fn violations() -> Result<Vec<String>, Box<dyn Error>> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("scenarios/quickstart.toml");
    let scenario = scenario_loader(&[]).load(&path)?;
    let finished = Rehearsal::builder(&scenario)
        .invariant(MaintenanceWindow::default())
        .run()?;
    let findings = finished.oracle.findings_of(NAME);
    let violations = findings
        .into_iter()
        .flat_map(|findings| &findings.violations);
    Ok(violations.map(ToString::to_string).collect())
}

fn main() -> Result<(), Box<dyn Error>> {
    for violation in violations()? {
        println!("{violation}");
    }
    Ok(())
}
