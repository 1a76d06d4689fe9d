//! Numbers as Go prints them.

use super::{TemplateError, TemplateItem};
use rehearsal_convert::{Index, Saturating};

/// Prefixes of thousands, and of thousandths.
const LARGE: [&str; 8] = ["k", "M", "G", "T", "P", "E", "Z", "Y"];
const SMALL: [&str; 8] = ["m", "u", "n", "p", "f", "a", "z", "y"];

/// From this power of ten on, `%v` takes the form with an exponent.
const PLAIN_EXPONENT: i32 = 21;

/// As `%v` prints it: the fewest digits that mean the same number.
pub(super) fn plain(number: f64) -> String {
    general(number, None)
}

/// As `%.Ng` prints it.
pub(super) fn significant(number: f64, digits: usize) -> String {
    general(number, Some(digits.max(1)))
}

fn general(number: f64, digits: Option<usize>) -> String {
    if number.is_nan() {
        return "NaN".into();
    }
    if number.is_infinite() {
        return if number > 0.0 { "+Inf" } else { "-Inf" }.into();
    }
    let scientific = match digits {
        None => format!("{number:e}"),
        Some(digits) => format!("{number:.*e}", digits.saturating_sub(1)),
    };
    let (mantissa, exponent) = scientific.split_once('e').unwrap_or((&scientific, "0"));
    let exponent: i32 = exponent.parse().unwrap_or(0);
    let (sign, mantissa) = match mantissa.strip_prefix('-') {
        Some(rest) => ("-", rest),
        None => ("", mantissa),
    };
    let all: String = mantissa.chars().filter(|c| *c != '.').collect();
    let all = all.trim_end_matches('0');
    let limit = digits.map_or(PLAIN_EXPONENT, |digits| digits.max(1).index_i32());
    if exponent < -4 || exponent >= limit {
        let (first, rest) = all.split_at(all.len().min(1));
        let point = if rest.is_empty() { "" } else { "." };
        let mark = if exponent < 0 { '-' } else { '+' };
        return format!("{sign}{first}{point}{rest}e{mark}{:02}", exponent.abs());
    }
    let places = (all.len().index_i32() - 1 - exponent).max(0).to_index();
    format!("{number:.places$}")
}

pub(super) fn humanize(mut number: f64) -> String {
    if number == 0.0 || !number.is_finite() {
        return significant(number, 4);
    }
    let mut prefix = "";
    if number.abs() >= 1.0 {
        for larger in LARGE {
            if number.abs() < 1_000.0 {
                break;
            }
            (prefix, number) = (larger, number / 1_000.0);
        }
    } else {
        (prefix, number) = small(number);
    }
    significant(number, 4) + prefix
}

fn small(mut number: f64) -> (&'static str, f64) {
    let mut prefix = "";
    for smaller in SMALL {
        if number.abs() >= 1.0 {
            break;
        }
        (prefix, number) = (smaller, number * 1_000.0);
    }
    (prefix, number)
}

pub(super) fn humanize_1024(mut number: f64) -> String {
    if number.abs() <= 1.0 || !number.is_finite() {
        return significant(number, 4);
    }
    let mut prefix = String::new();
    for larger in ["k", "M", "G", "T", "P", "E", "Z", "Y"] {
        if number.abs() < 1_024.0 {
            break;
        }
        (prefix, number) = (format!("{larger}i"), number / 1_024.0);
    }
    significant(number, 4) + &prefix
}

pub(super) fn humanize_duration(number: f64) -> String {
    if !number.is_finite() {
        return significant(number, 4);
    }
    if number == 0.0 {
        return "0s".into();
    }
    if number.abs() < 1.0 {
        let (prefix, number) = small(number);
        return format!("{}{prefix}s", significant(number, 4));
    }
    let sign = if number < 0.0 { "-" } else { "" };
    let whole = number.abs().saturating_u64();
    let (days, hours) = (whole / 86_400, whole / 3_600 % 24);
    let (minutes, seconds) = (whole / 60 % 60, whole % 60);
    match (days, hours, minutes) {
        (0, 0, 0) => format!("{sign}{}s", significant(number.abs(), 4)),
        (0, 0, _) => format!("{sign}{minutes}m {seconds}s"),
        (0, _, _) => format!("{sign}{hours}h {minutes}m {seconds}s"),
        _ => format!("{sign}{days}d {hours}h {minutes}m {seconds}s"),
    }
}

/// A piece of a form for `printf`.
pub(super) enum Verb {
    Text(String),
    /// `%s` or `%v`
    Any,
    /// `%f`, with this number of places.
    Fixed(usize),
    /// `%g`, with this number of digits.
    General(Option<usize>),
}

/// Greatest precision: a number of 64 bits has no digit beyond it.
const MAX_PRECISION: usize = 1_100;

/// The precision of `.2f` or `.2g`. Like Go's, it is 0 without digits.
fn precision(verb: &str) -> Option<usize> {
    let digits = verb.strip_prefix('.')?.strip_suffix(['f', 'g'])?;
    if digits.is_empty() {
        return Some(0);
    }
    let precision = digits.parse().ok()?;
    (precision <= MAX_PRECISION).then_some(precision)
}

/// The pieces of a form.
pub(super) fn verbs(form: &str) -> Result<Vec<Verb>, TemplateError> {
    let mut found = Vec::new();
    let mut rest = form;
    while let Some((text, after)) = rest.split_once('%') {
        found.push(Verb::Text(text.to_owned()));
        let end = after.find(|c: char| c.is_ascii_alphabetic() || c == '%');
        let verb = end.map_or(after, |end| &after[..=end]);
        let precision = precision(verb);
        found.push(match (verb, precision, verb.chars().last()) {
            ("%", ..) => Verb::Text("%".into()),
            ("s" | "v", ..) => Verb::Any,
            ("f", ..) => Verb::Fixed(6),
            ("g", ..) => Verb::General(None),
            (_, Some(places), Some('f')) => Verb::Fixed(places),
            (_, digits @ Some(_), Some('g')) => Verb::General(digits),
            _ => {
                let message = format!(
                    "`%{verb}` is not supported in `printf`; known are %s, %v, %f, %g, with up to \
                     {MAX_PRECISION} digits as in %.2f, and %%"
                );
                return Err(TemplateError(message));
            }
        });
        rest = &after[verb.len()..];
    }
    found.push(Verb::Text(rest.to_owned()));
    Ok(found)
}

pub(super) fn printf(form: &str, items: &[TemplateItem]) -> Result<String, TemplateError> {
    let mut items = items.iter();
    let mut text = String::new();
    for verb in verbs(form)? {
        if let Verb::Text(piece) = &verb {
            text.push_str(piece);
            continue;
        }
        let missing = || TemplateError(format!("`{form}` has more places than arguments"));
        let item = items.next().ok_or_else(missing)?;
        text.push_str(&said(&verb, item));
    }
    Ok(text)
}

fn said(verb: &Verb, item: &TemplateItem) -> String {
    match (verb, item) {
        (Verb::Fixed(places), TemplateItem::Number(number)) => format!("{number:.places$}"),
        (Verb::General(digits), TemplateItem::Number(number)) => general(*number, *digits),
        (Verb::Fixed(_), TemplateItem::Text(text)) => format!("%!f(string={text})"),
        (Verb::General(_), TemplateItem::Text(text)) => format!("%!g(string={text})"),
        _ => item.text(),
    }
}
