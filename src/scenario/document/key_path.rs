//! Paths of values in a scenario document.

/// One segment of a key path.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PathSegment {
    /// The value of a key of a table.
    Key(String),
    /// The element of a list at an index, counted from 0.
    Index(usize),
}

/// Path from the document's root to a value, as in `schedule[2].limits.maxJobs`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct KeyPath(Vec<PathSegment>);

impl KeyPath {
    /// The empty path, which names the document itself.
    pub fn root() -> Self {
        Self::default()
    }

    /// Returns the path extended by a key.
    #[must_use]
    pub fn key(&self, key: &str) -> Self {
        self.extended(PathSegment::Key(key.to_owned()))
    }

    /// Returns the path extended by a list index, counted from 0.
    #[must_use]
    pub fn index(&self, index: usize) -> Self {
        self.extended(PathSegment::Index(index))
    }

    /// Segments from the root outwards.
    pub fn segments(&self) -> &[PathSegment] {
        &self.0
    }

    fn extended(&self, segment: PathSegment) -> Self {
        let mut segments = self.0.clone();
        segments.push(segment);
        Self(segments)
    }
}
