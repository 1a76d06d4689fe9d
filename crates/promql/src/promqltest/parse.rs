//! Parser of scripts.

use super::ScriptError;
use super::command::{Eval, EvalTimes, Load, TestCommand};
use super::duration::duration_ms;
use super::expectation::Expected;
use super::series::SeriesLine;

/// Parsed script.
#[derive(Debug)]
pub(super) struct Script {
    pub(super) commands: Vec<TestCommand>,
}

/// Lines of a script with their numbers.
struct ScriptLines<'t> {
    lines: Vec<&'t str>,
    next: usize,
}

impl<'t> ScriptLines<'t> {
    fn new(text: &'t str) -> Self {
        let plain = |line: &'t str| {
            let line = line.trim();
            if line.starts_with('#') { "" } else { line }
        };
        Self {
            lines: text.lines().map(plain).collect(),
            next: 0,
        }
    }

    fn next(&mut self) -> Option<&'t str> {
        let line = self.lines.get(self.next)?;
        self.next += 1;
        Some(line)
    }

    /// Lines up to the next empty one.
    fn block(&mut self) -> Vec<(usize, &'t str)> {
        let mut block = Vec::new();
        while let Some(line) = self.next().filter(|line| !line.is_empty()) {
            block.push((self.next, line));
        }
        block
    }
}

impl Script {
    pub(super) fn parse(text: &str) -> Result<Self, ScriptError> {
        let mut lines = ScriptLines::new(text);
        let mut commands = Vec::new();
        while let Some(line) = lines.next() {
            let number = lines.next;
            let fail = |message: String| ScriptError {
                line: number,
                message,
            };
            let (word, rest) = line.split_once(char::is_whitespace).unwrap_or((line, ""));
            match word {
                "" => {}
                "clear" => commands.push(TestCommand::Clear),
                "load" | "load_with_nhcb" => {
                    let step_ms = duration_ms(rest.trim()).map_err(fail)?;
                    let series = lines.block().into_iter().map(|(line, text)| {
                        SeriesLine::parse(text).map_err(|message| ScriptError { line, message })
                    });
                    commands.push(TestCommand::Load(Load {
                        step_ms,
                        series: series.collect::<Result<_, _>>()?,
                        with_native: word == "load_with_nhcb",
                    }));
                }
                _ if word.starts_with("eval") => {
                    let (when, query) = parse_when(rest.trim()).map_err(fail)?;
                    let mut expected = Expected::new(word).map_err(fail)?;
                    if let EvalTimes::Range {
                        start_ms, step_ms, ..
                    } = when
                    {
                        expected.at_steps(start_ms, step_ms);
                    }
                    for (line, text) in lines.block() {
                        let added = expected.add(text);
                        added.map_err(|message| ScriptError { line, message })?;
                    }
                    commands.push(TestCommand::Eval(Box::new(Eval {
                        line: number,
                        text: line.to_owned(),
                        query: query.to_owned(),
                        when,
                        expected,
                    })));
                }
                _ => return Err(fail(format!("`{word}` is no command"))),
            }
        }
        Ok(Self { commands })
    }
}

/// `instant [at TIME] QUERY` or `range from T1 to T2 step STEP QUERY`
fn parse_when(text: &str) -> Result<(EvalTimes, &str), String> {
    if let Some(rest) = text.strip_prefix("instant") {
        let rest = rest.trim_start();
        let Some(rest) = rest.strip_prefix("at ") else {
            return Ok((EvalTimes::At(0), rest));
        };
        let (at, query) = word(rest)?;
        return Ok((EvalTimes::At(duration_ms(at)?), query));
    }
    let Some(rest) = text.strip_prefix("range from ") else {
        return Err("`instant` or `range from` belongs here".to_owned());
    };
    let (start, rest) = word(rest)?;
    let (end, rest) = word(rest.strip_prefix("to ").unwrap_or(rest))?;
    let (step, query) = word(rest.strip_prefix("step ").unwrap_or(rest))?;
    let when = EvalTimes::Range {
        start_ms: duration_ms(start)?,
        end_ms: duration_ms(end)?,
        step_ms: duration_ms(step)?,
    };
    Ok((when, query))
}

/// First word and the rest.
fn word(text: &str) -> Result<(&str, &str), String> {
    let text = text.trim_start();
    let split = text.split_once(char::is_whitespace);
    let (word, rest) = split.ok_or_else(|| format!("something is missing behind `{text}`"))?;
    Ok((word, rest.trim_start()))
}
