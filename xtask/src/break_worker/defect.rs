//! The defects' file format.
//!
//! ```text
//! @ FILE               file of the following sites, below the worker's sources
//! = NAME               begins a defect
//! DESCRIPTION          one line
//! - TEXT               original text, which occurs once in the file; further lines likewise
//! + TEXT               defective text instead of it, perhaps empty
//! ? REASON             why sweeps do not find it, if they do not
//! ```
//!
//! Of a text with a part in «», only that part is replaced, and the rest says where. An empty part
//! is a place at which a declaration is added. A defect may have several sites.

use std::fmt;

/// A mistake that a sweep has to find.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Defect {
    pub name: String,
    pub description: String,
    pub sites: Vec<Site>,
    /// Reason why sweeps do not find it.
    pub unfound: Option<String>,
}

/// A changed text.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Site {
    /// Path below the worker's sources.
    pub file: String,
    /// Original text, perhaps with a part in «».
    pub text: String,
    /// Text instead of that part, or of the whole.
    pub by: String,
}

impl Site {
    /// Returns the text before the part that is replaced, that part, and the text after it.
    pub fn parts(&self) -> (&str, &str, &str) {
        let marked = self.text.split_once('«').and_then(|(before, rest)| {
            let (part, after) = rest.split_once('»')?;
            Some((before, part, after))
        });
        marked.unwrap_or(("", &self.text, ""))
    }
}

/// A line that the format does not have.
#[derive(Debug, PartialEq, Eq)]
pub struct DefectFormatError(String);

impl fmt::Display for DefectFormatError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "unexpected line: {}", self.0)
    }
}

/// Reads the defects of a file.
pub fn parse(text: &str) -> Result<Vec<Defect>, DefectFormatError> {
    let mut defects: Vec<Defect> = Vec::new();
    let mut file = "";
    let mut previous = "";
    for line in text.lines() {
        let error = || DefectFormatError(line.to_owned());
        let (mark, rest) = line.split_at(line.len().min(1));
        let rest = rest.strip_prefix(' ').unwrap_or(rest);
        match (mark, defects.last_mut()) {
            ("", _) => {}
            ("@", _) => file = rest,
            ("=", _) => defects.push(Defect {
                name: rest.to_owned(),
                ..Defect::default()
            }),
            ("-", Some(defect)) if previous == "-" => {
                let site = defect.sites.last_mut().ok_or_else(error)?;
                site.text += "\n";
                site.text += rest;
            }
            ("-", Some(defect)) => defect.sites.push(Site {
                file: file.to_owned(),
                text: rest.to_owned(),
                by: String::new(),
            }),
            ("+", Some(defect)) => {
                let site = defect.sites.last_mut().ok_or_else(error)?;
                site.by += rest;
                site.by += "\n";
            }
            ("?", Some(defect)) => defect.unfound = Some(rest.to_owned()),
            (_, Some(defect)) if previous == "=" => line.clone_into(&mut defect.description),
            _ => return Err(error()),
        }
        previous = mark;
    }
    Ok(defects)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn defect_has_sites_in_several_files() {
        let text = "@ a.rs\n= one\nDoes.\n- let «x» =\n-     1;\n+ y\n@ b.rs\n- z;\n+\n? late\n";
        let site = |file: &str, text: &str, by: &str| Site {
            file: file.to_owned(),
            text: text.to_owned(),
            by: by.to_owned(),
        };
        let defect = Defect {
            name: "one".to_owned(),
            description: "Does.".to_owned(),
            sites: vec![
                site("a.rs", "let «x» =\n    1;", "y\n"),
                site("b.rs", "z;", "\n"),
            ],
            unfound: Some("late".to_owned()),
        };
        assert_eq!(defect.sites[0].parts(), ("let ", "x", " =\n    1;"));
        assert_eq!(defect.sites[1].parts(), ("", "z;", ""));
        assert_eq!(parse(text), Ok(vec![defect]));
        assert_eq!(parse("- x"), Err(DefectFormatError("- x".to_owned())));
    }
}
