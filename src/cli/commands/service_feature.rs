//! `rehearsal worker` and `rehearsal admin` in a program that was built without the service.

use std::ffi::OsString;

use clap::Args;

use crate::cli::error::CliError;

#[derive(Args)]
pub struct ServiceFeatureArgs {
    #[arg(hide = true, trailing_var_arg = true, allow_hyphen_values = true)]
    _arguments: Vec<OsString>,
}

pub use self::ServiceFeatureArgs as WorkerArgs;
pub use self::ServiceFeatureArgs as AdminArgs;

/// Says which feature of Cargo the program needs.
pub fn main(_: &ServiceFeatureArgs) -> Result<u8, CliError> {
    Err(CliError::usage(
        "this program has only the simulator; build it with the default features of Cargo, or with \
         `--features service`",
    ))
}
