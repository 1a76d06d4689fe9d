//! The labels of one series.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use super::definition::{RegisterError, Text, check_label};
use super::label::LabelDefinition;

/// The label value of the series that takes what goes beyond the cap.
pub const OVERFLOW: &str = "_overflow";

/// Label names and values, sorted by name. Cheap to clone.
///
/// ```
/// use rehearsal_metrics::Labels;
///
/// let labels = |first: &'static str, second: &'static str| {
///     Labels::new("reports_total", [first, second].map(|name| (name.into(), "x".into())))
/// };
/// assert_eq!(labels("a", "b")?, labels("b", "a")?);
/// assert_eq!(labels("a", "b")?.get("a"), Some("x"));
/// assert!(labels("a", "a").is_err() && labels("a", "not a name").is_err());
/// # Ok::<(), rehearsal_metrics::RegisterError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Labels(Arc<[(Text, Text)]>);

impl Labels {
    /// Checks the names and sorts. Values may be any text.
    ///
    /// # Errors
    ///
    /// A name that is no label name, or one that is given twice; `name` is the instrument's, for
    /// the message.
    pub fn new(
        name: &str,
        pairs: impl IntoIterator<Item = (Text, Text)>,
    ) -> Result<Self, RegisterError> {
        let mut pairs: Vec<(Text, Text)> = pairs.into_iter().collect();
        for (label, _) in &pairs {
            check_label(label)?;
        }
        pairs.sort_unstable();
        if let Some(twice) = pairs.windows(2).find(|two| two[0].0 == two[1].0) {
            let label = twice[0].0.to_string();
            return Err(RegisterError::DuplicateLabel {
                name: name.to_owned(),
                label,
            });
        }
        Ok(Self(pairs.into()))
    }

    /// No labels.
    pub fn none() -> Self {
        Self(Arc::new([]))
    }

    /// The pairs, sorted by name.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = (&str, &str)> {
        self.0
            .iter()
            .map(|(name, value)| (name.as_ref(), value.as_ref()))
    }

    /// The value of a label.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.iter()
            .find(|(label, _)| *label == name)
            .map(|(_, value)| value)
    }

    /// These pairs, the last of each name. Unlike [`Self::new`] it takes any text for a name, such
    /// as `__name__`.
    pub fn of_pairs(pairs: impl IntoIterator<Item = (Text, Text)>) -> Self {
        let by_name: BTreeMap<Text, Text> = pairs.into_iter().collect();
        Self(by_name.into_iter().collect())
    }

    /// The same with one label set; the empty value takes it away.
    #[must_use]
    pub fn with(&self, name: &str, value: &str) -> Self {
        let mut pairs: Vec<(Text, Text)> = self.0.to_vec();
        match pairs.binary_search_by(|(label, _)| label.as_ref().cmp(name)) {
            Ok(place) if value.is_empty() => drop(pairs.remove(place)),
            Ok(place) => pairs[place].1 = value.to_owned().into(),
            Err(_) if value.is_empty() => {}
            Err(place) => pairs.insert(place, (name.to_owned().into(), value.to_owned().into())),
        }
        Self(pairs.into())
    }

    /// Only those labels whose name is to be kept.
    #[must_use]
    pub fn retaining(&self, keep: impl Fn(&str) -> bool) -> Self {
        let kept = self.0.iter().filter(|(name, _)| keep(name));
        Self(kept.cloned().collect())
    }

    /// The same without one label.
    #[must_use]
    pub fn without(&self, name: &str) -> Self {
        let others = self.0.iter().filter(|(label, _)| label != name);
        Self(others.cloned().collect())
    }

    /// The combinations of static labels, in the order of their indices.
    pub fn of_closed(labels: &[LabelDefinition]) -> impl Iterator<Item = Self> {
        let count = labels.iter().map(|label| label.values.len()).product();
        (0..count).map(move |index: usize| {
            let mut rest = index;
            let mut pairs: Vec<(Text, Text)> = Vec::with_capacity(labels.len());
            for label in labels.iter().rev() {
                pairs.push((
                    label.name.into(),
                    label.values[rest % label.values.len()].into(),
                ));
                rest /= label.values.len();
            }
            pairs.sort_unstable();
            Self(pairs.into())
        })
    }

    /// The same with what a scrape adds: `job`, `instance`, and a bucket's `le`.
    pub(crate) fn scraped(&self, job: Text, instance: Text, le: Option<Text>) -> Self {
        let mut pairs: Vec<(Text, Text)> = Vec::with_capacity(self.0.len() + 3);
        pairs.extend(self.0.iter().map(|(name, value)| match name.as_ref() {
            "job" => ("exported_job".into(), value.clone()),
            "instance" => ("exported_instance".into(), value.clone()),
            _ => (name.clone(), value.clone()),
        }));
        pairs.push(("job".into(), job));
        pairs.push(("instance".into(), instance));
        pairs.extend(le.map(|le| ("le".into(), le)));
        pairs.sort_unstable();
        Self(pairs.into())
    }

    /// Whether these are the labels of a series that takes what goes beyond the cap.
    pub(crate) fn is_overflow(&self) -> bool {
        !self.0.is_empty() && self.0.iter().all(|(_, value)| value == OVERFLOW)
    }

    /// The same names with one and the same value.
    pub(crate) fn with_all(&self, value: &'static str) -> Self {
        Self(
            self.0
                .iter()
                .map(|(name, _)| (name.clone(), value.into()))
                .collect(),
        )
    }
}

impl fmt::Display for Labels {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("{")?;
        for (index, (name, value)) in self.iter().enumerate() {
            let separator = if index == 0 { "" } else { "," };
            write!(formatter, "{separator}{name}={value:?}")?;
        }
        formatter.write_str("}")
    }
}
