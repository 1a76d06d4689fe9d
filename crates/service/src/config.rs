//! Configuration of a worker process: file, environment and flags, in that order of precedence.
//!
//! ```text
//!   defaults < worker.toml < REHEARSAL_… < --set
//! ```
//!
//! Secrets are in none of them: keys that end in `File` name files that hold them, and three
//! variables of the environment may hold them instead (see [`Secrets`]).

mod layers;
mod option_table;
mod secrets;
mod sections;
#[cfg(test)]
mod tests;

pub use layers::{ConfigError, ConfigSources};
pub use option_table::{ConfigOption, OptionKind, config_options, markdown_table};
pub use secrets::{SecretError, Secrets};
pub use sections::{
    EventsSection, HttpSection, InventorySection, LogChoice, LogLevel, LogSection, NotifySection,
    ScannerSection, ServiceConfig, StoreSection,
};
