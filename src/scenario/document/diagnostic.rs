//! Diagnostics of a scenario file: error, position and help.

use std::fmt;

use annotate_snippets::{AnnotationKind, Group, Level, Renderer, Snippet};

use super::SourceSpan;

/// Maximum number of diagnostics rendered for a file. The others are counted.
const DIAGNOSTICS_SHOWN_MAX: usize = 50;

/// One error in a scenario file.
#[derive(Clone, Debug)]
pub struct Diagnostic {
    title: String,
    primary: Option<(SourceSpan, String)>,
    context: Option<(SourceSpan, String)>,
    help: Option<String>,
}

impl Diagnostic {
    /// Diagnostic with this title: one sentence without a full stop.
    pub fn new(title: impl Into<String>) -> Self {
        Self {
            title: title.into(),
            primary: None,
            context: None,
            help: None,
        }
    }

    /// Sets the primary span, with a short label.
    #[must_use]
    pub fn at(mut self, span: SourceSpan, label: impl Into<String>) -> Self {
        self.primary = Some((span, label.into()));
        self
    }

    /// Sets a secondary span, with a short label.
    #[must_use]
    pub fn secondary(mut self, span: SourceSpan, label: impl Into<String>) -> Self {
        self.context = Some((span, label.into()));
        self
    }

    /// Sets the help text: what to write instead.
    #[must_use]
    pub fn help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }

    /// Sets the help text, if there is one.
    #[must_use]
    pub fn maybe_help(mut self, help: Option<String>) -> Self {
        self.help = help.or(self.help);
        self
    }

    fn order(&self) -> Option<&SourceSpan> {
        self.primary.as_ref().map(|(span, _)| span)
    }

    fn report<'a>(&'a self, sources: &'a [SourceText]) -> Vec<Group<'a>> {
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
        sources: &'a [SourceText],
    ) -> Vec<Snippet<'a, annotate_snippets::Annotation<'a>>> {
        let mut spans = Vec::new();
        if let Some((span, label)) = &self.primary {
            spans.push((span, label, AnnotationKind::Primary));
        }
        if let Some((span, label)) = &self.context {
            spans.push((span, label, AnnotationKind::Context));
        }
        let mut snippets = Vec::new();
        for (index, source) in sources.iter().enumerate() {
            let mut annotations = spans
                .iter()
                .filter(|(span, ..)| span.source == index)
                .map(|(span, label, kind)| kind.span(source.span(span)).label(label.as_str()))
                .peekable();
            if annotations.peek().is_some() {
                let snippet = Snippet::source(&source.text).path(&source.name);
                snippets.push(snippet.annotations(annotations));
            }
        }
        snippets
    }
}

/// Source text of a scenario: the file, or an override.
#[derive(Clone, Debug)]
pub struct SourceText {
    /// Name in messages.
    pub name: String,
    /// Complete text, to which spans refer.
    pub text: String,
}

impl SourceText {
    /// Byte range of a span, clipped to the text, to character boundaries and to one line.
    fn span(&self, span: &SourceSpan) -> std::ops::Range<usize> {
        let start = self
            .text
            .floor_char_boundary(span.start.min(self.text.len()));
        let end = self
            .text
            .ceil_char_boundary(span.end.clamp(start, self.text.len()));
        let line = self.text[start..end]
            .find(['\n', '\r'])
            .unwrap_or(end - start);
        start..start + line
    }
}

/// All errors of a scenario file.
#[derive(Clone, Debug)]
pub struct Diagnostics {
    diagnostics: Vec<Diagnostic>,
    sources: Vec<SourceText>,
}

impl Diagnostics {
    /// Diagnostics sorted by position; `sources` are the texts that their spans refer to.
    pub fn new(mut diagnostics: Vec<Diagnostic>, sources: Vec<SourceText>) -> Self {
        diagnostics.sort_by(|a, b| a.order().cmp(&b.order()));
        Self {
            diagnostics,
            sources,
        }
    }

    /// Number of errors.
    pub fn count(&self) -> usize {
        self.diagnostics.len()
    }

    /// Renders the errors with excerpts of the file, with ANSI styles if `coloured`.
    pub fn render(&self, coloured: bool) -> String {
        let renderer = if coloured {
            Renderer::styled()
        } else {
            Renderer::plain()
        };
        let mut text = String::new();
        for diagnostic in self.diagnostics.iter().take(DIAGNOSTICS_SHOWN_MAX) {
            text.push_str(&renderer.render(&diagnostic.report(&self.sources)));
            text.push_str("\n\n");
        }
        let name = self
            .sources
            .first()
            .map_or("the scenario", |source| &source.name);
        let more = match self.count().saturating_sub(DIAGNOSTICS_SHOWN_MAX) {
            0 => String::new(),
            hidden => format!(", {hidden} of them not shown"),
        };
        let noun = if self.count() == 1 { "error" } else { "errors" };
        text + &format!("{name}: {} {noun}{more}", self.count())
    }
}

impl fmt::Display for Diagnostics {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.render(false))
    }
}

impl std::error::Error for Diagnostics {}
