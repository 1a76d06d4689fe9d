//! Shell lines that can be copied, such as the command that repeats a run.

/// Returns the command for a scenario file, a seed, a profile and overrides of scenario values.
///
/// ```
/// use rehearsal::report::replay_command;
///
/// let set = ["name=\"a b\"".to_owned()];
/// assert_eq!(
///     replay_command("night.toml", 7, "swarm", &set),
///     "rehearsal run night.toml --seed 7 --profile swarm --set 'name=\"a b\"'"
/// );
/// ```
pub fn replay_command(path: &str, seed: u64, profile: &str, set: &[String]) -> String {
    let seed = seed.to_string();
    let mut words = vec!["rehearsal", "run", path, "--seed", &seed];
    if profile != "none" {
        words.extend(["--profile", profile]);
    }
    for text in set {
        words.extend(["--set", text]);
    }
    shell_line(&words)
}

/// Joins words to a shell line and quotes them where needed.
pub fn shell_line(words: &[&str]) -> String {
    let words: Vec<String> = words.iter().map(|word| quoted(word)).collect();
    words.join(" ")
}

/// Quotes one word if it contains more than plain characters.
fn quoted(word: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "._-/=:,+".contains(c);
    if !word.is_empty() && word.chars().all(plain) {
        return word.to_owned();
    }
    format!("'{}'", word.replace('\'', r"'\''"))
}
