//! From a text to a query, by recursive descent.

use std::str::FromStr;

use super::{Aggregation, Comparison, Expression, Matcher, Operator, QueryError, Series};
use crate::scenario::suggest;

/// Functions may nest so deep and no deeper.
const DEPTH_MAX: usize = 8;

impl FromStr for Comparison {
    type Err = QueryError;

    fn from_str(text: &str) -> Result<Self, QueryError> {
        let mut parser = Parser { text, offset: 0 };
        let expression = parser.expression(0)?;
        let operator = parser.operator()?;
        let threshold = parser.number()?;
        parser.end()?;
        Ok(Self {
            expression,
            operator,
            threshold,
        })
    }
}

/// Recursive descent over the text.
struct Parser<'a> {
    text: &'a str,
    offset: usize,
}

impl<'a> Parser<'a> {
    fn expression(&mut self, depth: usize) -> Result<Expression, QueryError> {
        let offset = self.skip_space();
        if depth > DEPTH_MAX {
            return Err(QueryError::new(offset, "functions are nested too deep"));
        }
        let name = self.name();
        if name.is_empty() {
            return Err(
                QueryError::new(offset, "an instrument or a function belongs here")
                    .help("for example `sum(scheduler_runs_active) <= 5`"),
            );
        }
        let after_name = self.skip_space();
        let called = self.peek() == Some('(') || self.name() == "by";
        self.offset = after_name;
        if called {
            self.function(name, offset, depth)
        } else {
            self.series(name, offset)
        }
    }

    fn function(
        &mut self,
        name: &str,
        offset: usize,
        depth: usize,
    ) -> Result<Expression, QueryError> {
        let by = self.grouping()?;
        self.expect('(')?;
        let expression = match name {
            "histogram_quantile" if by.is_empty() => {
                let quantile = self.quantile()?;
                let of = Box::new(self.expression(depth + 1)?);
                Expression::HistogramQuantile { quantile, of }
            }
            _ => {
                let function = self.aggregation(name, offset)?;
                let of = Box::new(self.expression(depth + 1)?);
                Expression::Aggregate { function, by, of }
            }
        };
        self.expect(')')?;
        Ok(expression)
    }

    fn aggregation(&mut self, name: &str, offset: usize) -> Result<Aggregation, QueryError> {
        Ok(match name {
            "sum" => Aggregation::Sum,
            "min" => Aggregation::Min,
            "max" => Aggregation::Max,
            "avg" => Aggregation::Avg,
            "count" => Aggregation::Count,
            "quantile" => Aggregation::Quantile(self.quantile()?),
            _ => {
                let known = [
                    "sum",
                    "min",
                    "max",
                    "avg",
                    "count",
                    "quantile",
                    "histogram_quantile",
                ];
                let error = QueryError::new(offset, format!("`{name}` is no known function"));
                return Err(error.maybe_help(suggest::remedy(name, known)));
            }
        })
    }

    fn quantile(&mut self) -> Result<f64, QueryError> {
        let offset = self.skip_space();
        let quantile = self.number()?;
        if !(0.0..=1.0).contains(&quantile) {
            return Err(QueryError::new(offset, "a quantile goes from 0 to 1"));
        }
        self.expect(',')?;
        Ok(quantile)
    }

    /// `by (label, ..)`, if it stands here.
    fn grouping(&mut self) -> Result<Vec<String>, QueryError> {
        let mut labels = Vec::new();
        let offset = self.skip_space();
        if self.name() != "by" {
            self.offset = offset;
            return Ok(labels);
        }
        self.expect('(')?;
        loop {
            let offset = self.skip_space();
            match self.name() {
                "" => return Err(QueryError::new(offset, "a label belongs here")),
                label => labels.push(label.to_owned()),
            }
            if !self.accept(',') {
                break;
            }
        }
        self.expect(')')?;
        Ok(labels)
    }

    fn series(&mut self, name: &str, offset: usize) -> Result<Expression, QueryError> {
        let mut matchers = Vec::new();
        if self.accept('{') && !self.accept('}') {
            loop {
                matchers.push(self.matcher()?);
                // A comma may end the list too.
                if !self.accept(',') || self.peek() == Some('}') {
                    break;
                }
            }
            self.expect('}')?;
        }
        if self.peek() == Some('[') {
            return Err(QueryError::new(
                self.offset,
                "ranges like `[5m]` are not known yet",
            ));
        }
        Ok(Expression::Series(Series {
            name: name.to_owned(),
            matchers,
            offset,
        }))
    }

