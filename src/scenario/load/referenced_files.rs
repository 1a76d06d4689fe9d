//! Files that a scenario refers to: advisory traces, empirical distributions and rules.

use std::collections::BTreeMap;
use std::path::Path;
use std::str::FromStr;
use std::sync::Arc;

use super::advisory_trace;
use crate::files::{self, ByteLimit};
use crate::scenario::distribution_paths::{AnyDistribution, distributions};
use crate::scenario::document::{Diagnostic, KeyPath, Node};
use crate::scenario::validation::check_alert;
use crate::scenario::{DistributionSpec, Duration, Scenario};
use rehearsal_kernel::distribution::VALUES_MAX;

/// Reads all referenced files into the scenario. Returns the errors.
pub fn fill(scenario: &mut Scenario, root: &Node, directory: &Path) -> Vec<Diagnostic> {
    let mut diagnostics = Vec::new();
    let start = scenario.start;
    if let Some(trace) = scenario
        .advisories
        .as_mut()
        .and_then(|advisories| advisories.trace.as_mut())
    {
        let path = KeyPath::root().key("advisories").key("trace");
        let read = read_text(directory, &trace.file);
        match read.and_then(|text| advisory_trace::read(&text, trace, start)) {
            Ok(rows) => trace.rows = rows,
            Err(reason) => diagnostics.push(refused(root, &path.key("file"), &trace.file, &reason)),
        }
    }
    fill_distributions(scenario, root, directory, &mut diagnostics);
    fill_rules(scenario, root, directory, &mut diagnostics);
    diagnostics
}

/// Reads the rule files of expected alerts.
fn fill_rules(
    scenario: &mut Scenario,
    root: &Node,
    directory: &Path,
    diagnostics: &mut Vec<Diagnostic>,
) {
    for (index, expectation) in scenario.expectations.iter_mut().enumerate() {
        let Some(file) = &expectation.rules else {
            continue;
        };
        let path = KeyPath::root().key("expect").index(index);
        match read_text(directory, file) {
            Ok(text) => {
                expectation.rules_text = Some(text.into());
                diagnostics.extend(check_alert(root, &path, expectation));
            }
            Err(reason) => diagnostics.push(refused(root, &path.key("rules"), file, &reason)),
        }
    }
}

fn fill_distributions(
    scenario: &mut Scenario,
    root: &Node,
    directory: &Path,
    diagnostics: &mut Vec<Diagnostic>,
) {
    let mut texts = BTreeMap::new();
    let mut text_of = |file: &str| -> Result<Arc<str>, String> {
        let read = || read_text(directory, file).map(Arc::from);
        texts.entry(file.to_owned()).or_insert_with(read).clone()
    };
    for (path, distribution) in distributions(scenario) {
        let filled = match distribution {
            AnyDistribution::Duration(distribution) => fill_one(distribution, &mut text_of),
            AnyDistribution::Count(distribution) => fill_one(distribution, &mut text_of),
        };
        if let Err((file, reason)) = filled {
            diagnostics.push(refused(root, &path.key("file"), &file, &reason));
        }
    }
}

fn fill_one<T: EmpiricalValue>(
    distribution: &mut DistributionSpec<T>,
    text_of: &mut impl FnMut(&str) -> Result<Arc<str>, String>,
) -> Result<(), (String, String)> {
    if let DistributionSpec::Empirical { file, values } = distribution {
        let read = text_of(file).and_then(|text| read_values(&text));
        *values = read.map_err(|reason| (file.clone(), reason))?;
    }
    Ok(())
}

/// Value type of an empirical distribution.
trait EmpiricalValue: FromStr + PartialOrd {
    /// Expected content of a line, for messages.
    const WANTED: &'static str;

    /// Whether the value is in the valid range.
    fn is_sound(&self) -> bool;
}

impl EmpiricalValue for Duration {
    const WANTED: &'static str = "a duration like `250ms`";

    fn is_sound(&self) -> bool {
        true
    }
}

impl EmpiricalValue for f64 {
    const WANTED: &'static str = "a number, 0 or more";

    fn is_sound(&self) -> bool {
        self.is_finite() && *self >= 0.0
    }
}

/// Parses one value per line. Empty lines and lines that start with `#` are ignored.
fn read_values<T: EmpiricalValue>(text: &str) -> Result<Arc<[T]>, String> {
    let mut values = Vec::new();
    for (index, line) in text.lines().map(str::trim).enumerate() {
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        match line.parse::<T>().ok().filter(T::is_sound) {
            Some(value) => values.push(value),
            None => return Err(format!("line {} is not {}", index + 1, T::WANTED)),
        }
    }
    if values.is_empty() {
        return Err("the file has no value".into());
    }
    if values.len() > VALUES_MAX {
        return Err(format!("the file has more than {VALUES_MAX} values"));
    }
    values.sort_by(|a, b| a.partial_cmp(b).unwrap_or(std::cmp::Ordering::Equal));
    Ok(values.into())
}

fn read_text(directory: &Path, file: &str) -> Result<String, String> {
    // `-` is a file here, and not the standard input.
    let path = Path::new(".").join(directory).join(file);
    let read = files::read_text(&path, ByteLimit::TRACE);
    read.map_err(|error| error.reason())
}

fn refused(root: &Node, path: &KeyPath, file: &str, reason: &str) -> Diagnostic {
    Diagnostic::new(format!("`{file}` can't be used"))
        .at(root.span_of(path), reason)
        .help("the path is relative to the scenario file")
}
