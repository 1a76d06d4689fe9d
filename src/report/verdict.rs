//! Verdict of a rehearsal, and its exit code.

use serde::{Deserialize, Serialize};

/// Exit codes, worst first.
const WORST_FIRST: [u8; 7] = [1, 2, 13, 10, 12, 11, 0];

/// Verdict of a rehearsal.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum Verdict {
    /// All invariants held and all expectations and gates were met.
    Pass,
    /// An invariant or an expectation was violated, or the kernel stopped early.
    Fail,
    /// A `sometimes` expectation never happened.
    Miss,
    /// A gate was not met: too little happened for the run to mean anything.
    Vacuous,
}

impl Verdict {
    /// Returns the word in reports.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Pass => "PASS",
            Self::Fail => "FAIL",
            Self::Miss => "MISS",
            Self::Vacuous => "VACUOUS",
        }
    }

    /// Returns the exit code of a rehearsal with this verdict.
    pub const fn exit_code(self) -> u8 {
        match self {
            Self::Pass => 0,
            Self::Fail => 10,
            Self::Miss => 11,
            Self::Vacuous => 12,
        }
    }
}

/// Returns the worst of several exit codes; 0 for none.
pub fn worst_exit_code(codes: impl IntoIterator<Item = u8>) -> u8 {
    // An unknown code counts as an error of the program, which is the worst.
    let rank = |code: &u8| {
        WORST_FIRST
            .iter()
            .position(|known| known == code)
            .unwrap_or(0)
    };
    codes.into_iter().min_by_key(rank).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn worst_exit_code_of_several_is_the_worst() {
        assert_eq!(worst_exit_code([]), 0);
        assert_eq!(worst_exit_code([0, 11, 12]), 12);
        assert_eq!(worst_exit_code([12, 10, 11]), 10);
        assert_eq!(worst_exit_code([10, 13]), 13);
        assert_eq!(worst_exit_code([13, 2, 1]), 1);
    }
}
