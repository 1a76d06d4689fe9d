//! Duration arithmetic such as `x[2 * (step() + 1m)]`, which the parser does not support. Each
//! duration is evaluated and replaced by a number of ms before the text is parsed.

use promql_parser::util::parse_duration;

use crate::error::QueryError;
use crate::operators::elementwise::{maximum, minimum};
use crate::parse::syntax::{find_word_of_any_case, outside_texts};
use rehearsal_convert::Saturating;

/// Maximum nesting depth of parentheses.
const DEPTH_MAX: usize = 50;

/// Quantities that duration expressions may use, in seconds.
#[derive(Clone, Copy, Debug)]
pub(crate) struct DurationContext {
    /// Value of `step()`, s.
    pub(crate) step: f64,
    /// `range()`: time from the first step to the last.
    pub(crate) range: f64,
    /// Whether the values are those of an evaluation, so that durations must be valid.
    pub(crate) is_known: bool,
}

/// Query text with all durations evaluated.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ExpandedQuery {
    pub(crate) text: String,
    /// Whether a duration depends on the context.
    pub(crate) varies: bool,
}

/// Evaluates all durations that are more than one number.
///
/// # Errors
///
/// If a duration is invalid, or negative where it must not be.
pub(crate) fn expand(text: &str, setting: DurationContext) -> Result<ExpandedQuery, QueryError> {
    let mut found = Vec::new();
    for at in outside_texts(text).filter(|at| text.as_bytes()[*at] == b'[') {
        find_in_brackets(text, at + 1, &mut found);
    }
    let mut from = 0;
    while let Some(at) = find_word_of_any_case(text, "offset", from) {
        from = at + "offset".len();
        found.push(DurationPosition::Offset(from));
    }
    found.sort_by_key(|place| place.begin());
    let mut expanded = ExpandedQuery {
        text: String::with_capacity(text.len()),
        varies: false,
    };
    let mut copied = 0;
    for place in found {
        let mut reader = DurationParser {
            text,
            at: place.begin(),
            setting,
            varies: false,
            depth: 0,
        };
        let seconds = match place {
            DurationPosition::Offset(_) => reader.signed(),
            DurationPosition::Bracket { .. } => reader.sum(),
        };
        reader.skip_space();
        let is_whole = match place {
            DurationPosition::Offset(_) => true,
            DurationPosition::Bracket { end, .. } => reader.at == end,
        };
        // Other text is left to the parser's errors.
        let Some(seconds) = seconds.filter(|seconds| is_whole && seconds.is_finite()) else {
            continue;
        };
        if place.begin() < copied {
            continue;
        }
        let seconds = match place {
            DurationPosition::Bracket { .. } if seconds <= 0.0 && reader.varies => {
                if setting.is_known {
                    let message = "a duration must be greater than 0";
                    return Err(QueryError::new(place.begin(), message));
                }
                1.0
            }
            _ => seconds,
        };
        expanded.varies |= reader.varies;
        let sign = if seconds < 0.0 { "-" } else { "" };
        let ms = (seconds.abs() * 1_000.0 + 1e-6).saturating_u64();
        expanded.text.push_str(&text[copied..place.begin()]);
        let space = match place {
            DurationPosition::Offset(_) => " ",
            DurationPosition::Bracket { .. } => "",
        };
        expanded
            .text
            .extend([space, sign, &ms.to_string(), "ms", space]);
        copied = reader.at;
    }
    expanded.text.push_str(&text[copied..]);
    Ok(expanded)
}

/// Position of a duration in the text.
#[derive(Clone, Copy, Debug)]
enum DurationPosition {
    /// After `offset`: a number or a parenthesised expression.
    Offset(usize),
    /// In brackets, on one side of the colon if there is one.
    Bracket { begin: usize, end: usize },
}

impl DurationPosition {
    fn begin(self) -> usize {
        match self {
            Self::Offset(begin) | Self::Bracket { begin, .. } => begin,
        }
    }
}

fn find_in_brackets(text: &str, begin: usize, found: &mut Vec<DurationPosition>) {
    let Some(length) = text[begin..].find(']') else {
        return;
    };
    let mut begin = begin;
    for part in text[begin..begin + length].split(':') {
        let end = begin + part.len();
        if !part.trim().is_empty() {
            found.push(DurationPosition::Bracket { begin, end });
        }
        begin = end + 1;
    }
}

/// Recursive-descent parser of duration arithmetic.
struct DurationParser<'t> {
    text: &'t str,
    at: usize,
    setting: DurationContext,
    varies: bool,
    depth: usize,
}

