//! Instruments by which every registry reports on itself.

use super::definition::{Definition, Origin};
use super::label::SampleFault;

const fn layer(definition: Definition) -> Definition {
    definition.from_origin(Origin::Layer)
}

/// Samples that a histogram refused.
pub const SAMPLES_REFUSED: Definition = layer(
    Definition::counter(
        "metrics_samples_refused_total",
        "Histogram samples refused because they were no finite, non-negative number.",
    )
    .labelled::<SampleFault>(),
);
/// Series that the registry refused.
pub const SERIES_REFUSED: Definition = layer(Definition::counter(
    "metrics_series_refused_total",
    "Registrations refused: invalid name or label, or a conflict. They record nothing.",
));
/// Series beyond the cap.
pub const SERIES_OVERFLOWED: Definition = layer(Definition::counter(
    "metrics_series_overflowed_total",
    "Series asked for beyond the cap of their instrument, recorded as `_overflow`.",
));

/// Instruments of every registry.
pub const LAYER: [Definition; 3] = [SAMPLES_REFUSED, SERIES_REFUSED, SERIES_OVERFLOWED];
