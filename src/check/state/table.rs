//! Small numbers for things with long names, so that the hot paths never hash a name twice.

use rehearsal_convert::Index;
use std::hash::Hash;

use rustc_hash::FxHashMap;

macro_rules! index {
    ($($(#[$doc:meta])* $name:ident;)*) => {$(
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub(crate) struct $name(pub u32);

        impl From<usize> for $name {
            fn from(index: usize) -> Self {
                Self(index.index_u32())
            }
        }

        impl From<$name> for usize {
            fn from(index: $name) -> usize {
                index.0 as usize
            }
        }
    )*};
}

index! {
    /// A process.
    ProcessIndex;
    /// An incarnation of a process.
    IncarnationIndex;
    /// A tenant.
    TenantIndex;
    /// A schedule.
    ScheduleIndex;
    /// A run.
    RunIndex;
}

/// Records by name, numbered in the order in which they came. Look-ups by name cost a hash,
/// look-ups by number none. Iteration is in the order of the numbers.
#[derive(Debug)]
pub(crate) struct InternedTable<K, I, T> {
    numbers: FxHashMap<K, u32>,
    records: Vec<T>,
    index: std::marker::PhantomData<I>,
}

impl<K, I, T> Default for InternedTable<K, I, T> {
    fn default() -> Self {
        Self {
            numbers: FxHashMap::default(),
            records: Vec::new(),
            index: std::marker::PhantomData,
        }
    }
}

impl<K: Hash + Eq + Clone, I: From<usize> + Into<usize> + Copy, T> InternedTable<K, I, T> {
    /// The number of a name, if it is known.
    pub fn find(&self, name: &K) -> Option<I> {
        self.numbers
            .get(name)
            .map(|number| I::from(*number as usize))
    }

    /// The number of a name; a record is made for a new one.
    pub fn number(&mut self, name: &K, make: impl FnOnce() -> T) -> I {
        if let Some(number) = self.numbers.get(name) {
            return I::from(*number as usize);
        }
        let number = self.records.len();
        self.numbers.insert(name.clone(), number.index_u32());
        self.records.push(make());
        I::from(number)
    }

    /// Every record with its number.
    pub fn iter(&self) -> impl Iterator<Item = (I, &T)> {
        self.records
            .iter()
            .enumerate()
            .map(|(number, record)| (I::from(number), record))
    }

    /// Every number.
    pub fn indices(&self) -> impl Iterator<Item = I> + use<K, I, T> {
        (0..self.records.len()).map(I::from)
    }
}

impl<K, I: Into<usize>, T> std::ops::Index<I> for InternedTable<K, I, T> {
    type Output = T;

    fn index(&self, index: I) -> &T {
        &self.records[index.into()]
    }
}

impl<K, I: Into<usize>, T> std::ops::IndexMut<I> for InternedTable<K, I, T> {
    fn index_mut(&mut self, index: I) -> &mut T {
        &mut self.records[index.into()]
    }
}
