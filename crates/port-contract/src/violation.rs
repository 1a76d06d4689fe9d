//! Violations of the contract, and the checks that find them.

use std::fmt::{Debug, Display};

use rehearsal_worker::ports::PortError;

/// A violated property: `<object> is X, expected Y, because Z`.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct ContractViolation(String);

/// Result of a check.
pub type ContractResult<T = ()> = Result<T, ContractViolation>;

impl ContractViolation {
    /// Creates the violation that `object` is `found`.
    pub fn new(
        object: impl Display,
        found: impl Display,
        expected: impl Display,
        because: impl Display,
    ) -> Self {
        Self(format!(
            "{object} is {found}, expected {expected}, because {because}"
        ))
    }
}

impl From<PortError> for ContractViolation {
    fn from(error: PortError) -> Self {
        Self::new(
            "the result of a call",
            format!("`{error}`"),
            "an answer",
            "the service is up and its connections are open",
        )
    }
}

/// Requires that a value is equal to the expected one.
pub(crate) fn expect<T: Debug + PartialEq + ?Sized>(
    object: impl Display,
    found: &T,
    expected: &T,
    because: impl Display,
) -> ContractResult {
    if found == expected {
        return Ok(());
    }
    let (found, expected) = (format!("{found:?}"), format!("{expected:?}"));
    Err(ContractViolation::new(object, found, expected, because))
}

/// Requires a condition on a value; `expected` describes it.
pub(crate) fn require(
    holds: bool,
    object: impl Display,
    found: impl Debug,
    expected: impl Display,
    because: impl Display,
) -> ContractResult {
    if holds {
        return Ok(());
    }
    let found = format!("{found:?}");
    Err(ContractViolation::new(object, found, expected, because))
}
