//! Examples and output of the README are current.

const README: &str = include_str!("../../README.md");

/// Text of the first code block in this language.
fn block(language: &str) -> &'static str {
    let (_, rest) = README
        .split_once(&format!("```{language}\n"))
        .expect("such a block");
    rest.split_once("```").expect("an end of the block").0
}

#[test]
fn readme_scenario_is_valid() {
    let loader = rehearsal::check::scenario_loader(&[]);
    let scenario = loader
        .parse("README.md", block("toml"), None)
        .unwrap_or_else(|e| panic!("{e}"));
    assert_eq!(scenario.name, "crash-at-night");
}

#[test]
fn readme_commands_are_run_by_ci() {
    let commands: Vec<&str> = block("console")
        .lines()
        .filter_map(|l| l.strip_prefix("$ "))
        .collect();
    assert_eq!(
        commands,
        [
            "cargo run --release -- run scenarios/quickstart.toml",
            "cargo test"
        ]
    );
    let steps = include_str!("../../.ci/run");
    assert!(steps.contains(" cargo test --locked\n"));
    let main_job = commands[0].replace("cargo run --release", "cargo run --locked --release");
    assert!(steps.contains(&format!(" {main_job}\n")));
}

/// The output of the first command is in the golden file, except for the times.
#[test]
fn readme_output_matches_golden_file() {
    let golden = include_str!("../../reports/golden/quickstart.txt");
    let value = |key: &str| {
        let line = golden.lines().find_map(|line| line.strip_prefix(key));
        line.unwrap_or_else(|| panic!("no `{key}` in the golden file"))
    };
    let invariants = golden.lines().filter(|line| line.starts_with("invariant "));
    let checks = invariants.map(|line| {
        let (number, _) = line.split_once(": ")?.1.split_once(" checks")?;
        number.parse::<u64>().ok()
    });
    let checks: Option<u64> = checks.sum();
    let checks = checks.expect("each invariant has a number of checks");
    let screen = block("console").replace(',', "");
    for expected in [
        format!("held   {checks} checks"),
        format!("   {} events", value("events ")),
        format!("seed=7 trace={}\n", value("trace ")),
    ] {
        assert!(
            screen.contains(&expected),
            "the README's first screen is of another version: no `{expected}` in\n{screen}"
        );
    }
}

#[test]
fn its_links_lead_somewhere() {
    let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR"));
    let targets = README
        .split("](")
        .skip(1)
        .filter_map(|rest| rest.split(')').next());
    for target in targets {
        assert!(root.join(target).exists(), "{target} does not exist");
    }
}
