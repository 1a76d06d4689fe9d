//! Cache of definitions and lists of schedules, so that equal reads share their allocations.

use std::collections::HashMap;
use std::sync::Arc;

use rehearsal_worker::model::commit::{BacklogRow, DocumentVersion};
use rehearsal_worker::model::{Schedule, ScheduleId, SharedList};
use rehearsal_worker::ports::ScheduleEntry;

/// Definitions and lists that were read last, with their versions.
#[derive(Debug, Default)]
pub(super) struct ScheduleCache {
    definitions: HashMap<ScheduleId, (DocumentVersion, Arc<Schedule>)>,
    pub entries: CachedList<ScheduleEntry>,
    pub rows: CachedList<BacklogRow>,
}

impl ScheduleCache {
    pub fn definition(&self, id: &ScheduleId, defined: DocumentVersion) -> Option<Arc<Schedule>> {
        let (version, schedule) = self.definitions.get(id)?;
        (*version == defined).then(|| Arc::clone(schedule))
    }

    pub fn keep_definition(
        &mut self,
        defined: DocumentVersion,
        schedule: Arc<Schedule>,
    ) -> Arc<Schedule> {
        let kept = (defined, Arc::clone(&schedule));
        self.definitions.insert(schedule.id.clone(), kept);
        schedule
    }
}

/// List with the version of its content.
#[derive(Debug)]
pub(super) struct CachedList<T>(Option<(DocumentVersion, SharedList<T>)>);

impl<T> Default for CachedList<T> {
    fn default() -> Self {
        Self(None)
    }
}

impl<T: Clone> CachedList<T> {
    pub fn of(&self, version: DocumentVersion) -> Option<SharedList<T>> {
        let (known, list) = self.0.as_ref()?;
        (*known == version).then(|| list.clone())
    }

    pub fn keep(&mut self, version: DocumentVersion, items: Vec<T>) -> SharedList<T> {
        let list: SharedList<T> = items.into_iter().collect();
        self.0 = Some((version, list.clone()));
        list
    }
}
