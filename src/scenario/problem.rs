//! What is wrong with a scenario file, where, and what to write instead.

use std::fmt;

use annotate_snippets::{AnnotationKind, Group, Level, Renderer, Snippet};

use super::document::Place;

/// So many problems of a file are shown; the rest is counted.
const PROBLEMS_SHOWN_MAX: usize = 50;

/// One thing that is wrong with a scenario file.
#[derive(Clone, Debug)]
pub struct Problem {
    title: String,
    primary: Option<(Place, String)>,
    context: Option<(Place, String)>,
    help: Option<String>,
}

impl Problem {
    /// A problem, in one sentence without a full stop.
    pub fn new(title: impl Into<String>) -> Self {
        Self {
            title: title.into(),
            primary: None,
            context: None,
            help: None,
        }
    }

    /// Points at the place, with a few words under it.
    #[must_use]
    pub fn at(mut self, place: Place, label: impl Into<String>) -> Self {
        self.primary = Some((place, label.into()));
        self
    }

    /// Points at a second place that has to do with it.
    #[must_use]
    pub fn beside(mut self, place: Place, label: impl Into<String>) -> Self {
        self.context = Some((place, label.into()));
        self
    }

    /// Says what to write instead.
    #[must_use]
    pub fn help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }

    /// Says what to write instead, if anything is known.
    #[must_use]
    pub fn maybe_help(mut self, help: Option<String>) -> Self {
        self.help = help.or(self.help);
        self
    }

    fn order(&self) -> Option<&Place> {
        self.primary.as_ref().map(|(place, _)| place)
    }

    fn report<'a>(&'a self, sources: &'a [Source]) -> Vec<Group<'a>> {
        let mut group = Level::ERROR
            .primary_title(&self.title)
            .elements(self.snippets(sources));
        if let Some(help) = &self.help {
            group = group.element(Level::HELP.message(help));
        }
        vec![group]
    }

    fn snippets<'a>(
        &'a self,
        sources: &'a [Source],
    ) -> Vec<Snippet<'a, annotate_snippets::Annotation<'a>>> {
        let mut places = Vec::new();
        if let Some((place, label)) = &self.primary {
            places.push((place, label, AnnotationKind::Primary));
        }
        if let Some((place, label)) = &self.context {
            places.push((place, label, AnnotationKind::Context));
        }
        let mut snippets = Vec::new();
        for (index, source) in sources.iter().enumerate() {
            let mut annotations = places
                .iter()
                .filter(|(place, ..)| place.source == index)
                .map(|(place, label, kind)| kind.span(source.span(place)).label(label.as_str()))
                .peekable();
            if annotations.peek().is_some() {
                let snippet = Snippet::source(&source.text).path(&source.name);
                snippets.push(snippet.annotations(annotations));
            }
        }
        snippets
    }
}

/// A text that a scenario came from: the file, or an override.
#[derive(Clone, Debug)]
pub struct Source {
    /// What it is called in messages.
    pub name: String,
    /// All of it.
    pub text: String,
}

impl Source {
    /// The bytes of a place, made to lie within the text, on character boundaries and one line.
    fn span(&self, place: &Place) -> std::ops::Range<usize> {
        let start = self
            .text
            .floor_char_boundary(place.start.min(self.text.len()));
        let end = self
            .text
            .ceil_char_boundary(place.end.clamp(start, self.text.len()));
        let line = self.text[start..end]
            .find(['\n', '\r'])
            .unwrap_or(end - start);
        start..start + line
    }
}

/// Everything that is wrong with a scenario file.
#[derive(Clone, Debug)]
pub struct Problems {
    problems: Vec<Problem>,
    sources: Vec<Source>,
}

impl Problems {
    pub(super) fn new(mut problems: Vec<Problem>, sources: Vec<Source>) -> Self {
        problems.sort_by(|a, b| a.order().cmp(&b.order()));
        Self { problems, sources }
    }

    /// How many there are.
    pub fn count(&self) -> usize {
        self.problems.len()
    }

    /// Writes all of them, with the places in the file, in colour if wanted.
    pub fn render(&self, coloured: bool) -> String {
        let renderer = if coloured {
            Renderer::styled()
        } else {
            Renderer::plain()
        };
        let mut text = String::new();
        for problem in self.problems.iter().take(PROBLEMS_SHOWN_MAX) {
            text.push_str(&renderer.render(&problem.report(&self.sources)));
            text.push_str("\n\n");
        }
        let name = self
            .sources
            .first()
            .map_or("the scenario", |source| &source.name);
        let more = match self.count().saturating_sub(PROBLEMS_SHOWN_MAX) {
            0 => String::new(),
            hidden => format!(", {hidden} of them not shown"),
        };
        let noun = if self.count() == 1 { "error" } else { "errors" };
        text + &format!("{name}: {} {noun}{more}", self.count())
    }
}

impl fmt::Display for Problems {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.render(false))
    }
}

impl std::error::Error for Problems {}
