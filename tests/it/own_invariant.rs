//! An invariant of the library's user, as in `examples/own_invariant.rs`.

#[allow(dead_code, reason = "the example is a program of its own")]
#[path = "../../examples/own_invariant.rs"]
mod example;

#[test]
fn own_invariant_reports_violations_of_its_name() {
    let violations = example::violations().unwrap();
    assert!(!violations.is_empty());
    for violation in violations {
        assert!(
            violation.starts_with("maintenance-window at 2024-10-26T19:"),
            "{violation}"
        );
        assert!(violation.contains("because the scanner is maintained then"));
    }
}
