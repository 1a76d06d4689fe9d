//! Instruments by name, each with its series.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::handle::InstrumentHandle;
use crate::definition::{Definition, Family, RegisterError, Text};
use crate::histogram::HistogramLayout;
use crate::labels::Labels;
use crate::observable::ObservableCallback;

/// The instruments, and every name that an exposition could carry because of them.
#[derive(Default)]
pub(crate) struct InstrumentIndex {
    pub(crate) entries: BTreeMap<Text, InstrumentEntry>,
    claims: BTreeSet<Text>,
}

impl InstrumentIndex {
    pub(super) fn add_static(
        &mut self,
        family: Family,
        definition: &Definition,
        shape: Option<Arc<HistogramLayout>>,
        handle: impl Fn(usize) -> InstrumentHandle,
    ) -> Result<(), RegisterError> {
        let labels = Labels::of_closed(definition.labels).enumerate();
        let series = labels
            .map(|(index, labels)| (labels, handle(index)))
            .collect();
        self.add(family, SeriesSource::Closed(series), shape)
    }

    pub(super) fn add(
        &mut self,
        family: Family,
        source: SeriesSource,
        shape: Option<Arc<HistogramLayout>>,
    ) -> Result<(), RegisterError> {
        family.check()?;
        if self.entries.contains_key(&family.name) {
            return Err(RegisterError::Conflict(family.name.into_owned()));
        }
        let claims = family.claims();
        if let Some(claimed) = claims.iter().find(|claim| self.claims.contains(*claim)) {
            let (name, claimed) = (family.name.to_string(), claimed.to_string());
            return Err(RegisterError::Claimed { name, claimed });
        }
        self.claims.extend(claims);
        let entry = InstrumentEntry::new(family, source, shape);
        self.entries.insert(entry.family.name.clone(), entry);
        Ok(())
    }
}

/// One instrument with its series.
pub(crate) struct InstrumentEntry {
    pub(crate) family: Arc<Family>,
    pub(crate) source: SeriesSource,
    pub(super) shape: Option<Arc<HistogramLayout>>,
    /// Number of overflow series. They do not count towards the cap.
    pub(super) overflows: usize,
    /// Set if a series was removed while a handle existed. Its entry may be free by now.
    pub(super) has_hidden: bool,
}

/// Where an instrument's series come from.
pub(crate) enum SeriesSource {
    /// Every combination of static labels, from the registration on.
    Closed(BTreeMap<Labels, InstrumentHandle>),
    /// Whatever was registered.
    DynamicFamily(BTreeMap<Labels, InstrumentHandle>),
    /// Whatever the observer gives.
    Observed(Arc<dyn ObservableCallback>),
}

impl InstrumentEntry {
    fn new(family: Family, source: SeriesSource, shape: Option<Arc<HistogramLayout>>) -> Self {
        Self {
            family: Arc::new(family),
            source,
            shape,
            overflows: 0,
            has_hidden: false,
        }
    }

    pub(super) fn series(&self) -> Option<&BTreeMap<Labels, InstrumentHandle>> {
        match &self.source {
            SeriesSource::Closed(series) | SeriesSource::DynamicFamily(series) => Some(series),
            SeriesSource::Observed(_) => None,
        }
    }

    /// Drops removed series without a handle, and returns whether one more series fits.
    pub(super) fn has_room(&mut self, series_max: usize) -> bool {
        let SeriesSource::DynamicFamily(series) = &mut self.source else {
            return false;
        };
        if series.len() - self.overflows >= series_max && self.has_hidden {
            series.retain(|_, handle| handle.is_visible() || !handle.is_last());
            self.overflows = series.keys().filter(|labels| labels.is_overflow()).count();
            self.has_hidden = !series.values().all(InstrumentHandle::is_visible);
        }
        series.len() - self.overflows < series_max
    }
}
