//! Interpolation of variables in queries: `$name`, `${name}`, `${name:format}`, `[[name]]`.

use super::{ChoiceValue, Variable};

/// Values of the variables of a query.
pub struct VariableScope<'v> {
    /// Variables with their chosen values.
    pub chosen: Vec<(&'v str, &'v ChoiceValue)>,
    /// Step of the panels, in ms.
    pub step_ms: i64,
    /// Interval between two scrapes, in ms.
    pub scrape_interval_ms: i64,
    /// Start and end of the run, in ms since 1970.
    pub range_ms: (i64, i64),
}

impl VariableScope<'_> {
    /// Returns the value of a variable that Grafana defines itself.
    fn builtin(&self, name: &str) -> Option<String> {
        let (from, to) = self.range_ms;
        // As in Grafana: covers two scrapes, whatever the step.
        let rate_ms = (self.step_ms + self.scrape_interval_ms).max(4 * self.scrape_interval_ms);
        Some(match name {
            "__interval" | "__auto" => duration(self.step_ms),
            "__interval_ms" => self.step_ms.to_string(),
            "__rate_interval" => duration(rate_ms),
            "__rate_interval_ms" => rate_ms.to_string(),
            "__range" => duration((to - from) / 1000 * 1000),
            "__range_s" => ((to - from) / 1000).to_string(),
            "__range_ms" => (to - from).to_string(),
            "__from" => from.to_string(),
            "__to" => to.to_string(),
            _ => return None,
        })
    }

    fn value(&self, name: &str, format: Option<&str>) -> Option<String> {
        let chosen = self.chosen.iter().find(|(known, _)| *known == name);
        match chosen {
            Some((_, chosen)) => Some(chosen.formatted(format)),
            None => self.builtin(name),
        }
    }
}

impl ChoiceValue {
    fn formatted(&self, format: Option<&str>) -> String {
        let escaped = |values: &[String]| -> Vec<String> {
            values.iter().map(|value| escape(value)).collect()
        };
        match (self, format) {
            (Self::All(own), _) => own.clone(),
            (Self::Plain(value), Some("regex")) => escape(value),
            (Self::Plain(value), _) => value.replace('\\', r"\\").replace('"', "\\\""),
            (Self::Several(values), Some("raw" | "csv")) => values.join(","),
            (Self::Several(values), Some("pipe")) => values.join("|"),
            (Self::Several(values), _) => match escaped(values).as_slice() {
                [one] => one.clone(),
                several => format!("({})", several.join("|")),
            },
        }
    }
}

/// Escapes a value as a regular expression within a `PromQL` string.
fn escape(value: &str) -> String {
    let mut text = String::new();
    for character in value.chars() {
        if r"\.+*?()|[]{}^$".contains(character) {
            text.push_str(r"\\");
        }
        text.push(character);
    }
    text
}

/// Formats a duration in `PromQL` notation.
fn duration(ms: i64) -> String {
    match ms % 1000 {
        0 => format!("{}s", ms / 1000),
        _ => format!("{ms}ms"),
    }
}

/// Replaces the variables of a query by their values.
///
/// # Errors
/// The query names a variable that the dashboard does not define.
pub fn interpolate(query: &str, scope: &VariableScope<'_>) -> Result<String, String> {
    let mut text = String::new();
    let mut rest = query;
    while let Some((before, reference, behind)) = next_reference(rest) {
        text.push_str(before);
        match scope.value(reference.name, reference.format) {
            Some(value) => text.push_str(&value),
            None => {
                let name = reference.name;
                return Err(format!("the dashboard has no variable `${name}`"));
            }
        }
        rest = behind;
    }
    text.push_str(rest);
    Ok(text)
}

/// Returns whether a query uses a variable.
pub fn is_used(variable: &Variable, query: &str) -> bool {
    let mut rest = query;
    while let Some((_, reference, behind)) = next_reference(rest) {
        if reference.name == variable.name {
            return true;
        }
        rest = behind;
    }
    false
}

