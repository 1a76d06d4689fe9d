//! Checks of faults, and of the times of faults and operations.

use super::SemanticValidator;
use crate::scenario::document::KeyPath;
use crate::scenario::{Duration, ProcessTarget, Timing};

impl SemanticValidator<'_> {
    /// Checks the times of a fault or operation; `noun` is its name in messages.
    pub(super) fn check_timing(&mut self, path: &KeyPath, timing: &Timing, noun: &str) {
        let ways = [
            ("at", timing.at),
            ("every", timing.every),
            ("meanInterval", timing.mean_interval),
        ];
        let stated: Vec<&str> = ways
            .iter()
            .filter(|(_, value)| value.is_some())
            .map(|(key, _)| *key)
            .collect();
        match stated.as_slice() {
            [] => self.report_with(
                path,
                format!("the {noun} has no time"),
                "no time given",
                Some("write one of `at`, `every` and `meanInterval`, like `at = \"2h30m\"`".into()),
            ),
            [_] => self.check_window(path, timing, noun),
            [_, second, ..] => {
                let label = format!("`{}` is given as well", stated[0]);
                let help = Some("keep one of `at`, `every` and `meanInterval`".into());
                self.report_with(
                    &path.key(second),
                    format!("the {noun} has two times"),
                    label,
                    help,
                );
            }
        }
    }

    fn check_window(&mut self, path: &KeyPath, timing: &Timing, noun: &str) {
        let duration = self.scenario.duration;
        let outside = format!("the {noun} is outside the rehearsal");
        let label = format!("the rehearsal lasts {duration}");
        if timing.at.is_some_and(|at| at >= duration) {
            return self.report(&path.key("at"), outside, label);
        }
        for (key, interval) in [
            ("every", timing.every),
            ("meanInterval", timing.mean_interval),
        ] {
            if interval.is_some_and(Duration::is_zero) {
                self.report(
                    &path.key(key),
                    format!("`{key}` is 0"),
                    "must be more than 0",
                );
            }
        }
        let from = timing.from.unwrap_or_default();
        let until = timing.until.unwrap_or(duration);
        if timing.at.is_some() {
            for (key, stated) in [("from", timing.from), ("until", timing.until)] {
                if stated.is_some() {
                    let title = format!("`{key}` has no effect with `at`");
                    self.report(
                        &path.key(key),
                        title,
                        "applies to `every` and `meanInterval`",
                    );
                }
            }
        } else if from >= duration {
            self.report(&path.key("from"), outside, label);
        } else if until <= from {
            let label = format!("must be later than `from` ({from})");
            self.report(&path.key("until"), "the window is empty", label);
        } else if until > duration {
            self.report(&path.key("until"), outside, label);
        } else if let Some(every) = timing.every
            && from.as_nanos() + every.as_nanos() >= until.as_nanos()
        {
            let label = format!("the first occurrence would be after {until}");
            self.report(
                &path.key("every"),
                format!("the {noun} never happens"),
                label,
            );
        }
    }

    pub(super) fn check_faults(&mut self) {
        let processes: Vec<String> = self
            .scenario
            .workers
            .processes
            .list()
            .into_iter()
            .map(|(name, _)| name)
            .collect();
        for (index, fault) in self.scenario.faults.iter().enumerate() {
            let path = KeyPath::root().key("fault").index(index);
            self.check_timing(&path, &fault.timing, "fault");
            if let Some(ProcessTarget::Named(name)) = fault.effect.process() {
                self.check_name(&path.key("process"), "process", name, &processes);
            }
            if let Some((key, length)) = fault.effect.length()
                && length.is_zero()
            {
                let title = "the duration of the fault is 0";
                self.report(&path.key(key), title, "must be more than 0");
            }
            if let Some(probability) = fault.effect.probability()
                && probability.0 <= 0.0
            {
                let title = "the fault has no effect";
                self.report(&path.key("probability"), title, "must be more than 0");
            }
            self.check_overlap(index);
        }
    }

    /// Reports a fault that repeats before its previous occurrence has ended.
    fn check_overlap(&mut self, index: usize) {
        let fault = &self.scenario.faults[index];
        let (Some(every), Some((_, length))) = (fault.timing.every, fault.effect.length()) else {
            return;
        };
        if length >= every && !every.is_zero() {
            let path = KeyPath::root().key("fault").index(index).key("every");
            let label = format!("must be longer than the fault ({length})");
            self.report(&path, "the fault overlaps itself", label);
        }
    }
}
