//! State machine of the alerts of one rule.
//!
//! ```text
//!             in the vector              for `for` long
//!  inactive ────────────────> pending ────────────────> firing
//!     ^                          │                        │
//!     └──── not in the vector ───┴── not, for `keep_firing_for` long
//! ```

use std::collections::BTreeMap;

use promql_parser::label::METRIC_NAME;

use super::file::{ALERT_NAME, AlertRule};
use rehearsal_metrics::Labels;

/// Series of pending and firing alerts.
pub(super) const ALERTS: &str = "ALERTS";
/// Series with the time at which an alert became pending.
pub(super) const ALERTS_FOR_STATE: &str = "ALERTS_FOR_STATE";

/// Inactive, pending or firing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum AlertState {
    /// The condition does not hold.
    Inactive,
    /// The condition holds, but not yet for `for`.
    Pending,
    /// The condition has held for `for`.
    Firing,
}

impl AlertState {
    /// Value of the label `alertstate`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Inactive => "inactive",
            Self::Pending => "pending",
            Self::Firing => "firing",
        }
    }
}

/// Change of an alert's state.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Transition {
    /// Time of the change, ms since 1970.
    pub at_ms: i64,
    /// New state.
    pub state: AlertState,
}

/// Alert with its labels and its history.
#[derive(Clone, Debug)]
pub struct Alert {
    /// Name of the rule.
    pub name: String,
    /// Labels including `alertname`.
    pub labels: Labels,
    /// State changes in order.
    pub transitions: Vec<Transition>,
    /// Labels available to its templates.
    subject: Labels,
    /// Changes of its value.
    values: Vec<(i64, f64)>,
}

impl Alert {
    /// State after the last evaluation at or before a time.
    pub fn state_at(&self, at_ms: i64) -> AlertState {
        let past = self
            .transitions
            .partition_point(|change| change.at_ms <= at_ms);
        past.checked_sub(1)
            .map_or(AlertState::Inactive, |last| self.transitions[last].state)
    }

    /// Firing periods, ms since 1970; `end_ms` ends an alert that still fires.
    pub fn firing(&self, end_ms: i64) -> impl Iterator<Item = (i64, i64)> {
        let ends = self.transitions.iter().skip(1).map(|change| change.at_ms);
        let spans = self.transitions.iter().zip(ends.chain([end_ms]));
        let is_firing = |(change, _): &(&Transition, i64)| change.state == AlertState::Firing;
        spans
            .filter(is_firing)
            .map(|(change, end)| (change.at_ms, end))
    }

    /// Returns the annotations after the evaluation at an instant.
    pub fn annotations_at(&self, rule: &AlertRule, at_ms: i64) -> Vec<(String, String)> {
        let past = self.values.partition_point(|(since, _)| *since <= at_ms);
        let value = past
            .checked_sub(1)
            .map_or(f64::NAN, |last| self.values[last].1);
        let annotations = rule.annotations.iter();
        annotations
            .map(|(name, template)| (name.clone(), template.expand(&self.subject, value)))
            .collect()
    }
}

/// All alerts of one rule.
pub(super) struct AlertStates<'r> {
    rule: &'r AlertRule,
    alerts: BTreeMap<Labels, AlertHistory>,
}

struct AlertHistory {
    alert: Alert,
    state: AlertState,
    active_at_ms: i64,
    /// Time since which it fires only because of `keep_firing_for`.
    kept_since_ms: Option<i64>,
    /// Time of its last sample in the vector.
    seen_at_ms: i64,
}

/// Pending or firing alert.
pub(super) struct ActiveAlert<'s> {
    pub labels: &'s Labels,
    pub state: AlertState,
    pub since_ms: i64,
}

impl<'r> AlertStates<'r> {
    pub(super) fn new(rule: &'r AlertRule) -> Self {
        Self {
            rule,
            alerts: BTreeMap::new(),
        }
    }

