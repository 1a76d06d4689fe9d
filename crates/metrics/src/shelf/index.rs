//! Instruments by name, each with its series.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::handle::Handle;
use crate::definition::{Definition, Family, RegisterError, Text};
use crate::histogram::Shape;
use crate::labels::Labels;
use crate::observe::Observe;

/// The instruments, and every name that a page could carry because of them.
#[derive(Default)]
pub(crate) struct Index {
    pub(crate) entries: BTreeMap<Text, Entry>,
    claims: BTreeSet<Text>,
}

impl Index {
    pub(super) fn add_closed(
        &mut self,
        family: Family,
        definition: &Definition,
        shape: Option<Arc<Shape>>,
        handle: impl Fn(usize) -> Handle,
    ) -> Result<(), RegisterError> {
        let labels = Labels::of_closed(definition.labels).enumerate();
        let series = labels
            .map(|(index, labels)| (labels, handle(index)))
            .collect();
        self.add(family, Source::Closed(series), shape)
    }

    pub(super) fn add(
        &mut self,
        family: Family,
        source: Source,
        shape: Option<Arc<Shape>>,
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
        let entry = Entry::new(family, source, shape);
        self.entries.insert(entry.family.name.clone(), entry);
        Ok(())
    }
}

/// One instrument with its series.
pub(crate) struct Entry {
    pub(crate) family: Arc<Family>,
    pub(crate) source: Source,
    pub(super) shape: Option<Arc<Shape>>,
    /// How many of the series take what goes beyond the cap. They don't count towards it.
    pub(super) overflows: usize,
    /// Whether a series was removed while somebody held it. Its place may be free by now.
    pub(super) has_hidden: bool,
}

/// Where an instrument's series come from.
pub(crate) enum Source {
    /// Every combination of closed labels, from the start and for good.
    Closed(BTreeMap<Labels, Handle>),
    /// Whatever was registered.
    Open(BTreeMap<Labels, Handle>),
    /// Whatever the observer gives.
    Observed(Arc<dyn Observe>),
}

impl Entry {
    fn new(family: Family, source: Source, shape: Option<Arc<Shape>>) -> Self {
        Self {
            family: Arc::new(family),
            source,
            shape,
            overflows: 0,
            has_hidden: false,
        }
    }

    pub(super) fn series(&self) -> Option<&BTreeMap<Labels, Handle>> {
        match &self.source {
            Source::Closed(series) | Source::Open(series) => Some(series),
            Source::Observed(_) => None,
        }
    }

    /// Whether one more series fits under the cap, once removed ones that nobody holds are gone.
    pub(super) fn has_room(&mut self, series_max: usize) -> bool {
        let Source::Open(series) = &mut self.source else {
            return false;
        };
        if series.len() - self.overflows >= series_max && self.has_hidden {
            series.retain(|_, handle| handle.is_visible() || !handle.is_last());
            self.overflows = series.keys().filter(|labels| labels.is_overflow()).count();
            self.has_hidden = !series.values().all(Handle::is_visible);
        }
        series.len() - self.overflows < series_max
    }
}
