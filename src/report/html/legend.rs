//! Names of series in a panel, made as Grafana makes them.

use std::collections::BTreeMap;

/// Labels of a series, including `__name__` if it has one.
pub type LabelMap = BTreeMap<String, String>;

/// Returns the name by a template such as `{{mode}}, p95`. A label that the series does not have
/// becomes empty. Without a template, or with `__auto`, the name is the series in `PromQL`
/// notation; a series without labels is named by its query.
pub fn name(template: &str, labels: &LabelMap, expression: &str) -> String {
    match template {
        "" | "__auto" if labels.is_empty() => expression.to_owned(),
        "" => notation(labels),
        "__auto" => match labels.iter().find(|(label, _)| *label != "__name__") {
            Some((_, value)) if labels.len() == 1 => value.clone(),
            _ => notation(labels),
        },
        template => filled(template, labels),
    }
}

fn notation(labels: &LabelMap) -> String {
    let metric = labels.get("__name__").map_or("", String::as_str);
    let pairs = labels.iter().filter(|(label, _)| *label != "__name__");
    let pairs: Vec<String> = pairs
        .map(|(label, value)| format!("{label}={value:?}"))
        .collect();
    match pairs.is_empty() {
        true => metric.to_owned(),
        false => format!("{metric}{{{}}}", pairs.join(", ")),
    }
}

fn filled(template: &str, labels: &LabelMap) -> String {
    let mut text = String::new();
    let mut rest = template;
    while let Some((before, after)) = rest.split_once("{{") {
        let Some((label, behind)) = after.split_once("}}") else {
            break;
        };
        text.push_str(before);
        text.push_str(labels.get(label.trim()).map_or("", String::as_str));
        rest = behind;
    }
    text.push_str(rest);
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn labels(pairs: &[(&str, &str)]) -> LabelMap {
        let owned = |(label, value): &(&str, &str)| ((*label).to_owned(), (*value).to_owned());
        pairs.iter().map(owned).collect()
    }

    #[test]
    fn template_inserts_label_values() {
        let labels = labels(&[("mode", "analysisOnly"), ("status", "failed")]);
        for (template, expected) in [
            ("{{mode}}", "analysisOnly"),
            ("{{ status }}, {{mode}}!", "failed, analysisOnly!"),
            ("p95", "p95"),
            ("{{absent}}", ""),
            ("an open {{mode", "an open {{mode"),
        ] {
            assert_eq!(name(template, &labels, "q"), expected);
        }
    }

    #[test]
    fn name_without_template_is_labels_or_query() {
        let series = labels(&[("__name__", "up"), ("job", "a \"b\"")]);
        assert_eq!(name("", &series, "up"), "up{job=\"a \\\"b\\\"\"}");
        assert_eq!(name("", &labels(&[("__name__", "up")]), "up"), "up");
        assert_eq!(name("", &labels(&[]), "sum(up)"), "sum(up)");
        assert_eq!(name("__auto", &labels(&[]), "sum(up)"), "sum(up)");
        assert_eq!(name("__auto", &labels(&[("mode", "x")]), "sum(up)"), "x");
        let two = labels(&[("a", "1"), ("b", "2")]);
        assert_eq!(name("__auto", &two, "sum(up)"), "{a=\"1\", b=\"2\"}");
    }
}