struct VariableReference<'q> {
    name: &'q str,
    format: Option<&'q str>,
}

/// Splits a query at its first reference: text before, reference, text after.
fn next_reference(query: &str) -> Option<(&str, VariableReference<'_>, &str)> {
    let mut searched = 0;
    loop {
        let at = searched + query[searched..].find(['$', '['])?;
        if let Some((reference, length)) = reference_at(&query[at..]) {
            return Some((&query[..at], reference, &query[at + length..]));
        }
        searched = at + 1;
    }
}

/// Parses a reference at the beginning of a text. Returns the reference and its length.
fn reference_at(text: &str) -> Option<(VariableReference<'_>, usize)> {
    for (open, close) in [("${", "}"), ("[[", "]]")] {
        if let Some(inner) = text.strip_prefix(open) {
            let (inner, _) = inner.split_once(close)?;
            let (name, format) = match inner.split_once(':') {
                Some((name, format)) => (name, Some(format)),
                None => (inner, None),
            };
            let length = open.len() + inner.len() + close.len();
            return is_name(name).then_some((VariableReference { name, format }, length));
        }
    }
    let inner = text.strip_prefix('$')?;
    let end = inner.find(|c: char| !c.is_ascii_alphanumeric() && c != '_');
    let name = &inner[..end.unwrap_or(inner.len())];
    let format = None;
    is_name(name).then_some((VariableReference { name, format }, 1 + name.len()))
}

/// Returns whether a text is the name of a variable. `$1` in a replacement is none.
fn is_name(text: &str) -> bool {
    text.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
        && text.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn scope<'v>(chosen: Vec<(&'v str, &'v ChoiceValue)>) -> VariableScope<'v> {
        VariableScope {
            chosen,
            step_ms: 60_000,
            scrape_interval_ms: 15_000,
            range_ms: (1_000_000, 4_600_500),
        }
    }

    #[test]
    fn every_variable_notation_is_interpolated() {
        let mode = ChoiceValue::Several(vec!["analysisOnly".into()]);
        let scope = scope(vec![("mode", &mode)]);
        for query in [
            "a{mode=~\"$mode\"}",
            "a{mode=~\"${mode}\"}",
            "a{mode=~\"[[mode]]\"}",
            "a{mode=~\"${mode:regex}\"}",
        ] {
            assert_eq!(
                interpolate(query, &scope).unwrap(),
                "a{mode=~\"analysisOnly\"}"
            );
        }
        assert_eq!(interpolate("up[5m] $1", &scope).unwrap(), "up[5m] $1");
    }

    #[test]
    fn several_values_become_a_regular_expression() {
        let several = ChoiceValue::Several(vec!["a.b".into(), "c".into()]);
        let all = ChoiceValue::All(".*".into());
        let plain = ChoiceValue::Plain("say \"hi\"".into());
        let scope = scope(vec![("s", &several), ("all", &all), ("p", &plain)]);
        let filled = |query| interpolate(query, &scope).unwrap();
        assert_eq!(filled("$s"), r"(a\\.b|c)");
        assert_eq!(filled("${s:pipe} ${s:csv}"), "a.b|c a.b,c");
        assert_eq!(filled("$all"), ".*");
        assert_eq!(filled("$p"), "say \\\"hi\\\"");
    }

    #[test]
    fn builtin_variables_follow_step_and_range() {
        let scope = scope(vec![]);
        let query = "$__interval $__rate_interval ${__range_s} $__range $__interval_ms $__from";
        let expected = "60s 75s 3600 3600s 60000 1000000";
        assert_eq!(interpolate(query, &scope).unwrap(), expected);
    }

    #[test]
    fn unknown_variable_is_named_in_the_error() {
        let error = interpolate("up{job=\"$cluster\"}", &scope(vec![])).unwrap_err();
        assert_eq!(error, "the dashboard has no variable `$cluster`");
    }
}
