//! Content negotiation: the format and the encoding that a client prefers (RFC 9110, section 12.5).

use hyper::HeaderMap;
use hyper::header::{ACCEPT, ACCEPT_ENCODING, HeaderName};

use rehearsal_metrics::exposition::ExpositionFormat;

/// Returns OpenMetrics if the client prefers it, or names it and does not prefer text. A client
/// that accepts neither gets text, as Prometheus's client libraries do.
pub(super) fn preferred_format(headers: &HeaderMap) -> ExpositionFormat {
    let ranges = || elements(headers, ACCEPT);
    let weight = |format| {
        let matching = ranges().filter_map(|range| Some((specificity(&range, format)?, range)));
        let weights = matching.map(|(specificity, range)| (specificity, range.quality));
        // The most specific range counts, whatever its quality is.
        let weights = weights.max_by(|a, b| a.0.cmp(&b.0).then(a.1.total_cmp(&b.1)));
        weights.unwrap_or((Specificity::Any, 0.0))
    };
    let (_, text) = weight(ExpositionFormat::Text);
    let (specificity, open_metrics) = weight(ExpositionFormat::OpenMetrics);
    let is_named = specificity >= Specificity::Named;
    if open_metrics > text || is_named && open_metrics > 0.0 && open_metrics >= text {
        ExpositionFormat::OpenMetrics
    } else {
        ExpositionFormat::Text
    }
}

/// Whether the client accepts gzip and does not prefer the plain page.
pub(super) fn accepts_gzip(headers: &HeaderMap) -> bool {
    let quality = |names: &[&str]| {
        let named = elements(headers, ACCEPT_ENCODING)
            .filter(|coding| names.iter().any(|name| coding.is(name)));
        named.map(|coding| coding.quality).reduce(f32::max)
    };
    let gzip = quality(&["gzip", "x-gzip"]).or_else(|| quality(&["*"]));
    let plain = quality(&["identity"]).unwrap_or(0.0);
    gzip.is_some_and(|gzip| gzip > 0.0 && gzip >= plain)
}

/// Exactness with which a range of media types names a format.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Specificity {
    /// `*/*`.
    Any,
    /// `text/*`.
    Type,
    /// `text/plain`.
    Named,
    /// `text/plain; version=0.0.4`.
    Version,
}

/// Returns how exactly the range names the format; `None` if it is another one.
fn specificity(range: &Element<'_>, format: ExpositionFormat) -> Option<Specificity> {
    let (any, name, version) = match format {
        ExpositionFormat::Text => ("text/*", "text/plain", "0.0.4"),
        ExpositionFormat::OpenMetrics => ("application/*", "application/openmetrics-text", "1.0.0"),
    };
    if range.is(name) {
        match range.parameter("version") {
            None => Some(Specificity::Named),
            Some(asked) => (asked == version).then_some(Specificity::Version),
        }
    } else if range.is(any) {
        Some(Specificity::Type)
    } else {
        range.is("*/*").then_some(Specificity::Any)
    }
}

/// Element of a list with qualities.
struct Element<'a> {
    name: &'a str,
    parameters: &'a str,
    /// From 0, not acceptable, to 1.
    quality: f32,
}

impl<'a> Element<'a> {
    /// Element of this text. An element with an invalid quality does not count.
    fn parse(text: &'a str) -> Option<Self> {
        let (name, parameters) = text.split_once(';').unwrap_or((text, ""));
        let mut element = Self {
            name: name.trim(),
            parameters,
            quality: 1.0,
        };
        if let Some(quality) = element.parameter("q") {
            element.quality = quality.parse().ok()?;
        }
        (0.0..=1.0).contains(&element.quality).then_some(element)
    }

    fn is(&self, name: &str) -> bool {
        self.name.eq_ignore_ascii_case(name)
    }

    fn parameter(&self, name: &str) -> Option<&'a str> {
        let mut pairs = self
            .parameters
            .split(';')
            .filter_map(|pair| pair.split_once('='));
        let (_, value) = pairs.find(|(key, _)| key.trim().eq_ignore_ascii_case(name))?;
        Some(value.trim().trim_matches('"'))
    }
}

