//! Parser of templates.

use super::{
    Pipeline, TemplateCommand, TemplateError, TemplateFunction, TemplateOperand, TemplatePart,
    format,
};

/// Maximum depth of nested parentheses.
const DEPTH_MAX: usize = 100;

fn refused(what: &str) -> TemplateError {
    let known: Vec<&str> = TemplateFunction::ALL
        .iter()
        .map(|(name, _)| *name)
        .collect();
    TemplateError(format!(
        "`{what}` is not supported in templates; known are `$labels.NAME`, `$value`, and the \
         functions {}",
        known.join(", ")
    ))
}

/// Parses the literals and actions of a template.
pub(super) fn parse(text: &str) -> Result<Vec<TemplatePart>, TemplateError> {
    let mut parts = Vec::new();
    let mut rest = text;
    let mut trims = false;
    while let Some((before, after)) = rest.split_once("{{") {
        let end =
            end_of_action(after).ok_or_else(|| TemplateError("`{{` is never closed".into()))?;
        let (mut action, after) = (&after[..end], &after[end + 2..]);
        let mut before = if trims { before.trim_start() } else { before };
        if let Some(trimmed) = action.strip_prefix('-') {
            (action, before) = (trimmed, before.trim_end());
        }
        trims = action.ends_with('-');
        action = action.strip_suffix('-').unwrap_or(action);
        parts.push(TemplatePart::Text(before.to_owned()));
        let tokens = tokens(action)?;
        let mut tokens = tokens.as_slice();
        parts.push(TemplatePart::Action(pipeline(&mut tokens, false)?));
        rest = after;
    }
    let last = if trims { rest.trim_start() } else { rest };
    parts.push(TemplatePart::Text(last.to_owned()));
    parts.retain(|part| *part != TemplatePart::Text(String::new()));
    Ok(parts)
}

/// End of an action: the first `}}` outside of a string.
fn end_of_action(text: &str) -> Option<usize> {
    let (mut quote, mut escaped) = (None, false);
    for (place, c) in text.char_indices() {
        match quote {
            Some('"') if escaped => escaped = false,
            Some('"') if c == '\\' => escaped = true,
            Some(mark) if c == mark => quote = None,
            None if c == '"' || c == '`' => quote = Some(c),
            None if text[place..].starts_with("}}") => return Some(place),
            _ => {}
        }
    }
    None
}

#[derive(Clone, Debug, PartialEq)]
enum Token {
    Word(String),
    Text(String),
    Pipe,
    Open,
    Close,
}

fn tokens(action: &str) -> Result<Vec<Token>, TemplateError> {
    let mut found = Vec::new();
    let mut depth = 0_usize;
    let mut rest = action.trim_start();
    while let Some(first) = rest.chars().next() {
        let length = match first {
            '|' | '(' | ')' => {
                let (token, change) = match first {
                    '|' => (Token::Pipe, 0),
                    '(' => (Token::Open, 1),
                    _ => (Token::Close, -1),
                };
                depth = depth.saturating_add_signed(change);
                if depth > DEPTH_MAX {
                    let message = format!("parentheses are nested deeper than {DEPTH_MAX}");
                    return Err(TemplateError(message));
                }
                found.push(token);
                1
            }
            '"' | '`' => {
                let (text, length) = quoted(rest, first)?;
                found.push(Token::Text(text));
                length
            }
            _ => {
                let ends = |c: char| c.is_whitespace() || "|()\"`".contains(c);
                let length = rest.find(ends).unwrap_or(rest.len());
                found.push(Token::Word(rest[..length].to_owned()));
                length
            }
        };
        rest = rest[length..].trim_start();
    }
    Ok(found)
}

