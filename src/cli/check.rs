//! `rehearsal scenario check`

use std::path::PathBuf;

use clap::Args;
use rehearsal::check::vocabulary;
use rehearsal::report::worst_exit_code;
use rehearsal::scenario::Loader;

use super::failure::Failure;
use super::output;

#[derive(Args)]
pub struct Arguments {
    /// The scenario files
    #[arg(required = true, value_name = "SCENARIO")]
    scenarios: Vec<PathBuf>,
    /// Put a value over the file's, as in `fleet.images=100`; may be repeated
    #[arg(long = "set", value_name = "KEY=VALUE")]
    overrides: Vec<String>,
}

/// Reads every file and says what is wrong with each.
pub fn main(arguments: &Arguments) -> Result<u8, Failure> {
    let overrides = arguments.overrides.clone();
    let loader = Loader {
        vocabulary: vocabulary(),
        overrides,
    };
    let mut codes = Vec::new();
    for path in &arguments.scenarios {
        match loader.load(path) {
            Ok(_) => output::print(&format!("{}: sound\n", path.display()))?,
            Err(error) => {
                let failure = Failure::from(error);
                output::complain(&failure.to_string());
                codes.push(failure.exit_code());
            }
        }
    }
    Ok(worst_exit_code(codes))
}
