//! The registry's own cells of one series, of whatever kind.

use std::sync::Arc;

use crate::cells::{CellOffset, SeriesVisibility};
use crate::counter::{Counter, UpDownCounter};
use crate::definition::InstrumentKind;
use crate::gauge::Gauge;
use crate::histogram::Histogram;
use crate::snapshot::Reading;

/// The registry's own cells of one series.
#[derive(Clone)]
pub(crate) enum InstrumentHandle {
    Counter(Counter),
    UpDownCounter(UpDownCounter),
    Gauge(Gauge),
    Histogram(Histogram),
}

impl InstrumentHandle {
    fn life(&self) -> Option<&Arc<SeriesVisibility>> {
        match self {
            Self::Counter(counter) => counter.life(),
            Self::UpDownCounter(up_down) => up_down.life(),
            Self::Histogram(histogram) => histogram.life(),
            Self::Gauge(_) => None,
        }
    }

    /// Where the first word is; gauges have none.
    pub(crate) fn place(&self) -> Option<&CellOffset> {
        match self {
            Self::Counter(counter) => Some(counter.place()),
            Self::UpDownCounter(up_down) => Some(up_down.place()),
            Self::Histogram(histogram) => Some(histogram.place()),
            Self::Gauge(_) => None,
        }
    }

    /// Whether the series is in the exposition.
    pub(crate) fn is_visible(&self) -> bool {
        match self {
            Self::Gauge(gauge) => gauge.get().is_some(),
            other => other.life().is_none_or(|life| !life.is_hidden()),
        }
    }

    /// Maps the reading of the series; a gauge without a value has none.
    pub(crate) fn read<R>(&self, map: impl FnOnce(Reading<'_>) -> R) -> Option<R> {
        Some(match self {
            Self::Counter(counter) => map(Reading::Counter(counter.get())),
            Self::UpDownCounter(up_down) => map(Reading::UpDownCounter(up_down.get())),
            Self::Gauge(gauge) => map(Reading::Gauge(gauge.get()?)),
            Self::Histogram(histogram) => map(Reading::Histogram(&histogram.read())),
        })
    }

    pub(super) fn hide(&self) {
        match self {
            Self::Gauge(gauge) => gauge.remove(),
            other => other.life().into_iter().for_each(|life| life.hide()),
        }
    }

    pub(super) fn show(&self) {
        match self {
            Self::Gauge(gauge) => gauge.revive(),
            other => other.life().into_iter().for_each(|life| life.show()),
        }
    }

    /// Returns whether this is the only handle to the series.
    pub(super) fn is_last(&self) -> bool {
        match self {
            Self::Gauge(gauge) => gauge.is_last(),
            other => other
                .life()
                .is_some_and(|life| Arc::strong_count(life) == 1),
        }
    }
}

/// A handle type, and the handles of its kind.
pub(crate) trait TypedHandle: Sized {
    const KIND: InstrumentKind;
    fn of(handle: InstrumentHandle) -> Option<Self>;
}

macro_rules! cells {
    ($($kind:ident),+) => {$(
        impl TypedHandle for $kind {
            const KIND: InstrumentKind = InstrumentKind::$kind;
            fn of(handle: InstrumentHandle) -> Option<Self> {
                match handle {
                    InstrumentHandle::$kind(handle) => Some(handle),
                    _ => None,
                }
            }
        }
    )+};
}

cells!(Counter, UpDownCounter, Gauge, Histogram);