    fn matcher(&mut self) -> Result<Matcher, QueryError> {
        let offset = self.skip_space();
        let label = self.name().to_owned();
        if label.is_empty() {
            return Err(QueryError::new(offset, "a label belongs here")
                .help("for example `{mode=\"analysisOnly\"}`"));
        }
        let operator_offset = self.skip_space();
        let equal = match self.operator_text() {
            "=" => true,
            "!=" => false,
            "=~" | "!~" => {
                let message = "regular expressions are not known yet";
                return Err(QueryError::new(operator_offset, message).help("use `=` or `!=`"));
            }
            _ => return Err(QueryError::new(operator_offset, "`=` or `!=` belongs here")),
        };
        Ok(Matcher {
            label,
            value: self.quoted()?,
            equal,
            offset,
        })
    }

    fn quoted(&mut self) -> Result<String, QueryError> {
        let start = self.skip_space();
        let mut characters = self.rest().char_indices();
        let Some((_, quote @ ('"' | '\''))) = characters.next() else {
            return Err(QueryError::new(start, "a value in quotes belongs here")
                .help("for example `{mode=\"analysisOnly\"}`"));
        };
        let mut value = String::new();
        while let Some((index, character)) = characters.next() {
            match character {
                '\\' => match characters.next() {
                    Some((_, escaped @ ('\\' | '"' | '\''))) => value.push(escaped),
                    Some((_, 'n')) => value.push('\n'),
                    _ => return Err(QueryError::new(start + index, "no such escape")),
                },
                _ if character == quote => {
                    self.offset = start + index + character.len_utf8();
                    return Ok(value);
                }
                _ => value.push(character),
            }
        }
        Err(QueryError::new(start, "the value has no closing quote"))
    }

    fn operator(&mut self) -> Result<Operator, QueryError> {
        let offset = self.skip_space();
        Ok(match self.operator_text() {
            "==" => Operator::Equal,
            "!=" => Operator::NotEqual,
            "<" => Operator::Less,
            "<=" => Operator::LessOrEqual,
            ">" => Operator::Greater,
            ">=" => Operator::GreaterOrEqual,
            "=" => return Err(QueryError::new(offset, "a comparison is `==`").help("write `==`")),
            "" if self.rest().is_empty() => {
                return Err(
                    QueryError::new(offset, "a comparison with a number is missing")
                        .help("for example `<= 5`"),
                );
            }
            _ => {
                return Err(QueryError::new(offset, "a comparison belongs here")
                    .help("use `==`, `!=`, `<`, `<=`, `>` or `>=`, and then a number"));
            }
        })
    }

    fn operator_text(&mut self) -> &'a str {
        self.take_while(|c| matches!(c, '=' | '!' | '<' | '>' | '~'))
    }

    fn number(&mut self) -> Result<f64, QueryError> {
        let offset = self.skip_space();
        let rest = self.rest();
        let mut previous = ' ';
        let length = rest
            .find(|c: char| {
                let signed = matches!(c, '+' | '-') && matches!(previous, ' ' | 'e' | 'E');
                previous = c;
                !(signed || c.is_ascii_alphanumeric() || c == '.')
            })
            .unwrap_or(rest.len());
        let text = &rest[..length];
        match text.parse::<f64>() {
            Ok(number) if number.is_finite() => {
                self.offset += length;
                Ok(number)
            }
            _ => Err(QueryError::new(offset, "a number belongs here")),
        }
    }

    fn end(&mut self) -> Result<(), QueryError> {
        let offset = self.skip_space();
        if self.rest().is_empty() {
            return Ok(());
        }
        Err(QueryError::new(offset, "nothing more belongs here")
            .help("one query is one comparison; write another `[[expect]]` for a second"))
    }

    fn expect(&mut self, wanted: char) -> Result<(), QueryError> {
        if self.accept(wanted) {
            return Ok(());
        }
        Err(QueryError::new(
            self.offset,
            format!("`{wanted}` belongs here"),
        ))
    }

    fn accept(&mut self, wanted: char) -> bool {
        let found = self.peek() == Some(wanted);
        if found {
            self.offset += wanted.len_utf8();
        }
        found
    }

    fn peek(&mut self) -> Option<char> {
        self.skip_space();
        self.rest().chars().next()
    }

    fn name(&mut self) -> &'a str {
        self.skip_space();
        if self.rest().starts_with(|c: char| c.is_ascii_digit()) {
            return "";
        }
        self.take_while(|c| c.is_ascii_alphanumeric() || matches!(c, '_' | ':'))
    }

    fn take_while(&mut self, fits: impl Fn(char) -> bool) -> &'a str {
        let rest = self.rest();
        let length = rest.find(|c| !fits(c)).unwrap_or(rest.len());
        self.offset += length;
        &rest[..length]
    }

    fn skip_space(&mut self) -> usize {
        self.take_while(char::is_whitespace);
        self.offset
    }

    fn rest(&self) -> &'a str {
        &self.text[self.offset..]
    }
}
