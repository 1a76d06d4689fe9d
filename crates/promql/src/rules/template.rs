//! Templates of alerts' labels and annotations: the subset of Go's template language without
//! control structures.
//!
//! Supported are `$labels.NAME`, `$value`, strings, numbers, pipelines, parentheses, and the
//! functions below. Conditions, loops and queries are refused when the file is parsed.

mod format;
mod parser;

use std::str::FromStr;

use rehearsal_metrics::Labels;

/// Parsed template.
#[derive(Clone, Debug, PartialEq)]
pub struct Template {
    parts: Vec<TemplatePart>,
}

/// Description of an invalid or unsupported template.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct TemplateError(pub(super) String);

#[derive(Clone, Debug, PartialEq)]
enum TemplatePart {
    Text(String),
    Action(Pipeline),
}

/// Sequence of commands. Each gets the previous result as its last argument.
#[derive(Clone, Debug, PartialEq)]
struct Pipeline(Vec<TemplateCommand>);

#[derive(Clone, Debug, PartialEq)]
enum TemplateCommand {
    TemplateOperand(TemplateOperand),
    Call(TemplateFunction, Vec<TemplateOperand>),
}

#[derive(Clone, Debug, PartialEq)]
enum TemplateOperand {
    Text(String),
    Number(f64),
    Label(String),
    Value,
    Group(Pipeline),
}

/// Function that a template can call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum TemplateFunction {
    Humanize,
    Humanize1024,
    HumanizeDuration,
    HumanizePercentage,
    Printf,
    ToUpper,
    ToLower,
}

impl TemplateFunction {
    const ALL: [(&'static str, Self); 7] = [
        ("humanize", Self::Humanize),
        ("humanize1024", Self::Humanize1024),
        ("humanizeDuration", Self::HumanizeDuration),
        ("humanizePercentage", Self::HumanizePercentage),
        ("printf", Self::Printf),
        ("toUpper", Self::ToUpper),
        ("toLower", Self::ToLower),
    ];

    fn named(name: &str) -> Option<Self> {
        let found = Self::ALL.iter().find(|(known, _)| *known == name);
        found.map(|(_, function)| *function)
    }
}

/// Value of an operand or a command.
#[derive(Clone, Debug, PartialEq)]
enum TemplateItem {
    Text(String),
    Number(f64),
}

impl TemplateItem {
    /// Text as Go prints it.
    fn text(&self) -> String {
        match self {
            Self::Text(text) => text.clone(),
            Self::Number(number) => format::plain(*number),
        }
    }

    fn number(&self) -> Result<f64, TemplateError> {
        match self {
            Self::Number(number) => Ok(*number),
            Self::Text(text) => text
                .parse()
                .map_err(|_| TemplateError(format!("`{text}` is no number"))),
        }
    }
}

/// Data of a template: labels and value of an alert.
struct TemplateData<'a> {
    labels: &'a Labels,
    value: f64,
}

impl FromStr for Template {
    type Err = TemplateError;

    fn from_str(text: &str) -> Result<Self, TemplateError> {
        let parts = parser::parse(text)?;
        Ok(Self { parts })
    }
}

impl Template {
    /// Returns the text for an alert with these labels, without those that the rule adds, and this
    /// value. An error of the template becomes part of the text, as in Prometheus.
    pub fn expand(&self, labels: &Labels, value: f64) -> String {
        let subject = TemplateData { labels, value };
        let part = |part: &TemplatePart| match part {
            TemplatePart::Text(text) => Ok(text.clone()),
            TemplatePart::Action(pipeline) => subject.pipeline(pipeline).map(|item| item.text()),
        };
        let text: Result<String, TemplateError> = self.parts.iter().map(part).collect();
        text.unwrap_or_else(|error| format!("<error expanding template: {error}>"))
    }
}

impl TemplateData<'_> {
    fn pipeline(&self, pipeline: &Pipeline) -> Result<TemplateItem, TemplateError> {
        let mut result = None;
        for command in &pipeline.0 {
            result = Some(match command {
                TemplateCommand::TemplateOperand(operand) => self.operand(operand)?,
                TemplateCommand::Call(function, operands) => {
                    let operands = operands.iter().map(|operand| self.operand(operand));
                    let mut items = operands.collect::<Result<Vec<TemplateItem>, _>>()?;
                    items.extend(result.take());
                    call(*function, &items)?
                }
            });
        }
        Ok(result.unwrap_or(TemplateItem::Text(String::new())))
    }

    fn operand(&self, operand: &TemplateOperand) -> Result<TemplateItem, TemplateError> {
        Ok(match operand {
            TemplateOperand::Text(text) => TemplateItem::Text(text.clone()),
            TemplateOperand::Number(number) => TemplateItem::Number(*number),
            TemplateOperand::Label(name) => {
                TemplateItem::Text(self.labels.get(name).unwrap_or_default().to_owned())
            }
            TemplateOperand::Value => TemplateItem::Number(self.value),
            TemplateOperand::Group(pipeline) => self.pipeline(pipeline)?,
        })
    }
}