fn elements(headers: &HeaderMap, name: HeaderName) -> impl Iterator<Item = Element<'_>> {
    headers
        .get_all(name)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .filter_map(Element::parse)
}

#[cfg(test)]
mod tests {
    use hyper::header::HeaderValue;

    use super::*;

    fn headers(name: HeaderName, values: &[&str]) -> HeaderMap {
        let values = values.iter().map(|value| HeaderValue::from_str(value));
        values.map(|value| (name.clone(), value.unwrap())).collect()
    }

    #[test]
    fn accept_prefers_open_metrics() {
        for accept in [
            &["application/openmetrics-text"][..],
            // Prometheus 2.42 and 3.
            &["application/openmetrics-text;version=1.0.0,\
               application/openmetrics-text;version=0.0.1;q=0.75,\
               text/plain;version=0.0.4;q=0.5,*/*;q=0.1"],
            &[
                "application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.5,\
               application/openmetrics-text;version=0.0.1;q=0.4,\
               text/plain;version=1.0.0;escaping=allow-utf-8;q=0.3,\
               text/plain;version=0.0.4;q=0.2,*/*;q=0.1",
            ],
            &["application/openmetrics-text, text/plain"],
            &["application/openmetrics-text, */*"],
            &[
                "text/plain;q=0.4",
                "APPLICATION/OpenMetrics-Text ; Version=\"1.0.0\" ; Q=0.5",
            ],
            &["application/*"],
            &["text/*;q=0.5, */*;q=0.7"],
            &["text/plain;q=0, */*"],
            &["text/plain;version=1.0.0, application/openmetrics-text;q=0.001"],
        ] {
            let format = preferred_format(&headers(ACCEPT, accept));
            assert_eq!(format, ExpositionFormat::OpenMetrics, "{accept:?}");
        }
    }

    #[test]
    fn accept_prefers_text() {
        for accept in [
            &[][..],
            &[""],
            &["*/*"],
            &["text/plain"],
            &["text/*, application/*"],
            &["image/png"],
            &["application/json, */*;q=0"],
            &["application/openmetrics-text;q=0"],
            &["application/openmetrics-text;q=0, */*"],
            &["application/openmetrics-text;q=0.2, text/plain;q=0.5"],
            &["application/openmetrics-text;q=0.2, text/*;q=0.5"],
            &["application/openmetrics-text;version=1.0.0;q=0, application/openmetrics-text"],
            &["application/openmetrics-text;version=7.0.0"],
            &["application/openmetrics-text;q=nan"],
            &["application/openmetrics-text;q=2"],
            &["application/openmetrics-text;q="],
            &["application/openmetrics-textual"],
            &[";;,,;q=1,="],
        ] {
            let format = preferred_format(&headers(ACCEPT, accept));
            assert_eq!(format, ExpositionFormat::Text, "{accept:?}");
        }
    }

    #[test]
    fn accept_encoding_allows_gzip() {
        for (accept, is_allowed) in [
            (&[][..], false),
            (&[""], false),
            (&["gzip"], true),
            (&["x-gzip"], true),
            (&["GZip;q=0.5"], true),
            (&["deflate, gzip;q=1.0, *;q=0.5"], true),
            (&["deflate", "gzip"], true),
            (&["*"], true),
            (&["gzip;q=0"], false),
            (&["gzip;q=0, *"], false),
            (&["gzip;q=0.000"], false),
            (&["*;q=0"], false),
            (&["br, deflate"], false),
            (&["identity"], false),
            (&["identity, gzip;q=0.5"], false),
            (&["identity;q=0.5, gzip"], true),
            (&["identity;q=0, gzip;q=0.1"], true),
            (&["gzip;q=x"], false),
        ] {
            let actual = accepts_gzip(&headers(ACCEPT_ENCODING, accept));
            assert_eq!(actual, is_allowed, "{accept:?}");
        }
    }
}
