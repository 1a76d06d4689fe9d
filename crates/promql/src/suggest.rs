//! "Did you mean": the known word that is most like an unknown one.

/// The least likeness, from 0 to 1, at which a word is worth suggesting.
const LIKENESS_MIN: f64 = 0.8;

/// The candidate most like `word`, if any is like it.
pub fn closest<'a>(word: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let plain_word = plain(word);
    candidates
        .into_iter()
        .map(|candidate| (likeness(&plain_word, &plain(candidate)), candidate))
        .filter(|(likeness, _)| *likeness >= LIKENESS_MIN)
        .max_by(|(a, _), (b, _)| a.total_cmp(b))
        .map(|(_, candidate)| candidate)
}

/// A sentence that suggests the closest candidate, or else lists them all.
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

/// Case and word separators do not count, so that `rate_per_second` is `ratePerSecond`.
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
    // Jaro-Winkler is generous with short words, an edit distance with long ones: ask both.
    let edits = strsim::normalized_damerau_levenshtein(word, candidate);
    let similar = strsim::jaro_winkler(word, candidate);
    if edits >= 0.6 { similar.min(0.99) } else { 0.0 }
}