impl DurationParser<'_> {
    fn sum(&mut self) -> Option<f64> {
        let mut sum = self.product()?;
        loop {
            if self.accept("+") {
                sum += self.product()?;
            } else if self.accept("-") {
                sum -= self.product()?;
            } else {
                return Some(sum);
            }
        }
    }

    fn product(&mut self) -> Option<f64> {
        let mut product = self.negation()?;
        loop {
            if self.accept("*") {
                product *= self.negation()?;
            } else if self.accept("/") {
                product /= self.negation()?;
            } else if self.accept("%") {
                product %= self.negation()?;
            } else {
                return Some(product);
            }
        }
    }

    fn negation(&mut self) -> Option<f64> {
        if self.accept("-") {
            return self.power().map(|value| -value);
        }
        self.accept("+");
        self.power()
    }

    fn power(&mut self) -> Option<f64> {
        let base = self.primary()?;
        match self.accept("^") {
            true => Some(base.powf(self.negation()?)),
            false => Some(base),
        }
    }

    /// Parses a number with its sign, or a parenthesised expression.
    fn signed(&mut self) -> Option<f64> {
        if self.accept("-") {
            return self.primary().map(|value| -value);
        }
        self.accept("+");
        self.primary()
    }

    fn primary(&mut self) -> Option<f64> {
        if self.depth == DEPTH_MAX {
            return None;
        }
        self.depth += 1;
        let value = if self.accept("(") {
            let value = self.sum()?;
            self.accept(")").then_some(value)
        } else {
            self.word()
        };
        self.depth -= 1;
        value
    }

    fn word(&mut self) -> Option<f64> {
        self.skip_space();
        let rest = &self.text[self.at..];
        let is_word = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_');
        let end = rest.find(|c| !is_word(c)).unwrap_or(rest.len());
        let word = &rest[..end];
        self.at += end;
        match word.to_ascii_lowercase().as_str() {
            "" => None,
            "step" => self.of_setting(self.setting.step),
            "range" => self.of_setting(self.setting.range),
            "min_of" => self.pair().map(|(a, b)| minimum(a, b)),
            "max_of" => self.pair().map(|(a, b)| maximum(a, b)),
            _ if !word.starts_with(|c: char| c.is_ascii_digit() || c == '.') => None,
            _ => {
                let seconds = word.parse().ok();
                let duration = || Some(parse_duration(word).ok()?.as_secs_f64());
                seconds.or_else(duration)
            }
        }
    }

    fn of_setting(&mut self, value: f64) -> Option<f64> {
        self.varies = true;
        (self.accept("(") && self.accept(")")).then_some(value)
    }

    fn pair(&mut self) -> Option<(f64, f64)> {
        if !self.accept("(") {
            return None;
        }
        let first = self.sum()?;
        if !self.accept(",") {
            return None;
        }
        let second = self.sum()?;
        self.accept(")").then_some((first, second))
    }

    fn accept(&mut self, token: &str) -> bool {
        self.skip_space();
        let found = self.text[self.at..].starts_with(token);
        if found {
            self.at += token.len();
        }
        found
    }

    fn skip_space(&mut self) {
        let rest = &self.text[self.at..];
        self.at += rest.len() - rest.trim_start().len();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn duration_arithmetic_is_evaluated() {
        for (text, expected) in [
            ("x[5m]", "x[300000ms]"),
            ("x[2m*(10+5)]", "x[1800000ms]"),
            ("x[-5m+35m:step()]", "x[1800000ms:10000ms]"),
            ("x[1h30m % 1h] offset -2", "x[1800000ms] offset -2000ms "),
            ("x offset (2 ^ 2) ^ 2", "x offset  4000ms ^ 2"),
            ("x offset -step()*2", "x offset  -10000ms *2"),
            ("x[min_of(3m, range())]", "x[60000ms]"),
            ("\"[1+1]\"", "\"[1+1]\""),
            ("x[5m:]", "x[300000ms:]"),
        ] {
            let setting = DurationContext {
                step: 10.0,
                range: 60.0,
                is_known: true,
            };
            let expanded = expand(text, setting).unwrap();
            let plain = |text: &str| text.replace(' ', "");
            assert_eq!(plain(&expanded.text), plain(expected), "{text}");
            let varies = text.contains("step") || text.contains("range");
            assert_eq!(expanded.varies, varies, "{text}");
        }
    }
}
