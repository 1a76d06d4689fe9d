//! Capabilities: guarantees that not every service can give.

use std::fmt;
use std::time::Duration;

/// A guarantee that an adapter declares.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Capability {
    /// A call about a lease that has ended is answered `Expired` and changes nothing.
    FencedAnswers,
    /// A release can leave the attempt count as it was.
    UncountedRelease,
    /// A released message is not ready before its delay, and soon after it.
    ExactDelay,
    /// Each call states the length of its lease.
    PerCallLease,
    /// A repeated key is dropped for the length of a window, and accepted after it.
    IdempotencyWindow,
}

impl Capability {
    /// Every capability.
    pub const ALL: [Self; 5] = [
        Self::FencedAnswers,
        Self::UncountedRelease,
        Self::ExactDelay,
        Self::PerCallLease,
        Self::IdempotencyWindow,
    ];

    /// Returns the name in reports.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::FencedAnswers => "fenced-answers",
            Self::UncountedRelease => "uncounted-release",
            Self::ExactDelay => "exact-delay",
            Self::PerCallLease => "per-call-lease",
            Self::IdempotencyWindow => "idempotency-window",
        }
    }

    /// Returns the guarantee in one sentence.
    pub const fn statement(self) -> &'static str {
        match self {
            Self::FencedAnswers => {
                "A call about a lease that has ended is answered `Expired` and changes nothing."
            }
            Self::UncountedRelease => "A release can leave the attempt count as it was.",
            Self::ExactDelay => {
                "A released message is not ready before its delay, and soon after it."
            }
            Self::PerCallLease => "Each call states the length of its lease.",
            Self::IdempotencyWindow => {
                "A repeated key is dropped for the length of a window, and accepted after it."
            }
        }
    }
}

impl fmt::Display for Capability {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// Guarantees that an adapter declares.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[allow(clippy::struct_excessive_bools, reason = "each is declared on its own")]
pub struct Capabilities {
    /// See [`Capability::FencedAnswers`].
    pub fenced_answers: bool,
    /// See [`Capability::UncountedRelease`].
    pub uncounted_release: bool,
    /// See [`Capability::ExactDelay`].
    pub exact_delay: bool,
    /// See [`Capability::PerCallLease`].
    pub per_call_lease: bool,
    /// Length of the window of [`Capability::IdempotencyWindow`].
    pub idempotency_window: Option<Duration>,
}

impl Capabilities {
    /// Returns all guarantees, with a window of this length.
    pub const fn all(idempotency_window: Duration) -> Self {
        Self {
            fenced_answers: true,
            uncounted_release: true,
            exact_delay: true,
            per_call_lease: true,
            idempotency_window: Some(idempotency_window),
        }
    }

    /// Returns whether the adapter declares the capability.
    pub const fn has(&self, capability: Capability) -> bool {
        match capability {
            Capability::FencedAnswers => self.fenced_answers,
            Capability::UncountedRelease => self.uncounted_release,
            Capability::ExactDelay => self.exact_delay,
            Capability::PerCallLease => self.per_call_lease,
            Capability::IdempotencyWindow => self.idempotency_window.is_some(),
        }
    }
}
