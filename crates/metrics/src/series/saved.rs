//! A recording as plain data, so that it can be written to a file and read again.
//!
//! Times are kept as differences, and differences as runs, since scrapes are regular: a month of
//! them takes a few bytes.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::super::{Bounds, Family, InstrumentKind, Labels, Precision, Unit};
use super::column::SampleColumn;
use super::{InstanceId, SeriesId, SeriesKey, StoredSeries, TargetInstance, TimeSeriesStore};
use rehearsal_convert::Index;

/// A recording as plain data.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct SavedTimeSeries {
    job: String,
    families: Vec<SavedFamily>,
    instances: Vec<SavedInstance>,
    series: Vec<SavedSeries>,
}

/// Plain data that is no recording: what is wrong with it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct RestoreError(String);

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct SavedFamily {
    name: String,
    kind: InstrumentKind,
    unit: Unit,
    help: String,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    bounds: Option<Vec<f64>>,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    precision: Option<Precision>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct SavedInstance {
    name: String,
    scrapes: SavedTimes,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct SavedSeries {
    /// Its instance, by number.
    instance: u32,
    name: String,
    labels: Vec<(String, String)>,
    times: SavedTimes,
    values: Vec<SavedValue>,
}

/// Rising times in ms since 1970: how far on the next one is (the first from 1970), and how often
/// so.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
struct SavedTimes(Vec<(i64, u32)>);

/// Maximum number of times of one process or series: a scrape each second for a year.
const TIMES_MAX: u64 = 32_000_000;

/// A value after a change.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
enum SavedValue {
    Number(f64),
    /// `NaN`, `inf` or `-inf`, which JSON has no numbers for.
    Odd(String),
    /// The series ends.
    End(()),
}

impl TimeSeriesStore {
    /// The recording as plain data.
    pub fn save(&self) -> SavedTimeSeries {
        SavedTimeSeries {
            job: self.job.to_string(),
            families: self.families.values().map(SavedFamily::of).collect(),
            instances: self.instances.iter().map(SavedInstance::of).collect(),
            series: self.series.iter().map(SavedSeries::of).collect(),
        }
    }

    /// The recording again.
    ///
    /// # Errors
    /// The data contradicts itself, as only damaged or hand-made data does.
    pub fn restore(saved: SavedTimeSeries) -> Result<Self, RestoreError> {
        let mut recording = Self::new(saved.job);
        for family in saved.families {
            recording.describe(&family.restore()?);
        }
        for instance in saved.instances {
            recording.instances.push(TargetInstance {
                name: instance.name.into(),
                up: SeriesId(u32::MAX),
                scrapes_ms: instance.scrapes.restore()?,
                series: Vec::new(),
                watch: None,
                known: Vec::new(),
            });
        }
        for series in saved.series {
            recording.restore_series(series)?;
        }
        match recording.instances.iter().find(|i| i.up.0 == u32::MAX) {
            Some(instance) => Err(wrong(format!("instance `{}` has no `up`", instance.name))),
            None => Ok(recording),
        }
    }

    fn restore_series(&mut self, saved: SavedSeries) -> Result<(), RestoreError> {
        let id = SeriesId(self.series.len().index_u32());
        let name: Arc<str> = saved.name.into();
        let Some(instance) = self.instances.get_mut(saved.instance as usize) else {
            return Err(wrong(format!(
                "a series `{name}` is of an unknown instance"
            )));
        };
        if *name == *"up" {
            instance.up = id;
        }
        instance.series.push(id);
        let pairs = saved.labels.into_iter();
        let pairs = pairs.map(|(label, value)| (label.into(), value.into()));
        let labels = Labels::new(&name, pairs).map_err(|error| wrong(error.to_string()))?;
        let column = column(&name, &saved.times, &saved.values)?;
        let key = SeriesKey {
            name: Arc::clone(&name),
            labels: labels.clone(),
        };
        if self.ids.insert(key, id).is_some() {
            return Err(wrong(format!("there are two series `{name}{labels}`")));
        }
        self.by_name.entry(Arc::clone(&name)).or_default().push(id);
        self.series.push(StoredSeries {
            instance: InstanceId(saved.instance),
            name,
            labels,
            column,
        });
        Ok(())
    }
}

fn wrong(what: String) -> RestoreError {
    RestoreError(what)
}

fn column(
    name: &str,
    times: &SavedTimes,
    values: &[SavedValue],
) -> Result<SampleColumn, RestoreError> {
    let times = times.restore()?;
    if times.len() != values.len() {
        let (times, values) = (times.len(), values.len());
        return Err(wrong(format!(
            "`{name}` has {times} times but {values} values"
        )));
    }
    let mut column = SampleColumn::default();
    for (at_ms, value) in times.into_iter().zip(values) {
        match value {
            SavedValue::Number(value) => column.push(at_ms, *value),
            SavedValue::End(()) => column.end(at_ms),
            SavedValue::Odd(text) => match text.parse::<f64>() {
                Ok(value) => column.push(at_ms, value),
                Err(_) => return Err(wrong(format!("`{name}` has the value `{text}`"))),
            },
        };
    }
    Ok(column)
}

impl SavedFamily {
    fn of(family: &Family) -> Self {
        Self {
            name: family.name.to_string(),
            kind: family.kind,
            unit: family.unit,
            help: family.help.to_string(),
            bounds: family
                .bounds
                .as_ref()
                .map(|bounds| bounds.as_slice().to_vec()),
            precision: family.precision,
        }
    }

    fn restore(self) -> Result<Family, RestoreError> {
        let bounds = self.bounds.map(|bounds| Bounds::new(&bounds)).transpose();
        Ok(Family {
            bounds: bounds.map_err(|error| wrong(format!("`{}`: {error}", self.name)))?,
            name: self.name.into(),
            kind: self.kind,
            unit: self.unit,
            help: self.help.into(),
            precision: self.precision,
        })
    }
}

impl SavedInstance {
    fn of(instance: &TargetInstance) -> Self {
        Self {
            name: instance.name.to_string(),
            scrapes: SavedTimes::of(&instance.scrapes_ms),
        }
    }
}

impl SavedSeries {
    fn of(series: &StoredSeries) -> Self {
        let owned = |(label, value): (&str, &str)| (label.to_owned(), value.to_owned());
        Self {
            instance: series.instance.0,
            name: series.name.to_string(),
            labels: series.labels.iter().map(owned).collect(),
            times: SavedTimes::of(series.column.changes().0),
            values: series
                .column
                .values_and_ends()
                .map(SavedValue::of)
                .collect(),
        }
    }
}

impl SavedValue {
    fn of(value: Option<f64>) -> Self {
        match value {
            None => Self::End(()),
            Some(value) if value.is_finite() => Self::Number(value),
            Some(value) => Self::Odd(value.to_string()),
        }
    }
}

impl SavedTimes {
    fn of(times_ms: &[i64]) -> Self {
        let mut runs: Vec<(i64, u32)> = Vec::new();
        let mut last_ms = 0;
        for at_ms in times_ms {
            let step = at_ms - last_ms;
            last_ms = *at_ms;
            match runs.last_mut() {
                Some((same, count)) if *same == step => *count += 1,
                _ => runs.push((step, 1)),
            }
        }
        Self(runs)
    }

    fn restore(&self) -> Result<Vec<i64>, RestoreError> {
        let count: u64 = self.0.iter().map(|(_, count)| u64::from(*count)).sum();
        if count > TIMES_MAX {
            return Err(wrong(format!("{count} times in a row are too many")));
        }
        let mut times_ms: Vec<i64> = Vec::with_capacity(count.to_index());
        let mut last_ms: i64 = 0;
        for (step, count) in &self.0 {
            for _ in 0..*count {
                if *step <= 0 && !times_ms.is_empty() {
                    return Err(wrong(format!("a time is followed by one {step} ms later")));
                }
                let next = last_ms.checked_add(*step);
                last_ms = next.ok_or_else(|| wrong("a time is out of range".into()))?;
                times_ms.push(last_ms);
            }
        }
        Ok(times_ms)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::super::super::{CollectContext, Registry};
    use super::*;

    /// Two processes, one of which goes away and one of which loses a series and has it again; odd
    /// values.
    fn recording() -> TimeSeriesStore {
        let mut recording = TimeSeriesStore::new("night");
        let first = recording.instance("worker-0");
        let registry = Registry::new();
        let counter = Family::counter("jobs_total").help("Jobs.");
        let counter = registry.counter(&counter, Labels::none()).unwrap();
        let context = CollectContext::default();
        for second in 1..=5 {
            counter.add(second);
            recording
                .scrape(first, second.cast_signed() * 15_000, &registry, &context)
                .unwrap();
        }
        recording.scrape_failed(first, 90_000).unwrap();
        let second = recording.instance("worker-1");
        let labels = Labels::new("odd", [("kind".into(), "a \"quoted\" one".into())]).unwrap();
        for (at_ms, value) in [(1, f64::NAN), (2, f64::INFINITY), (4, 0.1 + 0.2), (9, -0.0)] {
            recording
                .scrape_values(second, at_ms, [("odd", &labels, value)])
                .unwrap();
        }
        recording.scrape_values(second, 12, []).unwrap();
        recording
            .scrape_values(second, 15, [("odd", &labels, 1.0)])
            .unwrap();
        recording
    }

    fn told(recording: &TimeSeriesStore) -> Vec<String> {
        let ids = recording.select(None, &[]);
        let tell = |id: &SeriesId| {
            let samples: Vec<_> = recording.samples(*id, i64::MIN, i64::MAX).collect();
            format!(
                "{}{} {samples:?}",
                recording.name(*id),
                recording.labels(*id)
            )
        };
        ids.iter().map(tell).collect()
    }

    #[test]
    fn saved_recording_restores_identically() {
        let recording = recording();
        let text = serde_json::to_string(&recording.save()).unwrap();
        assert!(text.contains("\"scrapes\":[[15000,6]]"), "{text}");
        let saved: SavedTimeSeries = serde_json::from_str(&text).unwrap();
        let restored = TimeSeriesStore::restore(saved.clone()).unwrap();
        assert_eq!(told(&restored), told(&recording));
        assert_eq!(restored.save(), saved);
        let families =
            |recording: &TimeSeriesStore| recording.families().cloned().collect::<Vec<_>>();
        assert_eq!(families(&restored), families(&recording));
    }

    #[test]
    fn restored_recording_accepts_new_samples() {
        let mut restored = TimeSeriesStore::restore(recording().save()).unwrap();
        let first = restored.instance("worker-0");
        assert!(restored.scrape_failed(first, 90_000).is_err());
        restored.scrape_failed(first, 105_000).unwrap();
        assert_eq!(restored.instances().count(), 2);

        let second = restored.instance("worker-1");
        let labels = Labels::new("odd", [("kind".into(), "a \"quoted\" one".into())]).unwrap();
        let known = restored.series_count();
        restored
            .scrape_values(second, 20, [("odd", &labels, 7.0)])
            .unwrap();
        assert_eq!(restored.series_count(), known, "under its own number");
        let mut again = TimeSeriesStore::restore(restored.save()).unwrap();
        again.scrape_failed(second, 25).unwrap();
        let odd = again.select(Some("odd"), &[])[0];
        let samples = again.samples(odd, 16, 25);
        let samples: Vec<_> = samples.map(|it| (it.at_ms, it.value)).collect();
        assert_eq!(
            samples,
            [(20, 7.0)],
            "a failed scrape ends what was restored"
        );
    }

    #[test]
    fn restore_of_damaged_data_is_refused_with_reason() {
        let sound = serde_json::to_value(recording().save()).unwrap();
        let refused = |pointer: &str, value: Value| {
            let mut damaged = sound.clone();
            *damaged.pointer_mut(pointer).unwrap() = value;
            let saved: SavedTimeSeries = serde_json::from_value(damaged).unwrap();
            match TimeSeriesStore::restore(saved) {
                Ok(_) => panic!("{pointer} was taken"),
                Err(error) => error.to_string(),
            }
        };
        for (pointer, value, reason) in [
            ("/series/1/instance", json!(7), "of an unknown instance"),
            ("/series/1/values", json!([1.0]), "times but 1 values"),
            (
                "/series/1/times",
                json!([[5, 1], [-3, 5]]),
                "followed by one -3 ms later",
            ),
            (
                "/series/1/times",
                json!([[i64::MAX, 1], [1, 5]]),
                "out of range",
            ),
            (
                "/series/1/times",
                json!([[1, u32::MAX], [1, u32::MAX]]),
                "too many",
            ),
            ("/series/1/name", json!("up"), "two series `up"),
            ("/series/0/name", json!("down"), "`worker-0` has no `up`"),
            ("/series/1/labels/0/0", json!("a b"), "a b"),
            ("/series/3/values/0", json!("many"), "has the value `many`"),
        ] {
            let said = refused(pointer, value);
            assert!(said.contains(reason), "{pointer}: {said}");
        }
    }
}
