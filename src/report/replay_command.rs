//! Shell lines that a person can copy, such as the one that rehearses the same again.

/// The line for a scenario file, a seed, a profile by its name, and values put over the file's.
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

/// A shell line of these words, each in quotes if it needs them.
pub fn shell_line(words: &[&str]) -> String {
    let words: Vec<String> = words.iter().map(|word| quoted(word)).collect();
    words.join(" ")
}

/// A word of a shell line, in quotes if it needs them.
fn quoted(word: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "._-/=:,+".contains(c);
    if !word.is_empty() && word.chars().all(plain) {
        return word.to_owned();
    }
    format!("'{}'", word.replace('\'', r"'\''"))
}