fn call(function: TemplateFunction, items: &[TemplateItem]) -> Result<TemplateItem, TemplateError> {
    if function == TemplateFunction::Printf {
        let [form, items @ ..] = items else {
            return Err(TemplateError("`printf` needs a text".into()));
        };
        return format::printf(&form.text(), items).map(TemplateItem::Text);
    }
    let [item] = items else {
        let message = format!("a function of one argument was given {}", items.len());
        return Err(TemplateError(message));
    };
    Ok(TemplateItem::Text(match function {
        TemplateFunction::Humanize => format::humanize(item.number()?),
        TemplateFunction::Humanize1024 => format::humanize_1024(item.number()?),
        TemplateFunction::HumanizeDuration => format::humanize_duration(item.number()?),
        TemplateFunction::HumanizePercentage => {
            format::significant(item.number()? * 100.0, 4) + "%"
        }
        TemplateFunction::ToUpper => item.text().to_uppercase(),
        TemplateFunction::ToLower | TemplateFunction::Printf => item.text().to_lowercase(),
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn expand(template: &str, value: f64) -> String {
        let labels = [("mode".into(), "analysisOnly".into())];
        let labels = Labels::new("x", labels).unwrap();
        template.parse::<Template>().unwrap().expand(&labels, value)
    }

    #[test]
    fn template_expansion_equals_prometheus() {
        for (template, value, expected) in [
            ("plain", 1.0, "plain"),
            (
                "{{ $labels.mode }} at {{ $value }}",
                1800.0,
                "analysisOnly at 1800",
            ),
            ("{{.Labels.mode}}{{ .QueryValue }}", 0.5, "analysisOnly0.5"),
            ("[{{ $labels.nothing }}]", 0.0, "[]"),
            ("a {{- $value -}} b", 3.0, "a3b"),
            ("{{ $value | humanizeDuration }}", 2712.4, "45m 12s"),
            ("{{ humanizeDuration $value }}", 0.25, "250ms"),
            ("{{ humanizeDuration $value }}", 90_061.0, "1d 1h 1m 1s"),
            ("{{ humanizeDuration $value }}", 12.345_67, "12.35s"),
            ("{{ humanize $value }}", 12_345_678.0, "12.35M"),
            ("{{ humanize $value }}", 0.001_234, "1.234m"),
            ("{{ humanize1024 $value }}", 2048.0, "2ki"),
            ("{{ $value | humanizePercentage }}", 0.256, "25.6%"),
            (
                "{{ printf \"%.2f of %s\" $value $labels.mode }}",
                2.0 / 3.0,
                "0.67 of analysisOnly",
            ),
            (
                "{{ printf \"%.0f\" (printf \"%.1f\" $value) }}",
                2.5,
                "%!f(string=2.5)",
            ),
            ("{{ printf \"%.f %.0f\" $value $value }}", 2.7, "3 3"),
            (
                "{{ printf \"%.g %.0g\" $value $value }}",
                27.0,
                "3e+01 3e+01",
            ),
            ("{{ $labels.mode | toUpper }}", 0.0, "ANALYSISONLY"),
            ("{{ $value }}", 1e21, "1e+21"),
            ("{{ $value }}", 0.000_01, "1e-05"),
            ("{{ $value }}", f64::INFINITY, "+Inf"),
        ] {
            assert_eq!(expand(template, value), expected, "{template}");
        }
    }

    #[test]
    fn template_with_unsupported_function_is_refused() {
        for (template, expected) in [
            (
                "{{ if gt $value 1 }}x{{ end }}",
                "`if` is not supported in templates",
            ),
            (
                "{{ query \"up\" | first }}",
                "`query` is not supported in templates",
            ),
            ("{{ $value", "`{{` is never closed"),
            (
                "{{ $labels }}",
                "`$labels` needs a name, as in `$labels.instance`",
            ),
            (
                "{{ $externalURL }}",
                "`$externalURL` is not supported in templates",
            ),
            (
                "{{ printf \"%d\" $value }}",
                "`%d` is not supported in `printf`",
            ),
            (
                "{{ printf \"%.\" $value }}",
                "`%.` is not supported in `printf`",
            ),
            (
                "{{ printf \"%.\u{e9}\" $value }}",
                "`%.\u{e9}` is not supported in `printf`",
            ),
            (
                "{{ printf \"%.70000f\" $value }}",
                "`%.70000f` is not supported in `printf`",
            ),
            ("{{ }}", "`{{ }}` is empty"),
        ] {
            let error = template.parse::<Template>().unwrap_err();
            assert!(
                error.to_string().starts_with(expected),
                "{template}: {error}"
            );
        }
    }

    #[test]
    fn template_with_failing_function_contains_error() {
        let text = expand("{{ humanize $labels.mode }}", 1.0);
        assert_eq!(
            text,
            "<error expanding template: `analysisOnly` is no number>"
        );
    }
}
