//! Suggestions ("did you mean") for unknown words.

/// Minimum similarity, from 0 to 1, of a suggestion.
const LIKENESS_MIN: f64 = 0.8;

/// Candidate most similar to `word`, if any is similar enough.
pub fn closest<'a>(word: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let plain_word = plain(word);
    candidates
        .into_iter()
        .map(|candidate| (likeness(&plain_word, &plain(candidate)), candidate))
        .filter(|(likeness, _)| *likeness >= LIKENESS_MIN)
        .max_by(|(a, _), (b, _)| a.total_cmp(b))
        .map(|(_, candidate)| candidate)
}

/// Sentence that suggests the closest candidate, or lists all.
pub fn remedy<'a>(
    word: &str,
    candidates: impl IntoIterator<Item = &'a str> + Clone,
) -> Option<String> {
    if let Some(meant) = closest(word, candidates.clone()) {
        return Some(format!("did you mean `{meant}`?"));
    }
    let mut all: Vec<&str> = candidates.into_iter().collect();
    let hidden = all.len().saturating_sub(20);
    all.truncate(20);
    if all.is_empty() {
        return None;
    }
    let more = if hidden > 0 {
        format!(" and {hidden} more")
    } else {
        String::new()
    };
    Some(format!("known are `{}`{more}", all.join("`, `")))
}

/// Normalises case and separators, so that `rate_per_second` equals `ratePerSecond`.
fn plain(word: &str) -> String {
    word.chars()
        .filter(|c| !matches!(c, '_' | '-' | ' '))
        .flat_map(char::to_lowercase)
        .collect()
}

fn likeness(word: &str, candidate: &str) -> f64 {
    if word == candidate {
        return 1.0;
    }
    // Jaro-Winkler favours short words and edit distance long ones, so both are used.
    let edits = strsim::normalized_damerau_levenshtein(word, candidate);
    let similar = strsim::jaro_winkler(word, candidate);
    if edits >= 0.6 { similar.min(0.99) } else { 0.0 }
}
