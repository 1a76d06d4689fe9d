//! Text for people without control characters of user data.

/// Escapes control characters and marks that change the direction of text, as Rust does. Line ends,
/// tabs and colours stay.
pub fn printable(text: &str) -> String {
    let mut printable = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(c) = rest.chars().next() {
        let kept = match c {
            '\n' | '\t' => 1,
            '\u{1b}' => color_length(rest),
            c if c.is_control() || is_direction(c) => 0,
            c => c.len_utf8(),
        };
        if kept == 0 {
            printable.extend(c.escape_unicode());
        }
        printable.push_str(&rest[..kept]);
        rest = &rest[kept.max(c.len_utf8())..];
    }
    printable
}

/// Length of a sequence that sets a colour or weight; 0 if the text begins with another one.
fn color_length(text: &str) -> usize {
    let Some(parameters) = text.strip_prefix("\u{1b}[") else {
        return 0;
    };
    let is_other = |c: char| !(c.is_ascii_digit() || c == ';');
    match parameters.find(is_other) {
        Some(end) if parameters[end..].starts_with('m') && is_color(&parameters[..end]) => end + 3,
        _ => 0,
    }
}

/// Whether all parameters are colours or weights. Others hide text or make it blink.
fn is_color(parameters: &str) -> bool {
    let numbers = parameters.split(';').map(str::parse::<u8>);
    let is_color = |number| matches!(number, 0..=4 | 22 | 24 | 30..=49 | 90..=107);
    let mut numbers = numbers.flatten();
    match numbers.next() {
        // An extended colour has its own numbers.
        Some(38 | 48) => true,
        first => first.into_iter().chain(numbers).all(is_color),
    }
}

/// Whether a character changes the direction of text, or ends a line in some programs.
fn is_direction(c: char) -> bool {
    let ranges = [
        '\u{200e}'..='\u{200f}',
        '\u{2028}'..='\u{202e}',
        '\u{2066}'..='\u{2069}',
    ];
    c == '\u{61c}' || ranges.iter().any(|range| range.contains(&c))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn printable_escapes_controls_and_keeps_colors() {
        for (text, expected) in [
            ("a\n\tΔ é", "a\n\tΔ é"),
            (
                "\u{1b}[1m\u{1b}[38;5;9mred\u{1b}[0m",
                "\u{1b}[1m\u{1b}[38;5;9mred\u{1b}[0m",
            ),
            ("\u{1b}]0;title\u{7}", "\\u{1b}]0;title\\u{7}"),
            ("\u{1b}[2J", "\\u{1b}[2J"),
            ("\u{1b}[8mhidden", "\\u{1b}[8mhidden"),
            ("\u{9b}2J\r\u{202e}", "\\u{9b}2J\\u{d}\\u{202e}"),
            ("\u{1b}", "\\u{1b}"),
        ] {
            assert_eq!(printable(text), expected);
        }
    }
}