/// Quoted string and its length including quotes.
fn quoted(rest: &str, mark: char) -> Result<(String, usize), TemplateError> {
    let mut text = String::new();
    let mut all = rest.char_indices().skip(1);
    while let Some((place, c)) = all.next() {
        match c {
            _ if c == mark => return Ok((text, place + 1)),
            '\\' if mark == '"' => match all.next() {
                Some((_, 'n')) => text.push('\n'),
                Some((_, 't')) => text.push('\t'),
                Some((_, c @ ('"' | '\\'))) => text.push(c),
                _ => return Err(TemplateError("an escape in a text is not known".into())),
            },
            _ => text.push(c),
        }
    }
    Err(TemplateError("a text is never closed".into()))
}

/// Parses commands up to the end, or to the closing parenthesis of the group.
fn pipeline(tokens: &mut &[Token], in_group: bool) -> Result<Pipeline, TemplateError> {
    let mut commands = Vec::new();
    loop {
        commands.push(command(tokens, !commands.is_empty())?);
        match tokens.split_first() {
            Some((Token::Pipe, rest)) => *tokens = rest,
            Some((Token::Close, rest)) if in_group => {
                *tokens = rest;
                return Ok(Pipeline(commands));
            }
            None if !in_group => return Ok(Pipeline(commands)),
            _ => return Err(TemplateError("parentheses don't match".into())),
        }
    }
}

fn command(tokens: &mut &[Token], is_piped: bool) -> Result<TemplateCommand, TemplateError> {
    if let Some((Token::Word(word), rest)) = tokens.split_first()
        && word.starts_with(|c: char| c.is_ascii_alphabetic())
    {
        let function = TemplateFunction::named(word).ok_or_else(|| refused(word))?;
        *tokens = rest;
        return call(function, word, tokens, is_piped);
    }
    let Some(operand) = operand(tokens)? else {
        return Err(TemplateError("`{{ }}` is empty".into()));
    };
    if is_piped || !matches!(tokens.first(), None | Some(Token::Pipe | Token::Close)) {
        let message = "a value can't be called; write a function before its arguments";
        return Err(TemplateError(message.into()));
    }
    Ok(TemplateCommand::TemplateOperand(operand))
}

fn call(
    function: TemplateFunction,
    name: &str,
    tokens: &mut &[Token],
    is_piped: bool,
) -> Result<TemplateCommand, TemplateError> {
    let mut operands = Vec::new();
    while let Some(operand) = operand(tokens)? {
        operands.push(operand);
    }
    if function == TemplateFunction::Printf {
        if let Some(TemplateOperand::Text(form)) = operands.first() {
            format::verbs(form)?;
        }
    } else if operands.len() + usize::from(is_piped) != 1 {
        return Err(TemplateError(format!("`{name}` takes one argument")));
    }
    Ok(TemplateCommand::Call(function, operands))
}

fn operand(tokens: &mut &[Token]) -> Result<Option<TemplateOperand>, TemplateError> {
    let Some((first, rest)) = tokens.split_first() else {
        return Ok(None);
    };
    let found = match first {
        Token::Pipe | Token::Close => return Ok(None),
        Token::Text(text) => TemplateOperand::Text(text.clone()),
        Token::Word(word) => self::word(word)?,
        Token::Open => {
            *tokens = rest;
            return pipeline(tokens, true).map(|group| Some(TemplateOperand::Group(group)));
        }
    };
    *tokens = rest;
    Ok(Some(found))
}

fn word(word: &str) -> Result<TemplateOperand, TemplateError> {
    let labels = word
        .strip_prefix("$labels")
        .or_else(|| word.strip_prefix(".Labels"));
    if let Some(name) = labels {
        return match name.strip_prefix('.') {
            Some(name) if !name.is_empty() => Ok(TemplateOperand::Label(name.to_owned())),
            _ => {
                let message = format!("`{word}` needs a name, as in `$labels.instance`");
                Err(TemplateError(message))
            }
        };
    }
    match word {
        "$value" | ".QueryValue" => Ok(TemplateOperand::Value),
        _ => word
            .parse()
            .map(TemplateOperand::Number)
            .map_err(|_| refused(word)),
    }
}