    /// Processes the vector of an evaluation later than all before.
    ///
    /// # Errors
    ///
    /// Labels of an alert that two samples would have.
    pub(super) fn evaluate<'v>(
        &mut self,
        at_ms: i64,
        vector: impl Iterator<Item = (&'v Labels, f64)>,
    ) -> Result<(), Labels> {
        for (subject, value) in vector {
            self.see(at_ms, subject, value)?;
        }
        let (wait, keep) = (self.rule.for_ms, self.rule.keep_firing_for_ms);
        for tracked in self.alerts.values_mut() {
            tracked.proceed(at_ms, wait, keep);
        }
        Ok(())
    }

    /// Pending and firing alerts after the last evaluation.
    pub(super) fn active(&self) -> impl Iterator<Item = ActiveAlert<'_>> {
        let is_active = |tracked: &&AlertHistory| tracked.state != AlertState::Inactive;
        let tracked = self.alerts.values().filter(is_active);
        tracked.map(|tracked| ActiveAlert {
            labels: &tracked.alert.labels,
            state: tracked.state,
            since_ms: tracked.active_at_ms,
        })
    }

    pub(super) fn into_alerts(self) -> impl Iterator<Item = Alert> {
        self.alerts.into_values().map(|tracked| tracked.alert)
    }

    /// Labels of the alert of a sample.
    fn labels_of(&self, subject: &Labels, value: f64) -> Labels {
        let nameless = subject.without(METRIC_NAME);
        let own = self.rule.labels.iter();
        let labelled = own.fold(nameless, |labels, (name, template)| {
            labels.with(name, &template.expand(subject, value))
        });
        labelled.with(ALERT_NAME, &self.rule.name)
    }

    fn see(&mut self, at_ms: i64, subject: &Labels, value: f64) -> Result<(), Labels> {
        let labels = self.labels_of(subject, value);
        let tracked = self
            .alerts
            .entry(labels)
            .or_insert_with_key(|labels| AlertHistory::new(&self.rule.name, labels.clone()));
        if tracked.seen_at_ms == at_ms {
            return Err(tracked.alert.labels.clone());
        }
        tracked.seen_at_ms = at_ms;
        let last = tracked.alert.values.last();
        if last.is_none_or(|(_, last)| last.to_bits() != value.to_bits()) {
            tracked.alert.values.push((at_ms, value));
        }
        if tracked.state == AlertState::Inactive {
            tracked.active_at_ms = at_ms;
            tracked.alert.subject = subject.clone();
            tracked.enter(AlertState::Pending, at_ms);
        }
        Ok(())
    }
}

impl AlertHistory {
    fn new(name: &str, labels: Labels) -> Self {
        Self {
            alert: Alert {
                name: name.to_owned(),
                subject: labels.clone(),
                labels,
                transitions: Vec::new(),
                values: Vec::new(),
            },
            state: AlertState::Inactive,
            active_at_ms: 0,
            kept_since_ms: None,
            seen_at_ms: i64::MIN,
        }
    }

    /// Enters a state. A state entered at the same time is replaced.
    fn enter(&mut self, state: AlertState, at_ms: i64) {
        self.state = state;
        let transitions = &mut self.alert.transitions;
        if transitions.last().is_some_and(|last| last.at_ms == at_ms) {
            transitions.pop();
        }
        transitions.push(Transition { at_ms, state });
    }

    fn proceed(&mut self, at_ms: i64, wait_ms: i64, keep_ms: i64) {
        if self.state == AlertState::Inactive {
            return;
        }
        if self.seen_at_ms == at_ms {
            self.kept_since_ms = None;
            if self.state == AlertState::Pending && at_ms - self.active_at_ms >= wait_ms {
                self.enter(AlertState::Firing, at_ms);
            }
            return;
        }
        let kept_since = *self.kept_since_ms.get_or_insert(at_ms);
        if self.state == AlertState::Pending || at_ms - kept_since >= keep_ms {
            self.kept_since_ms = None;
            self.enter(AlertState::Inactive, at_ms);
        }
    }
}
